"""Threads that compute on after the answer, until the submission's end.

Tries: to slow down or block what comes next.
Success: a later submission does not get its values, or a thread lives on.
Outcome: refused or timeout.
"""

import threading


def spin():
    while True:
        pass


def attack(targets, model):
    for _ in range(4):
        threading.Thread(target=spin).start()
    return ""
