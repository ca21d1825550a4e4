"""`dist/<assignment>/autograder.zip`: what `otter run` and Gradescope grade with."""
