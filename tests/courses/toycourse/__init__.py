"""A course of three small exercises, for tests of what builds, verifies and grades courses."""

packages = ("moe_lab",)
