"""Close every descriptor and live on.

Tries: letting the grader see the end of the channel while the process still runs.
Success: the grader takes the end of the channel for the end of the process.
Outcome: died.
"""

import os
import time


def attack(targets, model):
    os.closerange(0, 256)
    while True:
        time.sleep(1)
