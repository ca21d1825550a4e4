"""The autograder package: what is in it, that it is reproducible, and when it is refused."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from autograder.authoring.exercise import Exercise
from autograder.edition import pins
from autograder.edition.errors import BuildError
from autograder.otter.engine import Order
from autograder.otter.package.contents import build_package, package, package_file

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def made(toy_course) -> dict[str, bytes]:
    """The package's files by path."""
    data = package(toy_course.load(), Order(assignment="toy", course=toy_course.name))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_same_sources_give_the_same_bytes(toy_course, tmp_path, monkeypatch):
    order = Order(assignment="toy", course=toy_course.name)
    first = package(toy_course.load(), order)
    for path in toy_course.folder.rglob("*.py"):
        os.utime(path, (1, 1))
    (toy_course.folder / "__pycache__").mkdir(exist_ok=True)
    (toy_course.folder / "__pycache__" / "left.pyc").write_bytes(b"left by Python")
    (tmp_path / "environment.yml").write_text("name: somebody's own")
    (tmp_path / "otter_config.json").write_text('{"score_threshold": 0}')
    monkeypatch.chdir(tmp_path)
    assert package(toy_course.load(), order) == first


def test_an_archive_tells_no_time_and_no_machine(toy_course):
    data = package(toy_course.load(), Order(assignment="toy", course=toy_course.name))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in entries}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert modes["tests/01_expert_load.py"] == 0o644


def test_it_is_what_otter_and_gradescope_expect(made):
    for name in ("run_autograder", "run_otter.py", "setup.sh", "otter_config.json"):
        assert made[name]
    config = json.loads(made["otter_config.json"])
    ((plugin, settings),) = config["plugins"][0].items()
    assert plugin == "autograder.otter.plugin.GradedByMoelab"
    assert settings["assignment"] == "toy"
    assert b"/autograder/source/run_otter.py" in made["run_autograder"]


def test_every_check_is_an_otter_test_with_points_and_visibility(made):
    assert [name for name in made if name.startswith("tests/")] == [
        "tests/01_expert_load.py",
        "tests/02_busiest_expert.py",
        "tests/03_load_gap.py",
    ]
    load = made["tests/01_expert_load.py"].decode()
    assert '@test_case(name="The shares add up to one.", points=1, hidden=False)' in load
    assert '"An expert that no token chose has share zero.", points=1.5, hidden=True)' in load


def test_the_engine_and_the_course_travel_along(made, toy_course):
    for name in ("autograder/inside/zygote.py", "autograder/report/report.css"):
        assert made[f"moelab/{name}"] == (ROOT / name).read_bytes()
    solution = f"{toy_course.name}/toy/load_gap/__init__.py"
    assert made[f"moelab/{solution}"] == (toy_course.root / solution).read_bytes()
    assert not [name for name in made if name.endswith(".pyc")]


def test_every_package_has_an_exact_version_and_torch_no_cuda(made):
    lines = yaml.safe_load(made["environment.yml"])["dependencies"][-1]["pip"]
    options = [line for line in lines if line.startswith("--")]
    wanted = [line for line in lines if not line.startswith("--")]
    assert all("==" in line for line in wanted)
    (torch,) = (line for line in wanted if line.startswith("torch=="))
    assert torch.endswith("+cpu")
    assert "--constraint /autograder/source/constraints.txt" in options
    known = {line.partition("==")[0] for line in made["constraints.txt"].decode().splitlines()}
    for requirement in pins.requirements(ROOT):
        assert requirement.name in known
        assert any(line.startswith(requirement.name) for line in wanted)


def test_an_installed_moelab_takes_versions_from_its_environment():
    installed = pins.pins(None)
    for name, version in pins.pins(ROOT).items():
        assert installed.get(name, version) == version
    assert {"torch", "ipykernel", "transformers", "markupsafe"} <= installed.keys()


def test_a_package_is_written_once_and_then_up_to_date(toy_course, tmp_path):
    assignment, order = toy_course.load(), Order(assignment="toy", course=toy_course.name)
    assert build_package(assignment, tmp_path, order) == ["wrote dist/toy/autograder.zip"]
    assert build_package(assignment, tmp_path, order) == []
    assert (tmp_path / package_file("toy")).is_file()


def test_a_broken_reference_stops_the_build(toy_course, tmp_path):
    toy_course.edit("load_gap/__init__.py", "load.max() - load.min()", "load.max() + load.min()")
    order = Order(assignment="toy", course=toy_course.name)
    with pytest.raises(BuildError, match="the reference solution does not pass its own check"):
        build_package(toy_course.load(), tmp_path, order)
    assert not (tmp_path / "dist").exists()


def test_a_reference_that_raises_stops_the_build(toy_course, tmp_path):
    toy_course.edit("load_gap/__init__.py", "load.max() - load.min()", "load.no_such_thing()")
    order = Order(assignment="toy", course=toy_course.name)
    with pytest.raises(BuildError, match="load_gap"):
        build_package(toy_course.load(), tmp_path, order)


@pytest.mark.parametrize("parts", [(), (Exercise("idle"),)])
def test_an_autograder_that_tests_nothing_is_refused(toy_course, tmp_path, parts):
    empty = replace(toy_course.load(), parts=parts)
    order = Order(assignment="toy", course=toy_course.name)
    with pytest.raises(BuildError, match="0 of 0"):
        package(empty, order)
    with pytest.raises(BuildError, match="no points to earn"):
        build_package(empty, tmp_path, order)


def test_a_check_that_otter_would_overlook_is_refused(toy_course):
    toy_course.edit("expert_load.py", "def keeps_unused_experts", "def points")
    toy_course.edit("expert_load.py", "caught_by=keeps_unused_experts", "caught_by=points")
    with pytest.raises(BuildError, match="a word of Otter's"):
        package(toy_course.load(), Order(assignment="toy", course=toy_course.name))
