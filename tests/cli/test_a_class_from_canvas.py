"""A class as an instructor has it: Canvas's zip and roster in, its file out, and a mended check."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest
from interrupting import ANSWERS, SUBMISSION

from autograder.cli.main import run

ROSTER = """Student,ID,SIS User ID,SIS Login ID,Section,Toy (9)
    Points Possible,,,,,11
"Lovelace, Ada",123,S1,ada@example.org,01,
"Smith, Bob",124,S2,bob@example.org,01,
"Ng, Zoë",125,S3,zoe@example.org,01,
"""


def class_archive(path: Path) -> None:
    answers = {
        "lovelaceada_123_456_lab.py": "crash",
        "lovelaceada_123_460_lab-1.py": "right",
        "smithbob_LATE_124_457_lab.py": "wrong",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, kind) in enumerate(answers.items()):
            archive.writestr(name, SUBMISSION.format(answer=ANSWERS[kind], number=number))


def canvas_rows(path: Path) -> dict[str, str]:
    """The last column of each row of Canvas's file, by the first."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row[0]: row[-1] for row in csv.reader(file)}


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_class_from_canvas_and_a_check_that_was_mended(moelab_here, room, monkeypatch, capsys):
    class_archive(room.folder / "submissions.zip")
    (room.folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    people = ("--roster", "roster.csv", "--canvas", "canvas.csv", "--json", "grades.json")
    grade = ("grade", "submissions.zip", "--course", room.course, "--assignment", "toy", *people)

    first = moelab_here(*grade, cwd=room.folder)
    assert first.status == 1, first.err  # two files of one student could be meant
    assert "1 student handed in nothing: Ng, Zoë." in first.out
    assert "Next: moelab report sqlite:///gradebook.db --html report" in first.out
    before = canvas_rows(room.folder / "canvas.csv")
    assert before["Student"] == "Toy (9)"
    assert (before["Lovelace, Ada"], before["Ng, Zoë"]) == ("11", "")
    grades = json.loads((room.folder / "grades.json").read_text(encoding="utf-8"))["grades"]
    by_name = {one["submission"]: one for one in grades}
    late = "handed in late, as the learning platform marks it"
    assert late in by_name["smithbob_LATE_124_457_lab.py"]["notes"]
    assert "does not count" in by_name["lovelaceada_123_456_lab.py"]["notes"][0]
    assert by_name[""]["status"] == "absent"

    check = room.toy / "expert_load.py"
    text = check.read_text(encoding="utf-8")
    check.write_text(text.replace(" - 1) < 1e-6", " - 1) < 10"), encoding="utf-8")
    again = moelab_here(*grade, cwd=room.folder)
    assert again.status == 1, again.err

    monkeypatch.chdir(room.folder)
    capsys.readouterr()
    assert run(["report", "gradebook.db", "--diff", "--json", "diff.json"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 of 3 grades changed" in printed
    assert "sums_to_one failed → passed 1 +1" in printed
    (change,) = json.loads((room.folder / "diff.json").read_text(encoding="utf-8"))["changes"]
    assert (change["student"], change["difference"]) == ("smithbob", 1)

    who = ("--student", "smithbob", "--exercise", "expert_load", "--who", "Grace")
    adjust = ["adjust", "gradebook.db", *who, "--why", "the statement misled"]
    assert run([*adjust, "--points", "4"]) == 0
    assert "smithbob, expert_load:" in capsys.readouterr().out
    assert run(["report", "gradebook.db", "--roster", "roster.csv", "--canvas", "canvas.csv"]) == 0
    assert "1 set by hand" in " ".join(capsys.readouterr().out.split())
    after = canvas_rows(room.folder / "canvas.csv")
    assert float(after["Smith, Bob"]) > float(before["Smith, Bob"])
    assert run([*adjust, "--undo"]) == 0
    assert run([*adjust, "--points", "99"]) == 2
    assert run([*adjust]) == 2
    assert "Give either --points or --undo" in capsys.readouterr().err

    oral = ["adjust", "gradebook.db", "--student", "zoe@example.org", "--exercise", "expert_load"]
    oral += ["--points", "3", "--why", "oral exam"]
    assert run(oral) == 2
    assert "--roster FILE says who handed in nothing" in capsys.readouterr().err
    assert run([*oral, "--roster", "roster.csv"]) == 0
    assert "Ng, Zoë, expert_load: 0 → 3 of" in capsys.readouterr().out
    assert run(["report", "gradebook.db", "--roster", "roster.csv", "--canvas", "canvas.csv"]) == 0
    assert "no submission; 1 set by hand" in " ".join(capsys.readouterr().out.split())
    assert canvas_rows(room.folder / "canvas.csv")["Ng, Zoë"] == "3"
    assert run(["report", "gradebook.db", "--json", "grades.json"]) == 0
    grades = json.loads((room.folder / "grades.json").read_text(encoding="utf-8"))["grades"]
    assert [one["score"] for one in grades if one["student"] == "Ng, Zoë"] == [3.0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "g.db", "--roster", "notes.txt"], "notes.txt is no roster"),
        (["report", "g.db", "--roster", "missing.csv"], "missing.csv"),
        (["report", "g.db", "--diff", "--html", "page"], "--diff writes --csv and --json alone"),
        (["report", "g.db", "--canvas", "c.csv"], "known to Canvas"),
        (["report", "g.db", "--html", "page", "--feedback", "./page"], "page cannot hold both"),
        (["adjust", "g.db", "--student", "ada"], "--exercise"),
    ],
)
def test_mistakes_are_a_sentence(arguments, said, tmp_path, monkeypatch, capsys, small_class):
    from autograder.gradebook import Gradebook

    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("Just some notes.")
    with Gradebook.open("g.db") as book:
        book.record(book.start_run(small_class.run), small_class.grades[0])
    assert run(arguments) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed
