"""The instructor edition, one package per exercise. None of it reaches students or the sandbox."""

# What students have besides `moelab_kit`, and where the fixture `bench` comes from.
packages = ("moe_lab",)
