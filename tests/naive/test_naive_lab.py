"""The page on naive ways of reading a router says what happens, and each way fails somewhere."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from moe_lab.families import FAMILIES

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "naive_lab.py"


@pytest.fixture(scope="module")
def naive_lab() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("naive_lab_of_the_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def rows_of(naive_lab: ModuleType) -> list[list[str]]:
    """The table of the page, without its first column; the header comes first."""
    lines = naive_lab.PAGE.read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.split("|")[2:-1]] for line in table]


def test_the_page_says_what_happens(naive_lab: ModuleType) -> None:
    written = naive_lab.PAGE.read_text(encoding="utf-8")
    assert written == naive_lab.page(), "run `python benchmarks/naive_lab.py`"


def test_the_table_tells_of_every_way_and_every_family(naive_lab: ModuleType) -> None:
    header, *rows = rows_of(naive_lab)
    assert header == [family.name for family in FAMILIES]
    assert len(rows) == len(naive_lab.NAIVE) + len(naive_lab.SOUND)


def test_each_naive_way_goes_wrong_on_some_family_and_the_sound_ones_on_none(
    naive_lab: ModuleType,
) -> None:
    rows = rows_of(naive_lab)[1:]
    right = [set(cells) == {naive_lab.RIGHT} for cells in rows]
    assert right == [False] * len(naive_lab.NAIVE) + [True] * len(naive_lab.SOUND)
