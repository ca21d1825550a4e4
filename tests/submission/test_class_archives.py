"""A whole class in one zip: listed and read without harm, and only where it is one."""

from __future__ import annotations

import stat
import struct
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autograder.submission.class_archive import MAX_MEMBERS, list_members
from autograder.submission.discover import find_submissions, read_bytes
from autograder.submission.files import SubmissionProblem
from autograder.submission.gradescope import read_submitters

CANVAS = ("lovelaceada_123_456_lab.ipynb", "smithbob_LATE_124_457_lab-2.ipynb")
MOODLE = (
    "Ada Lovelace_11_assignsubmission_file_/lab.ipynb",
    "Bob de la Cruz_12_assignsubmission_file_lab.ipynb",
)
METADATA = """---
submission_123456:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0042'
    :email: Ada@example.org
  :created_at: 2026-11-20 10:00:00.123456000 Z
  :score: 1.0
  :status: processed
  :results:
    tests:
    - name: anything
      output: "!!python/object/apply:os.system ['touch owned']"
submission_123457:
  :submitters:
  - :name: Bob
  - :name: Zoë Ng
    :email: zoe@example.org
"""


def archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in members.items():
            opened.writestr(name, text)
    return path


def class_of(path: Path, names: tuple[str, ...]) -> Path:
    return archive(path, {name: f"text of {name}" for name in names})


@pytest.mark.parametrize(
    ("names", "students"),
    [(CANVAS, ["lovelaceada", "smithbob"]), (MOODLE, ["Ada Lovelace", "Bob de la Cruz"])],
)
def test_an_export_is_graded_as_it_was_downloaded(tmp_path, names, students):
    found = find_submissions([class_of(tmp_path / "submissions.zip", names)])
    assert [one.name for one in found] == list(names)
    assert [one.student for one in found] == students
    assert [read_bytes(one).decode() for one in found] == [f"text of {name}" for name in names]
    assert list(tmp_path.iterdir()) == [tmp_path / "submissions.zip"]


def test_the_archive_and_the_folder_that_it_unpacks_to_are_named_alike(tmp_path):
    path = class_of(tmp_path / "submissions.zip", MOODLE)
    with zipfile.ZipFile(path) as opened:
        opened.extractall(tmp_path / "unpacked")
    packed, unpacked = find_submissions([path]), find_submissions([tmp_path / "unpacked"])
    assert [(one.name, one.student, one.identity) for one in packed] == [
        (one.name, one.student, one.identity) for one in unpacked
    ]
    assert [read_bytes(one) for one in packed] == [read_bytes(one) for one in unpacked]


def test_a_gradescope_export_names_people(tmp_path):
    names = [f"assignment_9_export/submission_12345{n}/lab.ipynb" for n in (6, 7, 8)]
    members = {"assignment_9_export/submission_metadata.yml": METADATA} | dict.fromkeys(names, "x")
    path = archive(tmp_path / "assignment_9_export.zip", members)
    with zipfile.ZipFile(path) as opened:
        opened.extractall(tmp_path / "unpacked")
    for given in (path, tmp_path / "unpacked", tmp_path / "unpacked" / "assignment_9_export"):
        ada, group, unknown = find_submissions([given])
        assert ada.student == "Ada Lovelace"
        assert ada.identity[1:] == ("name Ada Lovelace", "email Ada@example.org", "id 0042")
        assert ada.submitted == datetime(2026, 11, 20, 10, tzinfo=UTC)
        assert group.submitted is None
        assert group.student == "Bob, Zoë Ng"
        assert "email zoe@example.org" in group.identity
        assert unknown.student == "submission_123458"
    assert not Path("owned").exists()


@pytest.mark.parametrize("text", ["", "[", "- a list", "submission_123456: 3", "&a [*a]", "\x00"])
def test_metadata_of_another_kind_is_left_aside(tmp_path, text):
    folder = tmp_path / "submission_123456"
    folder.mkdir()
    (folder / "lab.ipynb").write_text("x")
    (tmp_path / "submission_metadata.yml").write_text(text)
    (found,) = find_submissions([tmp_path])
    assert found.student == "submission_123456"


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 1_000_000,
        b"a: {" * 100_000,
        b"a: &a [x, x]\nb: &b [*a, *a]\nsubmission_1: *b\n",
        b"submission_1: {':submitters': [{':name': [1]}, 2]}",
        b"\xff\xfe\x00",
        b"!!python/object/apply:os._exit [3]",
    ],
    ids=["lists", "dicts", "aliases", "no names", "no text", "code"],
)
def test_metadata_made_to_harm_ends_a_process_of_its_own(data):
    assert read_submitters(data) == {}


def test_late_marks_are_read(tmp_path):
    on_time, late = find_submissions([class_of(tmp_path / "c.zip", CANVAS)])
    assert (on_time.late, late.late) == (False, True)


def test_attachments_of_one_user_in_an_archive_are_one_submission(tmp_path):
    names = ("ada_1_10_lab.ipynb", "ada_1_12_lab-1.ipynb", "bob_2_11_lab.ipynb")
    first, second, other = find_submissions([class_of(tmp_path / "c.zip", names)])
    assert first.group == second.group != other.group


@pytest.mark.parametrize(
    "names",
    [
        ("lab.ipynb",),
        ("lab.ipynb", "lab.pdf"),
        ("ada.ipynb", "bob.ipynb"),
        ("ada_1_10_lab.ipynb", "ada_1_12_lab-1.ipynb"),
        ("ada_1_10_lab.ipynb", "bob_2_11_lab.ipynb", "mine.ipynb"),
        (),
    ],
)
def test_any_other_zip_is_one_submission(tmp_path, names):
    (found,) = find_submissions([class_of(tmp_path / "ada.zip", names)])
    assert (found.name, found.student, found.member) == ("ada.zip", "ada", None)


def test_a_zip_that_lies_in_a_folder_is_one_submission(tmp_path):
    class_of(tmp_path / "ada.zip", CANVAS)
    (found,) = find_submissions([tmp_path])
    assert found.name == "ada.zip"


def test_a_zip_that_is_none_is_one_submission(tmp_path):
    (tmp_path / "ada.zip").write_text("not a zip")
    (found,) = find_submissions([tmp_path / "ada.zip"])
    assert found.member is None


def test_paths_that_lead_out_are_none_of_a_platform(tmp_path):
    names = ("../../ada_1_10_lab.ipynb", "/etc/bob_2_11_lab.ipynb", "C:\\zoe_3_12_lab.ipynb")
    (found,) = find_submissions([class_of(tmp_path / "c.zip", names)])
    assert (found.student, found.member) == ("c", None)


def test_links_in_an_archive_are_left_out(tmp_path):
    path = class_of(tmp_path / "c.zip", CANVAS)
    with zipfile.ZipFile(path, "a") as opened:
        link = zipfile.ZipInfo("zoe_3_12_lab.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
    assert len(find_submissions([path])) == 2


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path):
    members = dict.fromkeys(CANVAS, "0" * 10_000_000)
    found = find_submissions([archive(tmp_path / "c.zip", members)])
    with pytest.raises(SubmissionProblem, match="larger than 1 MB"):
        read_bytes(found[0], max_bytes=1024**2)


def test_a_file_that_is_damaged_is_one_students_problem(tmp_path):
    path = class_of(tmp_path / "c.zip", CANVAS)
    data = bytearray(path.read_bytes())
    data[60:64] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(data))
    first, second = find_submissions([path])
    with pytest.raises(SubmissionProblem, match="damaged"):
        read_bytes(first)
    assert read_bytes(second)


@pytest.mark.slow
def test_an_archive_of_too_many_files_is_not_listed(tmp_path):
    names = (f"s{n}_{n + 1}_{n + 5000}_lab.py" for n in range(MAX_MEMBERS + 1))
    path = archive(tmp_path / "c.zip", dict.fromkeys(names, ""))
    assert list_members([path]) == {}


def test_a_directory_that_lies_about_its_size_does_not_take_the_grader_down(tmp_path):
    path = class_of(tmp_path / "c.zip", CANVAS)
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    lie = struct.pack("<HHLL", 0xFFFF, 0xFFFF, 0xFFFFFFF0, 0)
    path.write_bytes(data[: end + 8] + lie + data[end + 20 :])
    assert list_members([path]) == {}
    (found,) = find_submissions([path])
    assert found.member is None
