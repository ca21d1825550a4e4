"""A class of 120 as it comes from Canvas, Moodle (also in teams) and Gradescope, and its grades.

Everything here is written before anything is graded: who hands in what, and what that earns in the
toy course.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

EXPERT_LOAD = """\
def expert_load(indices, num_experts):
    counts = torch.bincount(indices.reshape(-1), minlength=num_experts)
    return counts / counts.sum()
"""
FIRST_SLOT = """\
def expert_load(indices, num_experts):
    return torch.bincount(indices[:, 0], minlength=num_experts) / indices.shape[0]
"""
BUSIEST = """\
def busiest_expert(load):
    if not len(load):
        raise ValueError("no expert")
    return int((load == load.max()).nonzero().min())
"""
LAST_OF_EQUALS = BUSIEST.replace(".min()", ".max()")
GAP = """\
def load_gap(indices, num_experts):
    load = torch.bincount(indices.reshape(-1), minlength=num_experts) / indices.numel()
    return float(load.max() - load.min())
"""
NO_GAP = "def load_gap(indices, num_experts):\n    raise NotImplementedError\n"
IMPORTS = "import torch\n"
NOT_HERE = "import seaborn_of_old\n" + IMPORTS
RIGHT = (IMPORTS, EXPERT_LOAD, BUSIEST, GAP)
STUBS = (
    IMPORTS,
    "def expert_load(indices, num_experts):\n    raise NotImplementedError\n",
    "def busiest_expert(load):\n    raise NotImplementedError\n",
    NO_GAP,
)
HELPED = (
    IMPORTS + "from my_helpers import shares\n",
    "def expert_load(indices, num_experts):\n    return shares(indices, num_experts)\n",
    BUSIEST,
    "def load_gap(indices, num_experts):\n"
    "    load = shares(indices, num_experts)\n    return float(load.max() - load.min())\n",
)
HELPERS = IMPORTS + EXPERT_LOAD.replace("expert_load", "shares")

# What each kind of hand-in earns of 11 points, its status, and how many students it has.
TABLE: dict[str, tuple[float, str, int]] = {
    "notebook": (11, "graded", 14),
    "script": (11, "graded", 8),
    "newest attempt": (11, "graded", 6),
    "late": (11, "graded", 6),
    "helper": (11, "graded", 8),
    "zip with helper": (11, "graded", 6),
    "saved as .txt": (11, "graded", 4),
    "saved as .json": (11, "graded", 4),
    "with a report": (11, "graded", 4),
    "with scratch work": (11, "graded", 6),
    "with an old copy": (11, "graded", 4),
    "a cell fails": (11, "graded", 4),
    "two versions": (11, "needs_review", 4),
    "last of equals": (10, "graded", 8),
    "first slot": (8, "graded", 8),
    "half done": (8, "graded", 6),
    "blank": (0, "graded", 4),
    "torn": (0, "unreadable", 4),
    "report alone": (0, "unreadable", 4),
    "nothing": (0, "absent", 8),
}
POSSIBLE = 11
FIRST = (
    "Ada",
    "İbrahim",
    "प्रिया",
    "สมชาย",
    "Zoë",
    "민수",
    "Nguyễn",
    "שָׁלוֹם",
    "Jean-Luc",
    "María José",
)
LAST = (
    *("Lovelace", "Yılmaz", "शर्मा", "กิตติ", "Ng", "김", "Văn Ánh", "לֵוִי", "d’Alembert", "O'Neil"),
    *("Smith-Jones", "Özgür"),
)


@dataclass(frozen=True)
class Student:
    """One student; `number` counts from 1 and decides everything else."""

    number: int
    kind: str

    @property
    def first(self) -> str:
        return "Wei" if self.number in (17, 71) else FIRST[(self.number * 7) % len(FIRST)]

    @property
    def last(self) -> str:
        return "Zhang" if self.number in (17, 71) else LAST[(self.number + self.number // 10) % 12]

    @property
    def full(self) -> str:
        """Two are namesakes, and so are others by chance."""
        return f"{self.first} {self.last}"

    @property
    def email(self) -> str:
        return f"s{self.number:03}@example.org"

    @property
    def score(self) -> float:
        return TABLE[self.kind][0]

    @property
    def status(self) -> str:
        return TABLE[self.kind][1]


def students() -> list[Student]:
    """The class; kinds are spread over it, so that neighbours differ."""
    kinds = [kind for kind, (_, _, times) in TABLE.items() for _ in range(times)]
    assert len(kinds) == 120
    return [Student(number, kinds[(number * 7) % 120]) for number in range(1, 121)]


def notebook(*cells: str) -> bytes:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    content = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def files_of(student: Student, *, flat: bool = False) -> dict[str, bytes]:
    """What a student hands in, by path; `flat` where a platform knows no folders."""
    own = f"NUMBER = {student.number}\n"
    right, half = notebook(own, *RIGHT), notebook(own, *RIGHT[:3], NO_GAP)
    helpers = (own + HELPERS).encode()
    first_slot = notebook(own, IMPORTS, FIRST_SLOT, BUSIEST, GAP)
    last = notebook(own, IMPORTS, EXPERT_LOAD, LAST_OF_EQUALS, GAP)
    return {
        "notebook": {"lab.ipynb": right},
        "script": {"lab.py": "\n".join((own, *RIGHT)).encode()},
        "newest attempt": {"lab-2.ipynb": right},
        "late": {"lab.ipynb": right},
        "helper": {"lab.ipynb": notebook(own, *HELPED), "my_helpers.py": helpers},
        "zip with helper": {
            "lab.zip": zipped({"w/lab.ipynb": notebook(own, *HELPED), "w/my_helpers.py": helpers})
        },
        "saved as .txt": {"lab.ipynb.txt": right},
        "saved as .json": {"lab.ipynb.json": right},
        "with a report": {"lab.ipynb": right, "report.pdf": b"%PDF-1.5"},
        "with scratch work": {
            "lab.ipynb": right,
            "zz_scratch.ipynb": notebook("1 + 1"),
            "zz_template.ipynb": notebook(*STUBS),
        },
        "with an old copy": {"lab.ipynb": right, "note.txt" if flat else "old/lab.ipynb": half},
        "a cell fails": {"lab.ipynb": notebook(own + NOT_HERE, *RIGHT[1:])},
        "two versions": {"lab.ipynb": first_slot, "lab_final.ipynb": right},
        "last of equals": {"lab.ipynb": last},
        "first slot": {"lab.ipynb": first_slot},
        "half done": {"lab.ipynb": half},
        "blank": {"lab.ipynb": notebook(own, *STUBS)},
        "torn": {"lab.ipynb": right[:200]},
        "report alone": {"lab.pdf": b"%PDF-1.5"},
        "nothing": {},
    }[student.kind]  # fmt: skip


def canvas(folder: Path) -> Path:
    """Canvas's zip: all attachments of the newest submissions in one folder."""
    archive, attachment = folder / "submissions.zip", 9_000
    with zipfile.ZipFile(archive, "w") as opened:
        for student in students():
            who = "".join(filter(_is_word, student.last + student.first)).lower()
            late = "_LATE" if student.kind == "late" else ""
            for name, data in files_of(student, flat=True).items():
                attachment += 1
                opened.writestr(f"{who}{late}_{1000 + student.number}_{attachment}_{name}", data)
    rows = [
        [f"{one.last}, {one.first}", 1000 + one.number, f"S{one.number}", one.email, "A", ""]
        for one in students()
    ]
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Toy (77)"]
    _write(folder, [head, ["    Points Possible", "", "", "", "", POSSIBLE], *rows])
    return archive


def moodle(folder: Path) -> Path:
    """Moodle's folders, one for each student, and the grading worksheet."""
    export = folder / "Toy course-Lab-4711"
    for student in students():
        name = "".join(letter for letter in student.full if letter not in '<>:"/\\|?*')
        for path, data in files_of(student).items():
            place = export / f"{name}_{2000 + student.number}_assignsubmission_file_" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    _write(folder, _worksheet(lambda one: ""))
    return export


def moodle_teams(folder: Path) -> Path:
    """Moodle's folders of a team assignment, one for each group, whose ids are participants', too.

    The worksheet has a column more: who is in which group.
    """
    export = folder / "Toy course-Teamwork-4712"
    of_student = {}
    for number, team in enumerate(teams(), 2001):
        of_student.update(dict.fromkeys(team, f"Group {number}"))
        for path, data in files_of(team[0]).items():
            place = export / f"Group {number}_{number}_assignsubmission_file_" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    _write(folder, _worksheet(lambda one: of_student.get(one, "")))
    return export


def _worksheet(group: Callable[[Student], str]) -> list[list[object]]:
    """Moodle's grading worksheet, with everybody's group behind its own columns."""
    head = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"]
    head += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)"]
    rows = [
        [
            f"Participant {2000 + one.number}",
            one.full,
            one.email,
            *("No submission" if one.kind == "nothing" else "Submitted for grading", "-"),
            *(2 * POSSIBLE, "Yes", "-" if one.kind == "nothing" else "Friday", "-", ""),
            group(one),
        ]
        for one in students()
    ]
    return [[*head, "Feedback comments", "Groups"], *rows]


def gradescope(folder: Path) -> Path:
    """Gradescope's folders with their metadata: students of one kind hand in together, in pairs."""
    export = folder / "assignment_77_export"
    metadata = []
    for number, team in enumerate(teams(), 900_001):
        for path, data in files_of(team[0]).items():
            place = export / f"submission_{number}" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        metadata.append(f"submission_{number}:\n  :submitters:\n")
        metadata += [
            f"  - :name: {json.dumps(one.full)}\n    :sid: S{one.number}\n    :email: {one.email}\n"
            for one in team
        ]
        metadata.append("  :history:\n  - :score: 0.0\n")
    (export / "submission_metadata.yml").write_text("".join(metadata), encoding="utf-8")
    rows = [[one.first, one.last, f"S{one.number}", one.email, "A"] for one in students()]
    _write(folder, [["First Name", "Last Name", "SID", "Email", "Sections"], *rows])
    return export


def teams() -> Iterator[list[Student]]:
    """Who hands in together, where the class works in teams."""
    pairs = [one for one in students() if one.kind == "script"]
    yield from (pairs[place : place + 2] for place in range(0, len(pairs), 2))
    yield from ([one] for one in students() if one.kind not in ("script", "nothing"))


def _is_word(letter: str) -> bool:
    """Whether Canvas keeps a letter of a name: word characters, which marks are."""
    return letter == "_" or unicodedata.category(letter)[0] in "LMN"


def _write(folder: Path, rows: list[list[object]]) -> None:
    with (folder / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
