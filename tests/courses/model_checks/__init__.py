"""The exercises of the lab whose checks run models, as a course: for tests and timings."""

packages = ("moe_lab",)
