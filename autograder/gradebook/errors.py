"""What can be wrong with a gradebook."""


class GradebookError(Exception):
    """The gradebook cannot be used; the message says why and what to do, in a sentence."""
