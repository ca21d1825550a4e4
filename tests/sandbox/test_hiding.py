"""Every copy of the engine and of a course is hidden, whatever way it was installed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from autograder.sandbox.paths import hidden_copies


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    (folder / "torch" / "nn").mkdir(parents=True)
    for package in ("torch", "torch/nn"):
        (folder / package / "__init__.py").touch()
    return folder


def course(folder: Path, name: str) -> Path:
    """A course package in a folder."""
    lab = folder / name / "lab"
    lab.mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    (lab / "__init__.py").write_text("from autograder import Assignment\n")
    return folder / name


def hidden(site: Path, name: str = "reference") -> frozenset[str]:
    return hidden_copies(name, (str(site),))


def test_a_wheel_of_moelab_and_what_is_noted_about_it(site):
    packages = [course(site, name) for name in ("reference", "autograder")]
    noted = site / "moelab-0.1.0.dist-info"
    noted.mkdir()
    found = hidden(site)
    assert {str(path) for path in (*packages, noted)} <= found
    assert str(site / "torch") not in found


def test_a_course_of_another_name_that_nobody_asked_for(site):
    assert str(course(site, "my_own_course")) in hidden(site)


def test_everything_of_a_project_that_needs_moelab(site):
    noted = site / "extras-1.0.dist-info"
    noted.mkdir()
    (site / "answers.py").touch()
    (noted / "METADATA").write_text("Name: extras\nRequires-Dist: moelab>=0.1\n")
    (noted / "RECORD").write_text("answers.py,,\nextras-1.0.dist-info/METADATA,,\n")
    assert {str(site / "answers.py"), str(noted)} <= hidden(site)


def test_a_project_that_only_sounds_alike_is_shown(site):
    noted = site / "other-1.0.dist-info"
    noted.mkdir()
    (noted / "METADATA").write_text("Name: other\nRequires-Dist: moelab-themes\n")
    assert str(noted) not in hidden(site)


@pytest.mark.parametrize("ending", ["pth", "egg-link"])
def test_a_checkout_that_a_file_in_site_packages_leads_to(site, tmp_path, ending):
    there = course(tmp_path / "checkout", "reference")
    (site / f"any.{ending}").write_text(f"# a remark\n{there.parent}\n")
    assert str(there) in hidden(site)


def test_a_checkout_that_an_editable_finder_leads_to(site, tmp_path):
    there = course(tmp_path / "checkout", "reference")
    (site / "__editable___any_finder.py").write_text(f"MAPPING = {{'reference': {str(there)!r}}}\n")
    assert str(there) in hidden(site)


def test_the_folder_that_a_project_was_installed_from(site, tmp_path):
    there = course(tmp_path / "check out" / "src", "reference")
    noted = site / "any-1.0.dist-info"
    noted.mkdir()
    url = (tmp_path / "check out").as_uri()
    (noted / "direct_url.json").write_text(json.dumps({"url": url, "dir_info": {}}))
    assert str(there) in hidden(site)


def test_an_archive_on_the_path(site, tmp_path):
    archive = tmp_path / "course.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("mine/__init__.py", "")
    (site / "any.pth").write_text(f"{archive}\n")
    assert str(archive) in hidden(site, "mine")
    assert str(archive) not in hidden(site, "another")
