"""The current folder is no place to import from, whatever command is given in it.

Every file here says when it is run, in a file outside.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What libraries try to import and do without: found with `python -X importtime` and by reading.
OPTIONAL = """
    cuda opt_einsum torchvision torchaudio triton apex deepspeed flash_attn bitsandbytes
    tensorflow jax flax keras pandas scipy sklearn PIL numba cupy mkl
    intel_extension_for_pytorch xformers peft kernels cv2 torch_xla torch_npu torch_mlu
    torch_musa habana_frameworks tensorboard tensorboardX wandb mlflow comet_ml clearml dvclive
    swanlab trackio pynvml psutil simplejson ujson orjson chardet cchardet brotli brotlicffi
    zstandard socks h2 uvloop hf_xet hf_transfer sentencepiece sentencepiece_model_pb2 google
    gguf tiktoken blobfile mistral_common optimum lxml html5lib cssselect bs4 colorama win32api
    pyreadline gnureadline curio trio matplotlib_inline mpl_toolkits cairo cairocffi gi wx PyQt5
    PyQt6 PySide2 PySide6 shiboken6 tornado nbdime jupytext dill cloudpickle greenlet psycopg
    psycopg2 pysqlite2 sqlcipher3 aiosqlite pkg_resources mako babel pygments docutils sphinx
    IPython ipykernel jedi black yapf astroid coverage sitecustomize usercustomize torch_neuronx
    onnx onnxruntime pyseccomp seccomp sandlock msgpack expecttest hypothesis nvidia amdsmi
    sympy gmpy2 gmpy flint networkx pydot pygraphviz fsspec s3fs gcsfs aiohttp requests httpx
    rich click click_repl readline _virtualenv _distutils_hack distutils setuptools wheel pip
    numexpr bottleneck pyarrow zmq notebook ipywidgets tqdm yaml _yaml faulthandler tests
    conftest reference moe_lab otter_plugin
"""


@dataclass(frozen=True)
class Trap:
    """A folder of submissions in which every name that Python could look for is a canary."""

    folder: Path
    sprung: Path

    def names(self) -> list[str]:
        """The canaries that were run."""
        return sorted(set(self.sprung.read_text().split())) if self.sprung.exists() else []

    def moelab(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Give a command as its console script does, in this folder."""
        program = "from autograder.cli.main import main\n\nif __name__ == '__main__':\n    main()"
        script = self.sprung.parent / "bin" / "moelab"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"{program}\n")
        return self._run([sys.executable, str(script), *arguments], **environment)

    def module(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Give a command as `python -m`, in this folder."""
        return self._run([sys.executable, "-m", "autograder.cli", *arguments], **environment)

    def _run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**kept, "OMP_NUM_THREADS": "1", **more},
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
        )


def canary(name: str, sprung: Path) -> str:
    """A module that says that it was run, and then is of no use."""
    say = f"os.write(os.open({str(sprung)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), b'{name} ')"
    return f"import os\n{say}\nraise ImportError({name!r})\n"


def every_name() -> set[str]:
    """The standard library's modules, our dependencies' packages, and what those may import."""
    installed = {name for name in metadata.packages_distributions() if name.isidentifier()}
    return (set(sys.stdlib_module_names) | installed | set(OPTIONAL.split())) - {"autograder"}


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    folder, sprung = tmp_path / "submissions", tmp_path / "sprung"
    folder.mkdir()
    for name in every_name():
        (folder / f"{name}.py").write_text(canary(name, sprung))
    (folder / "matplotlibrc").write_text("figure.figsize: 1, 1\naxes.grid: True\n")
    (folder / "ada.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    with zipfile.ZipFile(folder / "ada.zip", "w") as archive:
        archive.writestr("ada.ipynb", (folder / "ada.ipynb").read_bytes())
    return Trap(folder, sprung)


def test_the_trap_works(trap):
    """`python -c` and `python -m` do import from the current folder: the canaries sing."""
    ordinary = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, "-c", "import statistics"]
    subprocess.run(command, cwd=trap.folder, env=ordinary, capture_output=True)
    assert trap.names()


ADJUSTED = ("--student", "a", "--exercise", "b", "--points", "1", "--why", "c")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("check", "ada.ipynb", "--assignment", "moe_routing_in_practice"),
        ("check", "ada.zip"),
        ("report", "gradebook.db"),
        ("adjust", "gradebook.db", *ADJUSTED),
        ("build", "--check"),
        ("doctor",),
        ("grade", "ada.ipynb", *("--assignment", "moe_routing_in_practice"), "--gradebook=../g.db"),
    ],
    ids=lambda arguments: arguments[0] + Path(arguments[-1]).suffix,
)
def test_no_command_imports_from_the_current_folder(trap, arguments):
    ended = trap.moelab(*arguments)
    assert trap.names() == [], ended.stderr
    assert "mistake of its own" not in ended.stderr


def test_python_m_starts_again_without_the_current_folder(trap):
    """Whatever command: it has not been read yet when that happens."""
    ended = trap.module("check", "ada.zip")
    assert trap.names() == [], ended.stderr
    assert "mistake of its own" not in ended.stderr


def test_a_gradebook_among_the_submissions_is_refused(trap):
    (trap.folder / "gradebook.db").touch()
    ended = trap.moelab("grade", ".", "--assignment", "moe_routing_in_practice")
    assert ended.returncode == 2
    assert "lies in the folder that is graded" in ended.stderr
