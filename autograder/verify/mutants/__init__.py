"""`moelab verify --mutants`: are the checks of an exercise sharp enough to see any small mistake?

`making` changes the reference in every small way that cosmic-ray, mutmut and `operators` know, one
change at a time. `trying` puts each mutant in the student's place and runs the checks until one
fails: that mutant is killed. A mutant that passes every check survives: a check is missing, or the
change makes no difference and the exercise says why (`exercise.equivalent`). `keeping` remembers
results, so that an interrupted run goes on where it was; `telling` reports.
"""
