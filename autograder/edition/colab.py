"""The student notebook for Google Colab, which opens a lone notebook and nothing beside it.

Its first cell holds the lab's packages and the public checks, and installs what is missing.
"""

from __future__ import annotations

import base64
import bz2
import hashlib
import json
import textwrap

from packaging.requirements import Requirement

from autograder.authoring.assignment import Assignment
from autograder.edition.archive import lab_files
from autograder.edition.needed import needed_by
from autograder.edition.notebook import Edition, given_names, stubs_of, write_notebook
from autograder.edition.otter_tests import otter_test
from autograder.edition.pins import pinned
from autograder.edition.prose import points_of

NOT_NEEDED = ("ipykernel", "jupyterlab")  # Colab has its own
WEIGHTS = ".safetensors"  # left out: a megabyte of noise; `load_model` trains anew without them
_WIDTH = 96

_SETUP = """\
#@title Set up: run this cell first {{ display-mode: "form" }}
# Installs what is missing, in the versions that this lab was tested with, and writes
# {packages} and the public checks of this lab into a folder of their own.
import base64, bz2, importlib, json, pathlib, subprocess, sys
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement

FOLDER = pathlib.Path({folder!r}).absolute()
NEEDED = {needed}
FILES = '''
{files}
'''


def fits(requirement):
    try:
        return Requirement(requirement).specifier.contains(version(Requirement(requirement).name))
    except PackageNotFoundError:
        return False


missing = [exact for requirement, exact in NEEDED.items() if not fits(requirement)]
if missing:
    print("installing", *missing)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)
if "{home}" not in sys.modules or sys.modules["{home}"].__dict__.get("__file__"):
    # not where it is graded: there, the packages are the grader's own
    for name, text in json.loads(bz2.decompress(base64.b64decode(FILES))).items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in list(sys.modules):
        if name.partition(".")[0] in {names}:
            del sys.modules[name]  # another lab's, or an older one
    sys.path[:] = [str(FOLDER), *(entry for entry in sys.path if entry != str(FOLDER))]
    importlib.invalidate_caches()

import otter
{given}
grader = otter.Notebook(tests_dir=str(FOLDER / "tests"))"""

_HAND_IN = """\
## Hand in

This lab is worth {points}. The next cell runs all checks once more. Then choose **File → Download →
Download .ipynb**, and hand in that file."""


def colab_file(assignment: Assignment) -> str:
    """The file name of the notebook for Colab."""
    return f"{assignment.name}_colab.ipynb"


def colab_notebook(assignment: Assignment) -> str:
    """The notebook as JSON; the same bytes for the same course and versions."""
    packed = _packed(assignment)
    home, given = given_names(assignment)
    names = ("moelab_kit", *assignment.packages)
    edition = Edition(
        setup=_SETUP.format(
            folder=f"{home}_files/{assignment.name}-{hashlib.sha256(packed.encode()).hexdigest()[:8]}",
            packages=" and ".join(names),
            names=json.dumps(names),
            home=home,
            given=f"from {home} import {', '.join(given)}\n" if given else "",
            needed=_needed(assignment),
            files="\n".join(textwrap.wrap(packed, _WIDTH)),
        ),
        hand_in=_HAND_IN.format(points=points_of(assignment.possible)),
        folded=True,
    )
    return write_notebook(assignment, stubs_of(assignment), edition)


def _needed(assignment: Assignment) -> str:
    """What the lab needs, and the exact version of each that is installed where it is missing."""
    wanted = [Requirement(line) for line in needed_by(assignment)]
    exact = {
        str(one): f"{one.name}=={pinned(one.name)}" for one in wanted if one.name not in NOT_NEEDED
    }
    rows = (f"    {json.dumps(key)}: {json.dumps(value)}," for key, value in exact.items())
    return "\n".join(["{", *rows, "}"])


def _packed(assignment: Assignment) -> str:
    """The lab's packages and the public checks, as text.

    bzip2, because what it writes has been the same in all its versions for decades.
    """
    carried = lab_files(assignment.packages)
    files = {n: data.decode() for n, data in carried.items() if not n.endswith(WEIGHTS)}
    files |= {f"tests/{e.name}.py": otter_test(e) for e in assignment.exercises}
    packed = bz2.compress(json.dumps(files, ensure_ascii=True).encode())
    return base64.b64encode(packed).decode("ascii")
