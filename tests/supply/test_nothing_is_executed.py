"""Nothing that a student can touch is unpickled, evaluated or loaded as YAML by the grader."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import autograder

ENGINE = Path(autograder.__file__).parent
MODULES = sorted(ENGINE.rglob("*.py"))
FORBIDDEN_MODULES = {
    *("cloudpickle", "code", "dill", "joblib", "jsonpickle", "marshal", "pickle", "shelve"),
    *("lxml", "plistlib", "xml", "xmlrpc", "yaml"),
}
FORBIDDEN_CALLS = {"__import__", "compile", "eval", "exec"}
FORBIDDEN_METHODS = {
    *("numpy.load", "np.load", "torch.load", "pd.read_pickle", "pandas.read_pickle"),
    *("os.popen", "os.system", "os.execv", "os.execvp", "os.spawnv"),
}
ALLOWED = {
    # In the sandbox's child, which is the submission.
    ("inside/selftest.py", "__import__"),
    ("notebook/shell.py", "compile"),
    ("notebook/shell.py", "exec"),
    ("notebook/workspace.py", "compile"),
    ("notebook/workspace.py", "exec"),
    ("notebook/files.py", "compile"),
    # The course's own stubs, public checks and mutated references, on their author's machine.
    ("verify/mutants/making.py", "compile"),
    ("verify/mutants/making.py", "exec"),
    ("verify/rules.py", "compile"),
    ("verify/rules.py", "exec"),
    ("verify/solutions.py", "compile"),
    ("verify/solutions.py", "exec"),
    # The command line starts itself again, without the current folder on its path.
    ("interpreter.py", "os.execv"),
    # With a loader that makes plain data only, as the test below checks.
    ("submission/gradescope.py", "yaml"),
}


def powers(tree: ast.AST) -> Iterator[str]:
    """What a module imports or calls that could run code, or parse what has been dangerous."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from {name.name.partition(".")[0] for name in names} & FORBIDDEN_MODULES
            case ast.ImportFrom(module=str(name)):
                yield from {name.partition(".")[0]} & FORBIDDEN_MODULES
            case ast.Call(func=function, keywords=keywords):
                yield from {ast.unparse(function)} & (FORBIDDEN_CALLS | FORBIDDEN_METHODS)
                yield from (f"{one.arg}=True" for one in keywords if _is_dangerous(one))


def _is_dangerous(keyword: ast.keyword) -> bool:
    on = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
    return on and keyword.arg in ("allow_pickle", "shell")


def test_the_search_finds_what_it_is_for() -> None:
    found = powers(
        ast.parse(
            "import pickle, xml.dom\nfrom yaml import load\neval('1')\ntorch.load(x)\n"
            "run(x, shell=True)\nnp.save(x, allow_pickle=False)"
        )
    )
    assert sorted(found) == ["eval", "pickle", "shell=True", "torch.load", "xml", "yaml"]
    assert len(MODULES) > 50


def test_no_module_of_the_engine_can_execute_data() -> None:
    found = {
        (path.relative_to(ENGINE).as_posix(), power)
        for path in MODULES
        for power in powers(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found <= ALLOWED, found - ALLOWED


def test_yaml_is_loaded_as_plain_data_only() -> None:
    gradescope = pytest.importorskip("autograder.submission.gradescope")
    assert issubclass(gradescope._Loader, yaml.constructor.SafeConstructor)
    code = b"!!python/object/apply:os.system ['true']"
    with pytest.raises(yaml.YAMLError):
        yaml.load(code, Loader=gradescope._Loader)
    assert gradescope.read_submitters(code) == {}
