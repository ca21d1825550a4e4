"""Values across the trust boundary: plain data as bytes, read with limits and without pickle.

Nothing is imported here: `autograder.text` is for programs that must start without torch.
"""
