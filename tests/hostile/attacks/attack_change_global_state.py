"""Change every global setting.

Tries: default dtype and device, threads, determinism, gradients, seeds, warnings, recursion limit,
    garbage collection, signal handlers, environment, working folder, locale and decimal context.
Success: an honest submission afterwards sees one of them.
Outcome: refused or error.
"""

import decimal
import gc
import locale
import os
import random
import signal
import sys
import warnings

import numpy as np
import torch


def attack(targets, model):
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    torch.set_num_threads(2)
    torch.set_printoptions(precision=1)
    np.random.seed(0)
    np.seterr(all="raise")
    random.seed(0)
    warnings.simplefilter("error")
    sys.setrecursionlimit(200)
    sys.setswitchinterval(100)
    gc.disable()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.environ["HOME"] = "/nowhere"
    os.chdir("/")
    os.umask(0)
    locale.setlocale(locale.LC_ALL, "C")
    decimal.getcontext().prec = 1
    torch.set_default_device("meta")
    return ""
