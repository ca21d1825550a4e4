"""Modules that say when they are imported, under every name that Python could look for."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

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


def hang_canaries(folder: Path, sprung: Path) -> None:
    """Put a module of each name into a folder; when it is run, it writes its name to `sprung`."""
    for name in every_name():
        (folder / f"{name}.py").write_text(canary(name, sprung))


def birds_that_sang(sprung: Path) -> list[str]:
    """The modules that were run."""
    return sorted(set(sprung.read_text().split())) if sprung.exists() else []


def canary(name: str, sprung: Path) -> str:
    """A module that says that it was run, and then is of no use."""
    say = f"os.write(os.open({str(sprung)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), b'{name} ')"
    return f"import os\n{say}\nraise ImportError({name!r})\n"


def every_name() -> set[str]:
    """The standard library's modules, our dependencies' packages, and what those may import."""
    installed = {name for name in metadata.packages_distributions() if name.isidentifier()}
    return (set(sys.stdlib_module_names) | installed | set(OPTIONAL.split())) - {"autograder"}
