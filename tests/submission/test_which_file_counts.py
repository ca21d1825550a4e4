"""Of files handed in together the right one counts, and students are who the platform says."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from autograder.records import WHICH_FILE
from autograder.submission.counting import counting
from autograder.submission.discover import Found, find_submissions, read_bytes, read_companions
from autograder.submission.files import SubmissionProblem

CASES = Path(__file__).parent / "cases"
NAMES = ("route", "load_metrics", "router_z_loss")


def notebook(*cells: str) -> str:
    written = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": written})


def answers(value: int = 1, names: tuple[str, ...] = NAMES) -> str:
    return notebook(*(f"def {name}(x):\n    return {value}" for name in names))


STUBS = notebook(*(f"def {name}(x):\n    'doc'\n    raise NotImplementedError" for name in NAMES))
HELPER = "def helper():\n    return 1\n"


def handed_in(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def graded(folder: Path) -> dict[str, Found]:
    """What counts, by student."""
    found = [one for one in counting(find_submissions([folder]), NAMES) if not one.superseded_by]
    assert len({one.student for one in found}) == len(found)
    return {one.student: one for one in found}


def counts(folder: Path) -> dict[str, str]:
    return {student: one.inner or one.name for student, one in graded(folder).items()}


def is_doubted(one: Found) -> bool:
    return any(note.startswith(WHICH_FILE) for note in one.notes)


BOB = {"smithbob_302_503_lab.ipynb": answers()}
PLACES = ("lovelaceada_301_{}_{}", "Ada_4711_assignsubmission_file_/{1}", "submission_900001/{1}")


def on_platform(place: str, *files: tuple[str, str]) -> dict[str, str]:
    mine = {place.format(501 + n, name): text for n, (name, text) in enumerate(files)}
    other = {"l": BOB, "A": {"Bob_4712_assignsubmission_file_/lab.ipynb": answers()}}
    return mine | other.get(place[0], {"submission_900002/lab.ipynb": answers()})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "files",
    [
        (("lab.ipynb", answers()), ("utils.py", HELPER)),
        (("a_helper.py", HELPER), ("lab.ipynb", answers())),
        (("lab.ipynb", answers()), ("zz_scratch.ipynb", notebook("1 + 1"))),
        (("lab.ipynb", answers()), ("zz_template.ipynb", STUBS)),
        (("lab.ipynb", answers()), ("zz_empty.ipynb", "")),
        (("lab.ipynb", answers()), ("zz_broken.zip", "PK")),
        (("lab.ipynb", answers()), ("zz_report.pdf", "%PDF-1.5")),
        (("lab.ipynb", answers()), ("zz_same.py", "".join(
            f"def {name}(x):\n    return 1\n" for name in NAMES))),
        (("lab.ipynb", notebook("from work import *")), ("work.py", "".join(
            f"def {name}(x):\n    return 1\n" for name in NAMES))),
    ],
)  # fmt: skip
def test_the_notebook_with_the_functions_counts_without_doubt(tmp_path, place, files):
    found = graded(handed_in(tmp_path, on_platform(place, *files)))
    mine = next(one for one in found.values() if "ob" not in one.student and "2" not in one.student)
    assert len(found) == 2
    assert mine.inner == "lab.ipynb"
    assert not is_doubted(mine)


@pytest.mark.parametrize("place", PLACES)
def test_helpers_and_data_come_along_by_their_own_names(tmp_path, place):
    files = (("lab.ipynb", answers()), ("my_helpers.py", HELPER), ("data.csv", "1,2"))
    found = graded(handed_in(tmp_path, on_platform(place, *files)))
    mine = next(one for one in found.values() if one.companions)
    assert read_companions(mine) == {"my_helpers.py": HELPER.encode(), "data.csv": b"1,2"}


@pytest.mark.parametrize("place", PLACES)
def test_of_two_that_could_be_meant_the_better_claim_counts_and_it_is_said(tmp_path, place):
    files = (("part.ipynb", answers(1, NAMES[:2])), ("whole.ipynb", answers(2)))
    found = counting(find_submissions([handed_in(tmp_path, on_platform(place, *files))]), NAMES)
    (best,) = (one for one in found if one.inner == "whole.ipynb")
    (other,) = (one for one in found if one.inner == "part.ipynb")
    assert is_doubted(best)
    assert not best.superseded_by
    assert other.superseded_by == best.name


@pytest.mark.parametrize("place", PLACES[1:])
@pytest.mark.parametrize("folder", ["old", "backup", "sub/attempt_1"])
def test_copies_in_subfolders_never_win(tmp_path, place, folder):
    files = (("lab.ipynb", answers(2)), (f"{folder}/lab.ipynb", answers(1)))
    found = graded(handed_in(tmp_path, on_platform(place, *files)))
    mine = next(one for one in found.values() if one.companions)
    assert mine.inner == "lab.ipynb"
    assert not is_doubted(mine)


def test_a_notebook_in_a_subfolder_counts_where_there_is_no_other(tmp_path):
    files = {"submission_900001/src/lab.ipynb": answers(), "submission_900001/notes.py": "x = 1"}
    assert counts(handed_in(tmp_path, files)) == {"submission_900001": "src/lab.ipynb"}


@pytest.mark.parametrize(
    "names",
    [
        ("ada/lab_2_4_4/lab_2_4_4.ipynb", "bob/lab_2_4_4/lab_2_4_4.ipynb"),
        ("eve/ps1/lab.ipynb", "joe/ps1/lab.ipynb", "joe/ps1/my_helpers.py"),
    ],
)
def test_nbgraders_folders_tell_the_student(tmp_path, names):
    found = graded(handed_in(tmp_path, dict.fromkeys(names, answers())))
    assert set(found) == {name.partition("/")[0] for name in names}


@pytest.mark.parametrize(
    "names",
    [
        ("sec_2_14_lab.ipynb", "sec_2_15_lab.ipynb"),
        ("lab_2_4_4.ipynb",),
        ("monday/lab/ada.ipynb", "monday/lab/bob.ipynb", "friday/lab/zoe.ipynb"),
        ("lovelaceada_301_501_lab.ipynb", "smithbob_302_502_lab.ipynb", "zoe.ipynb"),
        ("eve/lovelaceada_301_501_lab.ipynb", "eve/smithbob_302_502_lab.ipynb", "ada/lab.ipynb"),
    ],
)
def test_nobody_is_merged_on_a_guess(tmp_path, names):
    found = find_submissions([handed_in(tmp_path, dict.fromkeys(names, answers()))])
    assert not any(one.identity for one in found)
    assert len(graded(tmp_path)) == len(names)


@pytest.mark.parametrize(
    ("names", "are_teams"),
    [
        (("Group A_17", "Group B_18"), True),
        (("Team Hinton_17", "Team LeCun_18"), True),
        (("Gruppe 3_17", "Gruppe 4_18"), True),
        (("Red Team_17", "The Owls_18"), True),
        (("第1组_17", "第2组_18"), True),
        (("Default group", "Owls_18"), True),
        (("Ada Lovelace_17", "Bob Group_18"), True),  # all are of the same kind
        (("Ada Lovelace_17", "Student 12_18"), False),
        (("Group A-Ada Lovelace_17", "Group A-Bob Smith_18"), False),
        (("Participant_17", "Participant_18"), False),
    ],
)
def test_the_number_of_a_team_on_moodle_is_no_participants(tmp_path, names, are_teams):
    files = {f"{name}_assignsubmission_file_/lab.ipynb": answers() for name in names}
    found = find_submissions([handed_in(tmp_path, files)])
    assert {one.identity[0].partition(" ")[0] for one in found} == {
        "moodle_group" if are_teams else "moodle"
    }
    assert len({one.student for one in found}) == len(names)


def test_a_nested_submission_of_gradescope_is_the_students_own_file(tmp_path):
    files = {
        "submission_900001/lab.ipynb": answers(),
        "submission_900002/submission_900001/lab.ipynb": answers(2),
        "submission_900002/submission_metadata.yml": "submission_900002:\n  :submitters:\n"
        "  - :name: Ada\n    :email: ada@example.org\n",
        "submission_metadata.yml": "submission_900001:\n  :submitters:\n  - :name: Ada\n"
        "submission_900002:\n  :submitters:\n  - :name: Eve\n",
    }
    assert counts(handed_in(tmp_path, files)) == {
        "Ada": "lab.ipynb",
        "Eve": "submission_900001/lab.ipynb",
    }


def test_a_nested_folder_of_moodle_is_the_students_own_file(tmp_path):
    files = {
        "Ada_4711_assignsubmission_file_/lab.ipynb": answers(),
        "Eve_4712_assignsubmission_file_/Ada_4711_assignsubmission_file_/lab.ipynb": answers(2),
    }
    found = graded(handed_in(tmp_path, files))
    assert {one.student: one.identity for one in found.values()} == {
        "Ada": ("moodle 4711",),
        "Eve": ("moodle 4712",),
    }


def test_a_students_zip_in_the_form_of_a_class_is_one_submission_among_others(tmp_path):
    with zipfile.ZipFile(tmp_path / "eve.zip", "w") as archive:
        archive.writestr("lovelaceada_301_501_lab.ipynb", answers())
        archive.writestr("smithbob_302_502_lab.ipynb", answers())
    handed_in(tmp_path, {"ada.ipynb": answers()})
    found = find_submissions([tmp_path / "ada.ipynb", tmp_path / "eve.zip"])
    assert [one.student for one in found] == ["ada", "eve"]


def test_a_folder_that_becomes_a_link_after_listing_is_not_followed(tmp_path):
    folder = handed_in(tmp_path / "class", {"ada/lab.ipynb": "1", "eve/lab.ipynb": "2"})
    found = {one.name: one for one in find_submissions([folder])}
    shutil.rmtree(folder / "eve")
    (folder / "eve").symlink_to("ada")
    with pytest.raises(SubmissionProblem):
        read_bytes(found["eve/lab.ipynb"])
    assert read_bytes(found["ada/lab.ipynb"]) == b"1"


def test_a_file_that_another_replaces_after_listing_is_not_read(tmp_path):
    folder = handed_in(tmp_path, {"ada.ipynb": "1", "eve.ipynb": "2"})
    found = {one.name: one for one in find_submissions([folder])}
    (folder / "ada.ipynb").replace(folder / "eve.ipynb")
    with pytest.raises(SubmissionProblem, match="replaced"):
        read_bytes(found["eve.ipynb"])


def test_metadata_that_cannot_be_read_is_told(tmp_path):
    files = {"submission_metadata.yml": "[", "submission_900007/lab.ipynb": answers()}
    (found,) = find_submissions([handed_in(tmp_path, files)])
    assert "could not be read, so students go by their folders' names" in found.warning


def test_files_with_other_endings_are_listed(tmp_path):
    names = ("a.ipynb.txt", "b.ipynb.json", "c.pdf", "d.html", "e.docx", "f.tar.gz", "notes.txt")
    found = find_submissions([handed_in(tmp_path, dict.fromkeys(names, answers()))])
    assert [one.student for one in found] == ["a", "b", "c", "d", "e", "f"]


# The cases of the issue


def test_case_40_names_with_marks_are_canvas_names():
    for given in (CASES / "40_canvas_marks", CASES / "40_canvas_marks.zip"):
        found = find_submissions([given])
        assert sorted(one.identity[0] for one in found) == [f"canvas {n}" for n in range(201, 206)]
        assert [one.identity[0] for one in found if one.late] == ["canvas 201"]


def test_case_41_the_notebook_counts():
    assert counts(CASES / "41_canvas_two_files") == {
        "lovelaceada": "moe_routing_in_practice.ipynb",
        "smithbob": "lab.ipynb",
    }


def test_case_42_three_students():
    assert set(counts(CASES / "42_nbgrader_layout_lab_2_4_4")) == {"ada", "bob", "eve"}


def test_case_44_the_numbers_are_the_groups():
    found = graded(CASES / "44_moodle_groups")
    assert set(found) == {"Default group", "Group A", "Group B"}
    assert not any(key.startswith("moodle ") for one in found.values() for key in one.identity)


def test_case_44_without_a_default_group(tmp_path):
    shutil.copytree(CASES / "44_moodle_groups", tmp_path / "class")
    shutil.rmtree(tmp_path / "class" / "Default group_assignsubmission_file_")
    found = graded(tmp_path / "class")
    assert {one.identity for one in found.values()} == {("moodle_group 17",), ("moodle_group 18",)}


def test_case_45_four_students():
    found = graded(CASES / "45_moodle_mixed")
    assert sorted(one.identity[0] for one in found.values()) == [
        f"moodle {n}" for n in (4711, 4712, 4713, 4714)
    ]
    assert {one.inner for one in found.values()} == {
        "lab.ipynb",
        "lab_v2.ipynb",
        "sub/dir/lab.ipynb",
    }


def test_case_47_metadata_of_18_mb_is_read(tmp_path):
    attempt = "  - :results:\n      output: |\n" + "        a line of output\n" * 500
    text = "\n".join(
        f"submission_{900000 + n}:\n  :submitters:\n  - :name: Student {n}\n    :sid: '{n}'\n"
        "  :history:\n" + attempt * 6
        for n in range(240)
    )
    assert len(text) > 17_000_000
    handed_in(tmp_path, {"submission_metadata.yml": text, "submission_900239/lab.ipynb": answers()})
    assert set(graded(tmp_path)) == {"Student 239"}


def test_case_48_all_are_listed():
    found = graded(CASES / "48_other_endings")
    assert set(found) == {"lovelaceada", "smithbob", "ngzoe", "rossi", "kim"}


def test_case_50_the_notebook_counts_however_new_the_helper_is():
    assert counts(CASES / "50_gradescope_notebook_and_helper") == {
        "Ada Two Files": "lab.ipynb",
        "Bob Scratch": "moe.ipynb",
    }
