"""What runs inside the sandbox: the warm zygote and the child that executes a submission.

Nothing here may import the grader: the zygote's memory is a submission's memory.
"""
