"""Similar code: copies stand out, honest twins do not, and no word judges anybody."""

from __future__ import annotations

import csv
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.cli.main import run as moelab
from autograder.gradebook import Gradebook
from autograder.records import Evidence, Outcome
from autograder.similar.comparing import compare
from autograder.similar.corpus import Author, authors_of_folder, rare, with_bare_codes
from autograder.similar.page import write_pairs
from autograder.submission.code import bare_codes

STUB = '''def {name}(indices, num_experts: int = 8) -> "Tensor":
    """Return the share of routing slots that each expert received, a float tensor."""
{body}'''
STEPS = (
    "counts = [0] * num_experts\nfor row in indices:\n    for e in row:\n        counts[e] += 1",
    "counts = torch.bincount(indices.flatten(), minlength=num_experts)",
    "counts = torch.zeros(num_experts)\ncounts.scatter_add_(0, indices.reshape(-1), torch.ones(9))",
    "counts = (indices.unsqueeze(-1) == torch.arange(num_experts)).sum(dim=(0, 1))",
    "seen = Counter(indices.tolist())\ncounts = [seen[expert] for expert in range(num_experts)]",
    "counts = np.histogram(indices.numpy(), bins=np.arange(num_experts + 1))[0]",
    "counts = one_hot(indices, num_experts).reshape(-1, num_experts).sum(axis=0)",
    "counts = sum(one_hot(column, num_experts) for column in indices.unbind(dim=1))",
)
ENDS = (
    "total = sum(counts)\nreturn [count / total for count in counts]",
    "return counts / max(counts.sum(), 1)",
    "shares = counts.float()\nshares /= shares.sum()\nreturn shares",
    "if not len(counts):\n    raise ValueError('no experts')\nreturn torch.as_tensor(counts) / 2",
    "whole = indices.numel()\nreturn torch.tensor([float(c) for c in counts]) / whole",
    "result = {e: c for e, c in enumerate(counts)}\nreturn normalise(result, by=len(indices))",
)


def function(number: int, name: str = "expert_load") -> str:
    """One of many honest answers, none like another."""
    rng = random.Random(number)
    middle = "\n".join(
        f"value_{n} = {rng.choice(['min', 'max', 'abs', 'round', 'len', 'hash'])}"
        f"(counts[{rng.randrange(9)}] {rng.choice('+-*/%')} {rng.randrange(99)},"
        f" key={rng.choice(['str', 'int', 'None'])}) {rng.choice(['or', 'and', 'in'])} indices"
        for n in range(5)
    )
    parts = (STEPS[number % len(STEPS)], middle, ENDS[number % len(ENDS)])
    body = "".join(f"    {line}\n" for line in "\n".join(parts).splitlines())
    return STUB.format(name=name, body=body)


def disguised(code: str) -> str:
    """A copy under other names, with another docstring and with comments."""
    for old, new in (("counts", "tally"), ("indices", "chosen"), ("value_", "x"), ("num_", "n_")):
        code = code.replace(old, new)
    code = code.replace("Return the share", "My own way: the share")
    return code.replace("\n    ", "\n    # then\n    ", 3)


def author(student: str, code: str, **more) -> Author:
    return Author(student=student, submission=f"{student}.py", codes={"expert_load": code}, **more)


@pytest.fixture(scope="module")
def found():
    """Forty honest students, of whom six were copied from."""
    honest = [author(f"honest{n}", function(n)) for n in range(40)]
    copies = [author(f"copy{n}", disguised(function(n))) for n in range(6)]
    blank = [
        author(f"blank{n}", STUB.format(name="expert_load", body="    raise NotImplementedError\n"))
        for n in (1, 2)
    ]
    return compare(with_bare_codes([*honest, *copies, *blank]))


def test_planted_copies_stand_apart_from_every_honest_pair(found):
    copies = {frozenset((f"honest{n}", f"copy{n}")) for n in range(6)}
    shares = {frozenset((p.one.student, p.other.student)): p.share for p in found.pairs}
    assert {pair for pair, share in shares.items() if share >= 0.9} == copies
    assert max(share for pair, share in shares.items() if pair not in copies) < 0.5
    assert found.median < 0.1
    assert sum(found.bins) == found.compared == 48 * 47 // 2


def test_what_the_exercise_gives_says_nothing():
    stub = STUB.format(name="f", body="    raise NotImplementedError('write it')\n")
    given = STUB.format(name="f", body="    # mine\n    x: int = 1\n    pass\n    return x\n")
    assert bare_codes([stub, given, "no python ("]) == ["", "x = 1\nreturn x", ""]


def test_a_text_that_breaks_the_parser_costs_the_others_nothing():
    deep = "def f():\n    return " + "(" * 5_000 + "1"
    assert bare_codes([deep, "def f():\n    return 2\n"]) == ["", "return 2"]


def test_earlier_classes_are_compared_with_this_one_and_not_with_each_other():
    first = author("ada", function(1))
    before = [author(f"old{n}", function(1), earlier="2025") for n in range(2)]
    pairs = compare(with_bare_codes([first, *before])).pairs
    assert {(p.one.student, p.other.student) for p in pairs} == {("ada", "old0"), ("ada", "old1")}


def test_a_rare_mistake_that_two_share_is_shown_and_a_common_one_is_not():
    odd, usual = ("f", "Adds up", "got 17"), ("f", "Adds up", "got 2")
    few = [author(f"a{n}", function(n), wrong=frozenset({odd, usual})) for n in range(2)]
    many = [author(f"b{n}", function(n + 2), wrong=frozenset({usual})) for n in range(18)]
    assert rare([*few, *many], 0.1) == {odd}
    (pair,) = [p for p in compare(with_bare_codes([*few, *many])).pairs if p.same_wrong]
    assert ({pair.one.student, pair.other.student}, pair.same_wrong) == ({"a0", "a1"}, (odd,))


def test_the_page_marks_what_is_alike_escapes_everything_and_judges_nobody(tmp_path, found):
    text = '<script>window.hurt = 1</script>"</pre>'
    hurting = [author(text + str(n), function(n) + f"    x = {text!r}\n") for n in (1, 1)]
    for what, content in (("lab", found), (text, compare(with_bare_codes(hurting)))):
        page = write_pairs(content, what, tmp_path / "similar").read_text(encoding="utf-8")
        assert "<mark>" in page
        assert "<script>window" not in page
        words = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower()
        for word in ("plagiar", "cheat", "suspic", "guilty", "fraud", "misconduct", "copied"):
            assert word not in words


@pytest.fixture
def folder(tmp_path) -> Path:
    handed_in = tmp_path / "submissions"
    handed_in.mkdir()
    for name, code in (("ada", function(1)), ("bob", disguised(function(1))), ("eve", function(3))):
        (handed_in / f"{name}.py").write_text(code, encoding="utf-8")
    (handed_in / "broken.ipynb").write_text("{", encoding="utf-8")
    return handed_in


def test_a_folder_is_compared_and_exported_for_dolos_and_jplag(folder, tmp_path, capsys):
    exports = ("--export", f"dolos={tmp_path}/dolos", "--export", f"jplag={tmp_path}/jplag")
    assert moelab(["similar", str(folder), "--html", str(tmp_path / "page"), *exports]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "3 pairs of 3 students" in told
    assert "100 % ada, bob expert_load 100 %" in told
    assert (tmp_path / "page" / "index.html").is_file()
    with (tmp_path / "dolos" / "info.csv").open(newline="") as file:
        assert [row["full_name"] for row in csv.DictReader(file)] == ["ada", "bob", "eve"]
    assert sorted(p.parent.name for p in (tmp_path / "jplag").rglob("*.py")) == [
        "ada",
        "bob",
        "eve",
    ]


def test_a_gradebook_is_compared_by_the_code_that_it_keeps(tmp_path, run, make_grade, capsys):
    secret = Evidence(call="f(1)", got="17", expected="18")
    with Gradebook.open(str(tmp_path / "g.db")) as book:
        number = book.start_run(run)
        for n, name in enumerate(("ada", "bob", "eve")):
            grade = make_grade(name, outcomes=(Outcome.FAILED, Outcome.PASSED))
            exercises = tuple(
                replace(
                    one,
                    code=function(n if name == "eve" else 1),
                    checks=tuple(replace(check, evidence=secret) for check in one.checks),
                )
                for one in grade.exercises
            )
            book.record(number, replace(grade, exercises=exercises))
    assert moelab(["similar", str(tmp_path / "g.db")]) == 0
    assert "ada, bob" in capsys.readouterr().out
    with Gradebook.open(str(tmp_path / "old.db")) as book:
        book.record(book.start_run(run), make_grade())
    assert moelab(["similar", str(tmp_path / "old.db")]) == 2
    assert "name the folder of the submissions" in capsys.readouterr().err


def test_functions_of_all_names_are_taken_where_no_exercise_is_known(folder):
    assert {one.student: list(one.codes) for one in authors_of_folder(folder)} == {
        "ada": ["expert_load"],
        "bob": ["expert_load"],
        "eve": ["expert_load"],
    }
