"""Finding submissions in folders that hold anything, and reading them without harm."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.submission.discover import Found, digest_of_bytes, find_submissions, read_bytes
from autograder.submission.files import SubmissionProblem

ROOT = Path(__file__).parents[2]
posix_only = pytest.mark.skipif(os.name != "posix", reason="pipes and links of POSIX systems")


def put(folder: Path, *names: str) -> None:
    """Write a small file at each of these paths, older first."""
    for age, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
        os.utime(path, (1_000_000 + age * 100, 1_000_000 + age * 100))


def students(folder: Path) -> dict[str, str]:
    return {found.name: found.student for found in find_submissions([folder])}


def problem_of(folder: Path, name: str) -> str:
    return next(found.problem for found in find_submissions([folder]) if found.name == name)


def output_of(program: str) -> str:
    """What a fresh Python prints that runs this."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_folders_are_searched_to_the_bottom_in_sorted_order(tmp_path: Path) -> None:
    put(tmp_path, "zoe.py", "b/deep/er/bob.zip", "ada.ipynb", "B.IPYNB", "notes.txt", "a.py.bak")
    names = [found.name for found in find_submissions([tmp_path])]
    assert names == ["B.IPYNB", "ada.ipynb", "b/deep/er/bob.zip", "zoe.py"]


def test_what_programs_leave_behind_is_skipped(tmp_path: Path) -> None:
    put(
        tmp_path,
        ".ipynb_checkpoints/ada-checkpoint.ipynb",
        "__MACOSX/._ada.ipynb",
        "__pycache__/ada.py",
        ".git/hook.py",
        "._ada.ipynb",
        "ada.ipynb",
    )
    assert students(tmp_path) == {"ada.ipynb": "ada"}


def test_a_file_may_be_given_itself(tmp_path: Path) -> None:
    put(tmp_path, "class/ada.ipynb")
    [found] = find_submissions([tmp_path / "class" / "ada.ipynb"])
    assert (found.name, found.student, found.problem) == ("ada.ipynb", "ada", "")
    assert found.modified == 1_000_000


def test_a_file_that_is_given_twice_is_listed_once(tmp_path: Path) -> None:
    put(tmp_path, "ada.ipynb")
    assert len(find_submissions([tmp_path, tmp_path / "ada.ipynb", tmp_path / "."])) == 1


def test_files_of_several_folders_keep_different_names(tmp_path: Path) -> None:
    put(tmp_path, "monday/ada.ipynb", "friday/ada.ipynb", "friday/bob.ipynb")
    found = find_submissions([tmp_path / "monday", tmp_path / "friday"])
    assert [one.name for one in found] == ["monday/ada.ipynb", "friday/ada.ipynb", "bob.ipynb"]
    assert [one.student for one in found] == ["monday/ada", "friday/ada", "bob"]


def test_a_path_that_does_not_exist_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere: there is no such file or folder"):
        find_submissions([tmp_path / "nowhere"])


def test_a_file_of_another_kind_is_refused_when_given_itself(tmp_path: Path) -> None:
    put(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match=r"notes\.txt is not a submission"):
        find_submissions([tmp_path / "notes.txt"])


def test_an_empty_folder_holds_no_submissions(tmp_path: Path) -> None:
    assert find_submissions([tmp_path]) == []


def test_a_folder_with_the_name_of_a_submission_is_listed_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path, "ada.ipynb/inside.ipynb")
    assert "is a folder" in problem_of(tmp_path, "ada.ipynb")
    assert len(find_submissions([tmp_path])) == 1


@posix_only
def test_links_pipes_and_sockets_are_listed_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path, "real.ipynb")
    (tmp_path / "link.ipynb").symlink_to("real.ipynb")
    (tmp_path / "dangling.py").symlink_to("nowhere")
    (tmp_path / "around.zip").symlink_to(".")
    os.mkfifo(tmp_path / "pipe.ipynb")
    here = Path.cwd()
    os.chdir(tmp_path)  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket.py")
    finally:
        os.chdir(here)
    problems = {found.name: found.problem for found in find_submissions([tmp_path])}
    assert problems.pop("real.ipynb") == ""
    assert problems.pop("pipe.ipynb") == "the submission is a pipe, not a file"
    assert problems.pop("socket.py") == "the submission is a socket, not a file"
    assert set(problems.values()) == {"the submission is a link, which is not followed"}


@posix_only
def test_a_folder_that_links_to_itself_ends_the_search(tmp_path: Path) -> None:
    put(tmp_path, "class/ada.ipynb")
    (tmp_path / "class" / "again").symlink_to(tmp_path / "class")
    assert students(tmp_path) == {"class/ada.ipynb": "ada"}


@posix_only
def test_a_file_or_folder_without_permission_is_listed_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path, "ada.ipynb", "closed/bob.ipynb")
    (tmp_path / "ada.ipynb").chmod(0)
    (tmp_path / "closed").chmod(0)
    tmp_path.chmod(0o755)
    program = (
        "import os\n"
        "from pathlib import Path\n"
        "from autograder.submission.discover import find_submissions\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "if os.geteuid() == 0:\n"
        "    os.setuid(65534)\n"
        "for found in find_submissions([Path('.')]):\n"
        "    print(found.name, found.problem, sep=': ')"
    )
    printed = output_of(program)
    (tmp_path / "closed").chmod(0o755)
    assert "ada.ipynb: the file cannot be read: permission denied" in printed
    assert "closed: the folder cannot be searched: permission denied" in printed


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_are_shown_without_control_characters_and_stay_different(tmp_path: Path) -> None:
    raw = [b"a\x1b[31m.ipynb", b"a\x1b[32m.ipynb", b"line\nbreak.py", b"caf\xe9.zip"]
    for name in raw:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"x = 1")
    found = find_submissions([tmp_path])
    assert [one.name for one in found] == [
        r"a\x1b[31m.ipynb",
        r"a\x1b[32m.ipynb",
        r"caf\udce9.zip",
        r"line\nbreak.py",
    ]
    assert all(one.student.isprintable() for one in found)
    assert all(read_bytes(one) == b"x = 1" for one in found)


def test_the_student_is_the_files_name_without_ending(tmp_path: Path) -> None:
    put(tmp_path, "ada.lovelace.ipynb", "week1/Bob Smith.py")
    assert list(students(tmp_path).values()) == ["ada.lovelace", "Bob Smith"]


def test_files_that_would_share_a_student_go_by_their_path(tmp_path: Path) -> None:
    put(tmp_path, "ada/lab.ipynb", "bob/lab.py", "zoe/other.ipynb")
    assert students(tmp_path) == {
        "ada/lab.ipynb": "ada/lab",
        "bob/lab.py": "bob/lab",
        "zoe/other.ipynb": "other",
    }


def test_files_that_differ_in_the_ending_alone_go_by_their_whole_name(tmp_path: Path) -> None:
    put(tmp_path, "ada.ipynb", "ada.py", "ada.py.zip")
    assert students(tmp_path) == {
        "ada.ipynb": "ada.ipynb",
        "ada.py": "ada.py",
        "ada.py.zip": "ada.py.zip",
    }


def test_what_otter_exports_goes_by_its_stem(tmp_path: Path) -> None:
    put(tmp_path, "lab_2026_11_23T15_31_00_123456.zip", "lab_2026_11_23T15_31_00_123457 (1).zip")
    assert list(students(tmp_path).values()) == [
        "lab_2026_11_23T15_31_00_123456",
        "lab_2026_11_23T15_31_00_123457 (1)",
    ]
    assert not any(found.superseded_by for found in find_submissions([tmp_path]))


def test_canvas_names_tell_the_student_late_or_not(tmp_path: Path) -> None:
    put(
        tmp_path,
        "lovelaceada_123_456_lab.ipynb",
        "smith_jonesbob_LATE_124_457_my_lab_1_2_x.ipynb",
        "anon_aB3dE_458_lab.ipynb",
    )
    assert list(students(tmp_path).values()) == ["anon_aB3dE", "lovelaceada", "smith_jonesbob"]


def test_what_otter_exports_and_canvas_renames_tells_the_student(tmp_path: Path) -> None:
    put(
        tmp_path,
        "lovelaceada_123_456_lab_2026_11_23T15_31_00_123456.zip",
        "lovelaceada_123_460_lab_2026_11_24T15_31_00_123456-1.zip",
        "smithbob_LATE_124_457_moe_router_analysis_2026_11_23T15_31_00_123456.zip",
    )
    found = find_submissions([tmp_path])
    assert [one.student for one in found] == ["lovelaceada", "lovelaceada", "smithbob"]


def test_two_canvas_users_of_one_name_stay_two_students(tmp_path: Path) -> None:
    put(tmp_path, "smithjohn_11_456_lab.ipynb", "smithjohn_12_457_lab.ipynb")
    assert list(students(tmp_path).values()) == ["smithjohn_11", "smithjohn_12"]
    assert not any(found.superseded_by for found in find_submissions([tmp_path]))


def test_attachments_of_one_canvas_user_are_one_submission(tmp_path: Path) -> None:
    put(tmp_path, "ada_12_900_lab-2.ipynb", "ada_12_456_lab.ipynb", "bob_13_457_lab.ipynb")
    groups = {one.name: one.group for one in find_submissions([tmp_path])}
    assert groups["ada_12_456_lab.ipynb"] == groups["ada_12_900_lab-2.ipynb"]
    assert groups["ada_12_456_lab.ipynb"] != groups["bob_13_457_lab.ipynb"]
    assert set(students(tmp_path).values()) == {"ada", "bob"}


@pytest.mark.parametrize(
    "names",
    [
        ("lab_2026_11_ada.ipynb", "lab_2026_12_bob.ipynb"),
        ("lab_5_24_ada.ipynb", "lab_5_24_bob.ipynb"),
        ("Lab_5_24_ada.ipynb", "Lab_5_25_bob.ipynb"),
        ("lab_05_01_ada.ipynb", "lab_05_02_bob.ipynb"),
    ],
)
def test_names_that_look_like_canvas_by_accident_stay_apart(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    put(tmp_path, *names)
    assert students(tmp_path) == {name: name.removesuffix(".ipynb") for name in names}


def test_moodle_folders_and_flat_names_tell_the_student(tmp_path: Path) -> None:
    put(
        tmp_path,
        "Ada Lovelace_12345_assignsubmission_file_/lab.ipynb",
        "Bob de la Cruz_12346_assignsubmission_file/sub/lab.ipynb",
        "Zoë Ng_12347_assignsubmission_file_lab.ipynb",
    )
    assert list(students(tmp_path).values()) == ["Ada Lovelace", "Bob de la Cruz", "Zoë Ng"]


def test_files_in_one_moodle_folder_are_one_submission(tmp_path: Path) -> None:
    folder = "Ada Lovelace_12345_assignsubmission_file_"
    put(tmp_path, f"{folder}/first.ipynb", f"{folder}/second.ipynb")
    first, second = find_submissions([tmp_path])
    assert first.student == second.student == "Ada Lovelace"
    assert first.group == second.group != ""


def test_two_moodle_participants_of_one_name_stay_two_students(tmp_path: Path) -> None:
    put(tmp_path, *(f"Ada Li_{n}_assignsubmission_file_/lab.ipynb" for n in (1, 2)))
    assert list(students(tmp_path).values()) == ["Ada Li_1", "Ada Li_2"]
    assert not any(found.superseded_by for found in find_submissions([tmp_path]))


def test_gradescope_folders_tell_the_submission(tmp_path: Path) -> None:
    put(tmp_path, *(f"assignment_1_export/submission_12345{n}/lab.ipynb" for n in (6, 7)))
    assert set(students(tmp_path).values()) == {"submission_123456", "submission_123457"}


def test_an_unreadable_attempt_does_not_replace_a_readable_one(tmp_path: Path) -> None:
    put(tmp_path, "ada_12_456_lab.ipynb")
    (tmp_path / "ada_12_900_lab.ipynb").mkdir()
    superseded = {one.name: one.superseded_by for one in find_submissions([tmp_path])}
    assert superseded["ada_12_456_lab.ipynb"] == ""


def test_a_submission_is_read_whole_and_has_a_digest(tmp_path: Path) -> None:
    (tmp_path / "ada.py").write_bytes(b"x = 1\r\n\x00")
    [found] = find_submissions([tmp_path])
    assert read_bytes(found) == b"x = 1\r\n\x00"
    assert digest_of_bytes(b"") == "sha256:" + (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "ada.ipynb")
    [found] = find_submissions([tmp_path])
    assert read_bytes(found, max_bytes=9)
    with pytest.raises(SubmissionProblem, match="larger than 8 bytes"):
        read_bytes(found, max_bytes=8)


def test_what_was_listed_with_a_problem_is_not_opened(tmp_path: Path) -> None:
    found = Found(path=tmp_path / "ada.py", name="ada.py", student="ada", problem="the reason")
    with pytest.raises(SubmissionProblem, match="the reason"):
        read_bytes(found)


@posix_only
@pytest.mark.parametrize("replacement", ["link", "pipe", "folder", "nothing"])
def test_a_file_that_is_replaced_after_listing_is_not_followed(
    tmp_path: Path, replacement: str
) -> None:
    put(tmp_path, "ada.py", "secret.txt")
    path = tmp_path / "ada.py"
    [found] = find_submissions([tmp_path])
    path.unlink()
    if replacement == "link":
        path.symlink_to(tmp_path / "secret.txt")
    elif replacement == "pipe":
        os.mkfifo(path)
    elif replacement == "folder":
        path.mkdir()
    with pytest.raises(SubmissionProblem):
        read_bytes(found)


def test_listing_needs_neither_torch_nor_ipython() -> None:
    program = (
        "import sys, autograder.submission.discover\n"
        "print({'torch', 'IPython', 'numpy', 'nbformat'} & set(sys.modules))"
    )
    assert output_of(program).strip() == "set()"
