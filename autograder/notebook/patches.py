"""What a submission finds around it: the grader's own lab, no Otter, no keyboard, no windows.

Everything that is replaced in the process can be put back, for `moelab check` and for tests.
"""

from __future__ import annotations

import builtins
import contextlib
import getpass
import importlib
import io
import multiprocessing.process
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.pyplot as plt
import torch
import tqdm
import tqdm.auto
import tqdm.notebook
import tqdm.std

from autograder.notebook.stubs import (
    NamelessStub,
    Stubs,
    refuse_to_start,
    refusing_popen,
    refusing_system,
)
from moelab_kit import import_whole

KIT = "moelab_kit"


def surround(
    given: Mapping[str, Any], note: Callable[[str], None], packages: Sequence[str] = ()
) -> contextlib.ExitStack:
    """Replace what a submission must not or cannot use; closing the stack puts all of it back.

    `given` are names that the lab's packages offer, in the caller's version (`load_model` and the
    like); `note` takes sentences on what was left out. `packages` are the lab's besides moelab_kit.
    """
    stack = contextlib.ExitStack()
    try:
        _give_lab(stack, given, (KIT, *packages))
        _give_stubs(stack)
        _give_no_keyboard(stack)
        _give_no_login(stack)
        _give_no_programs(stack, note)
        _give_no_compiler(stack)
        _give_no_windows(stack)
        _give_plain_progress_bars(stack)
    except BaseException:
        stack.close()
        raise
    return stack


def register(stack: contextlib.ExitStack, name: str, module: ModuleType) -> None:
    """Put a module into `sys.modules` until the stack is closed."""
    before = sys.modules.get(name)
    sys.modules[name] = module
    if before is None:
        stack.callback(sys.modules.pop, name, None)
    else:
        stack.callback(sys.modules.__setitem__, name, before)


def _replace(stack: contextlib.ExitStack, owner: Any, name: str, value: Any) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


def _give_lab(
    stack: contextlib.ExitStack, given: Mapping[str, Any], packages: Sequence[str]
) -> None:
    """The lab's packages are the grader's own, whatever lies beside the notebook.

    They have no files, so that a notebook for Colab does not write its own.
    """
    for name in packages:
        import_whole(name)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in packages:
            register(stack, name, module)
    for package in map(sys.modules.__getitem__, packages):
        for name, value in {"hand_in": _do_nothing, "this_notebook": str, **given}.items():
            if name in package.__all__:
                _replace(stack, package, name, value)
        _replace(stack, package, "__file__", None)


def _give_stubs(stack: contextlib.ExitStack) -> None:
    hidden = [name for name in sys.modules if name.partition(".")[0] == "otter"]
    kept = {name: sys.modules.pop(name) for name in hidden}
    stub = Stubs()
    sys.meta_path.insert(0, stub)

    def put_back() -> None:
        if stub in sys.meta_path:
            sys.meta_path.remove(stub)
        for name, module in list(sys.modules.items()):
            if isinstance(module, NamelessStub):
                del sys.modules[name]
        sys.modules.update(kept)

    stack.callback(put_back)


def _give_no_keyboard(stack: contextlib.ExitStack) -> None:
    def refuse(*args: Any, **kwargs: Any) -> str:
        raise EOFError("nobody is there to type an answer while a submission runs")

    _replace(stack, builtins, "input", refuse)
    _replace(stack, getpass, "getpass", refuse)
    _replace(stack, sys, "stdin", io.StringIO())
    _replace(stack, sys, "breakpointhook", _do_nothing)
    _replace(stack, sys, "argv", ["submission.py"])


def _give_no_login(stack: contextlib.ExitStack) -> None:
    """Let a login to Hugging Face do nothing: there is no network, and no token to keep."""
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        return
    for name in ("login", "notebook_login", "interpreter_login", "logout"):
        if hasattr(hub, name):
            _replace(stack, hub, name, _do_nothing)


def _give_no_programs(stack: contextlib.ExitStack, note: Callable[[str], None]) -> None:
    _replace(stack, os, "system", refusing_system(note))
    _replace(stack, subprocess, "Popen", refusing_popen(note))
    _replace(stack, multiprocessing.process.BaseProcess, "start", refuse_to_start)


def _give_no_compiler(stack: contextlib.ExitStack) -> None:
    """Let what `torch.compile` compiles run as it stands: it would need programs and files."""

    def uncompiled(model: Any = None, **options: Any) -> Any:
        return model if model is not None else lambda function: function

    _replace(stack, torch, "compile", uncompiled)


def _give_no_windows(stack: contextlib.ExitStack) -> None:
    """Draw into memory whatever backend the submission asks for; showing does nothing."""
    stack.enter_context(matplotlib.rc_context())
    stack.callback(plt.close, "all")
    if matplotlib.get_backend().lower() != "agg":
        stack.callback(matplotlib.use, matplotlib.get_backend())
    plt.switch_backend("agg")  # now: pyplot would do it at the first figure, when it no longer can
    matplotlib.rcParams["figure.max_open_warning"] = 0
    _replace(stack, matplotlib, "use", _do_nothing)
    for name in ("show", "pause", "switch_backend"):
        _replace(stack, plt, name, _do_nothing)
    _replace(stack, matplotlib.figure.Figure, "show", _do_nothing)


def _give_plain_progress_bars(stack: contextlib.ExitStack) -> None:
    """Let notebook progress bars be text ones, which need no widgets; start no watching thread."""
    plain = {"tqdm": tqdm.std.tqdm, "trange": tqdm.std.trange}
    for module in (tqdm.notebook, tqdm.auto):
        for name, bar in plain.items():
            _replace(stack, module, name, bar)
    _replace(stack, tqdm.notebook, "tqdm_notebook", tqdm.std.tqdm)
    _replace(stack, tqdm, "tqdm_notebook", tqdm.std.tqdm)
    _replace(stack, tqdm.std.tqdm, "monitor_interval", 0)


def _do_nothing(*args: Any, **kwargs: Any) -> None:
    pass
