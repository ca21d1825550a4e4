"""`moelab new`: the first files of a course, and of an exercise."""
