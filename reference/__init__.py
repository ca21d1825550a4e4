<<<<<<< HEAD
"""The instructor edition, one package per exercise. None of it reaches students or the sandbox."""
=======
"""The instructor edition, one module per exercise. None of it reaches students or the sandbox."""

# What students have besides `moelab_kit`, and where the fixture `bench` comes from.
packages = ("moe_lab",)
>>>>>>> 588a110 (A course says which packages its students have; fixtures are declared by the course; a course without models loads none)
