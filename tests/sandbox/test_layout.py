"""Which files submissions may see, and which are hidden inside them."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import autograder
from autograder.inside import rootfs
from autograder.sandbox.paths import library_paths, secret_paths

ENGINE = Path(autograder.__file__).parent


def test_libraries_are_pythons_and_the_systems_and_nothing_of_the_grader() -> None:
    paths = library_paths()
    assert any(rootfs.is_within(sysconfig.get_path("stdlib"), path) for path in paths)
    assert any(rootfs.is_within(os.path.dirname(os.__file__), path) for path in paths)
    for path in ("/", "/etc", "/home", "/root", "/tmp", "/proc", "/var", str(ENGINE.parent)):
        assert path not in paths


def test_engine_and_course_are_secret_wherever_they_lie() -> None:
    secrets = secret_paths("reference")
    assert str(ENGINE) in secrets
    assert str(ENGINE.parent / "reference") in secrets


def test_files_of_a_run_are_secret_only_where_they_would_be_shown(tmp_path: Path) -> None:
    inside = Path(sysconfig.get_path("stdlib")) / "submissions"
    secrets = secret_paths("reference", (tmp_path / "grades.db", inside))
    assert str(inside) in secrets
    assert str(tmp_path / "grades.db") not in secrets


def test_a_folder_that_holds_python_is_not_hidden_as_a_whole() -> None:
    above = Path(sysconfig.get_path("stdlib")).parent
    assert str(above) not in secret_paths("reference", (above,))


def test_what_is_hidden_is_cut_out_of_the_folders_above_it(tmp_path: Path) -> None:
    secret = tmp_path / "lib" / "site-packages" / "autograder"
    for folder in (secret, tmp_path / "lib" / "site-packages" / "torch", tmp_path / "lib" / "json"):
        folder.mkdir(parents=True)
    (tmp_path / "lib" / "os.py").touch()
    other = tmp_path / "other"
    allowed = rootfs.without((str(tmp_path / "lib"), str(other)), (str(secret),))
    names = {os.path.relpath(path, tmp_path) for path in allowed}
    assert names == {"lib/json", "lib/os.py", "lib/site-packages/torch", "other"}


def test_nothing_is_left_of_a_library_that_is_hidden_itself(tmp_path: Path) -> None:
    assert rootfs.without((str(tmp_path),), (str(tmp_path),)) == []


def test_names_that_begin_alike_are_not_taken_for_each_other() -> None:
    assert rootfs.is_within("/usr/lib/python", "/usr/lib")
    assert rootfs.is_within("/usr/lib", "/usr/lib/")
    assert not rootfs.is_within("/usr/lib64", "/usr/lib")


def test_a_folder_closed_to_others_is_found_on_the_way_and_at_the_end(tmp_path: Path) -> None:
    library = tmp_path / "closed" / "lib"
    library.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert rootfs.closed_folder((str(library),)) in (str(tmp_path / "closed"), *above(tmp_path))
    assert rootfs.closed_folder(("/usr/lib",)) == ""


def above(path: Path) -> list[str]:
    """Folders of pytest's own above a temporary one, which may be closed as well."""
    return [str(path), *map(str, path.parents)]
