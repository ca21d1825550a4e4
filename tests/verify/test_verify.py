"""Verifying an assignment finds what is wrong with it, and nothing else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from autograder.courses import CourseError
from autograder.edition.write import build
from autograder.verify.matrix import matrix, summary
from autograder.verify.prove import verify
from autograder.verify.records import Finding, Report, Rule

pytestmark = pytest.mark.slow


def verified(course, tmp_path: Path, *, jobs: int = 1) -> Report:
    assignment = course.load()
    build([assignment], tmp_path)
    return verify(assignment, tmp_path, jobs=jobs)


def only(report: Report, rule: Rule, exercise: str) -> Finding:
    """The one finding, on this rule and exercise."""
    (finding,) = report.findings
    assert (finding.rule, finding.exercise) == (rule, exercise)
    return finding


def test_a_sound_course_holds_every_rule(toy_course, tmp_path):
    report = verified(toy_course, tmp_path)
    assert report.findings == ()
    assert report.ok
    assert report.possible == 11
    (margin,) = (one for one in report.margins if one.check == "gaps_of_random_routings")
    assert margin.wrong_by.startswith("takes_the_median")
    assert margin.right < 1 / 3 < 3 < margin.wrong
    assert not margin.is_narrow


NEARLY = (
    "load_gap/answers.py",
    "return last - first",
    "return last - first + 4e-6 * (0 < last - first < 1)",
)
HARDLY = (
    "load_gap/answers.py",
    "return float(load.max() - load.median())",
    "return load_gap(indices, num_experts) + 1.1e-5 * (num_experts == 4 and load.max() < 0.9)",
)
DECLARED = """

exercise.narrow_margin(gaps_of_random_routings, because="the toy course is made to be narrow")
"""


def test_a_right_answer_near_a_tolerance_is_found_and_so_is_a_wrong_one(toy_course, tmp_path):
    toy_course.edit(*NEARLY)
    toy_course.edit(*HARDLY)
    report = verified(toy_course, tmp_path)
    found = [one.message for one in report.findings if one.rule is Rule.MARGINS]
    assert ["of a right answer (sorts, " in one for one in found] == [True, False]
    assert ["of a wrong answer (takes_the_median, " in one for one in found] == [False, True]
    assert all("load_gap/checks.py: in check 'gaps_of_random_routings'" in one for one in found)
    assert not report.ok


def test_a_narrow_margin_may_be_declared_where_there_is_one(toy_course, tmp_path):
    chaffs = toy_course.folder / "toy" / "load_gap" / "answers.py"
    chaffs.write_text(chaffs.read_text() + DECLARED)
    (finding,) = verified(toy_course, tmp_path).findings
    assert "'gaps_of_random_routings' is not narrow" in finding.message
    assert finding.rule is Rule.MARGINS


def test_what_is_declared_to_be_narrow_is_no_finding(toy_course, tmp_path):
    toy_course.edit(*NEARLY)
    chaffs = toy_course.folder / "toy" / "load_gap" / "answers.py"
    chaffs.write_text(chaffs.read_text() + DECLARED)
    assert verified(toy_course, tmp_path).findings == ()


def test_progress_is_told_for_each_exercise(toy_course, tmp_path):
    told: list[str] = []
    assignment = toy_course.load()
    build([assignment], tmp_path)
    verify(assignment, tmp_path, told.append)
    assert told == [
        "toy: 1/3 expert_load: ok",
        "toy: 2/3 busiest_expert: ok",
        "toy: 3/3 load_gap: ok",
        "toy: committed files",
    ]


def test_several_processes_find_the_same(toy_course, tmp_path):
    toy_course.edit("load_gap/__init__.py", "load.max() - load.min()", "load.max() - load.sum()")
    one, two = verified(toy_course, tmp_path), verified(toy_course, tmp_path, jobs=2)
    assert one == two
    assert not one.ok


def test_a_reference_that_fails_its_own_law_is_found(toy_course, tmp_path):
    toy_course.edit(
        "expert_load.py", "return counts / counts.sum()\n\n\n# An", "return counts\n\n\n# An"
    )
    report = verified(toy_course, tmp_path)
    assert any(
        "the reference does not pass check 'sums_to_one'" in finding.message
        for finding in report.findings
    )
    assert ("expert_load", Rule.CHAFFS) in report.not_run
    assert not report.ok


def test_a_reference_that_raises_is_found_and_never_all_passed(toy_course, tmp_path):
    toy_course.edit("busiest_expert.py", "    largest = load.max()", "    largest = load.maximum()")
    report = verified(toy_course, tmp_path)
    told = [finding.message for finding in report.findings if finding.exercise == "busiest_expert"]
    assert any("busiest_expert raised TypeError" in message for message in told)
    assert report.count("expert_load", Rule.REFERENCE) == 0


def test_a_wheat_that_loses_points_is_found(toy_course, tmp_path):
    toy_course.edit("busiest_expert.py", "return pairs[0][1]", "return pairs[-1][1]")
    report = verified(toy_course, tmp_path)
    assert {finding.rule for finding in report.findings} == {Rule.WHEATS}
    assert "the correct solution 'sorts_pairs' does not pass" in report.findings[0].message


def test_a_chaff_that_no_check_catches_is_found(toy_course, tmp_path):
    toy_course.edit(
        "expert_load.py", "flat.count(expert) / len(flat)", "flat.count(expert) / len(flat) * 1.0"
    )
    toy_course.edit(
        "expert_load.py",
        "    return expert_load(indices, num_experts) * indices.shape[1]",
        "    return expert_load(indices, num_experts)",
    )
    finding = only(verified(toy_course, tmp_path), Rule.CHAFFS, "expert_load")
    assert "the chaff 'divides_by_tokens' earns every point" in finding.message
    assert "Add a check that rejects it, or delete it." in finding.message


def test_a_chaff_that_fails_more_than_it_names_is_found(toy_course, tmp_path):
    toy_course.edit("load_gap/answers.py", "(extremes, gaps_of_random_routings)", "extremes")
    finding = only(verified(toy_course, tmp_path), Rule.CHAFFS, "load_gap")
    assert "'gap_of_counts' also fails check 'gaps_of_random_routings'" in finding.message


def test_what_catches_a_chaff_besides_the_check_that_is_meant_is_kept_in_a_file(
    toy_course, tmp_path
):
    toy_course.edit("load_gap/answers.py", "(extremes, gaps_of_random_routings)", "extremes")
    assignment = toy_course.load()
    build([assignment], tmp_path)
    assert verify(assignment, tmp_path, write=True).ok

    kept = toy_course.folder / "toy" / "load_gap" / "catches.json"
    assert json.loads(kept.read_text()) == {
        "takes_the_median": ["gaps_of_random_routings"],
        "gap_of_counts": ["extremes", "gaps_of_random_routings"],
    }
    assert verify(assignment, tmp_path).ok
    exercise = assignment.exercise("load_gap")
    assert exercise.fails(exercise.chaffs[1]) == ("extremes", "gaps_of_random_routings")


def test_catches_that_are_no_longer_true_are_found_and_their_line_proposed(toy_course, tmp_path):
    kept = toy_course.folder / "toy" / "load_gap" / "catches.json"
    kept.write_text('{"takes_the_median": ["extremes"], "long_gone": ["extremes"]}')
    found = [finding.message for finding in verified(toy_course, tmp_path).findings]
    assert len(found) == 3
    assert '"takes_the_median": ["gaps_of_random_routings"]' in found[0]
    assert "not extremes as kept" in found[0]
    assert "which is not in catches.json" in found[1]
    assert "keeps 'long_gone', which is no chaff" in found[2]


def test_catches_that_cannot_be_read_are_told_in_a_sentence(toy_course):
    kept = toy_course.folder / "toy" / "load_gap" / "catches.json"
    kept.write_text("[]")
    with pytest.raises(CourseError, match=r"catches\.json: not a table that .moelab verify"):
        toy_course.load()


def test_a_chaff_that_passes_a_check_that_it_names_is_found(toy_course, tmp_path):
    toy_course.edit(
        "load_gap/answers.py",
        "caught_by=gaps_of_random_routings)",
        "caught_by=(extremes, gaps_of_random_routings))",
    )
    finding = only(verified(toy_course, tmp_path), Rule.CHAFFS, "load_gap")
    assert "'takes_the_median' passes check 'extremes'" in finding.message


def test_a_hidden_check_that_catches_nothing_new_is_found(toy_course, tmp_path):
    toy_course.edit("load_gap/answers.py", "load.max() - load.median()", "load.max() + load.min()")
    toy_course.edit(
        "load_gap/answers.py",
        "caught_by=gaps_of_random_routings)",
        "caught_by=(extremes, gaps_of_random_routings))",
    )
    finding = only(verified(toy_course, tmp_path), Rule.HIDDEN_CHECKS, "load_gap")
    assert "the hidden check 'gaps_of_random_routings' catches no chaff" in finding.message


def test_a_chaff_caught_by_luck_is_found(toy_course, tmp_path):
    toy_course.edit("load_gap/checks.py", "    for _ in range(3):", "    for _ in range(1):")
    toy_course.edit(
        "load_gap/checks.py",
        "rng.permutation([0] * 9 + [1] * 5 + [2] * 4 + [3])",
        "rng.choice([[0, 1, 2, 3], [0, 0, 1, 2]])",
    )
    report = verified(toy_course, tmp_path)
    assert Rule.STABLE in {finding.rule for finding in report.findings}


def test_a_blank_stub_that_earns_points_is_found(toy_course, tmp_path):
    asked = (
        '    assert answer(torch.tensor([0.1, 0.2, 0.4, 0.3])) == 2, "expert 2 is the busiest"\n'
    )
    toy_course.edit("busiest_expert.py", asked, "")
    toy_course.edit("busiest_expert.py", "answer.raises(ValueError,", "answer.raises(Exception,")
    report = verified(toy_course, tmp_path)
    assert any(
        "the blank stub passes check 'refuses_an_empty_load'" in finding.message
        for finding in report.findings
    )
    assert any(
        "a function that raises ValueError passes" in finding.message
        and finding.rule is Rule.NOTHING
        for finding in report.findings
    )


def test_public_checks_that_can_be_learnt_by_heart_are_found(toy_course, tmp_path):
    toy_course.edit("busiest_expert.py", "rng.permutation(20) / 190", "np.array([3, 1, 9, 4]) / 17")
    toy_course.edit(
        "busiest_expert.py", "import torch\n\nfrom", "import numpy as np\nimport torch\n\nfrom"
    )
    report = verified(toy_course, tmp_path)
    assert {(f.rule, f.exercise) for f in report.findings} == {(Rule.MEMORY, "busiest_expert")}
    assert "passes check 'finds_the_largest'" in report.findings[0].message
    assert "Draw an input of the check from `rng`." in report.findings[0].message


def test_a_public_check_that_only_works_in_the_course_is_found(toy_course, tmp_path):
    toy_course.edit(
        "expert_load.py",
        "    got = answer(_example(), EVEN)\n",
        '    assert "toy" in __name__\n    got = answer(_example(), EVEN)\n',
    )
    finding = only(verified(toy_course, tmp_path), Rule.REFERENCE, "expert_load")
    assert "in the notebook the reference does not pass the public check" in finding.message


def test_an_exercise_without_chaffs_or_wheats_is_not_proved(toy_course, tmp_path):
    path = toy_course.folder / "toy" / "busiest_expert.py"
    path.write_text(path.read_text().partition("@exercise.wheat")[0])
    rules = [finding.rule for finding in verified(toy_course, tmp_path).findings]
    assert rules == [Rule.WHEATS, Rule.CHAFFS, Rule.HIDDEN_CHECKS, Rule.HIDDEN_CHECKS]


def test_an_assignment_without_exercises_is_not_proved(toy_course, tmp_path):
    assignment = toy_course.load()
    empty = type(assignment)(
        name="toy", title="", folder=assignment.folder, parts=(), requirements=()
    )
    report = verify(empty, tmp_path)
    assert not report.ok
    assert "has no exercises" in report.findings[-1].message


def test_an_autograder_that_would_overlook_a_check_is_found(toy_course, tmp_path):
    toy_course.edit("expert_load.py", "def keeps_unused_experts", "def test_case")
    toy_course.edit("expert_load.py", "caught_by=keeps_unused_experts", "caught_by=test_case")
    report = verified(toy_course, tmp_path)
    assert not report.ok
    assert [f.message for f in report.findings if "Otter" in f.message]


def test_a_check_for_zero_points_is_found(toy_course, tmp_path):
    toy_course.edit(
        "load_gap/checks.py", "@exercise.agrees(points=2,", "@exercise.agrees(points=0,"
    )
    finding = only(verified(toy_course, tmp_path), Rule.REFERENCE, "load_gap")
    assert "is worth 0 points" in finding.message


def test_what_stops_the_verifier_is_a_finding_and_the_rest_is_proved(toy_course, tmp_path):
    toy_course.edit("load_gap/__init__.py", "@exercise.solution\n", "")
    report = verify(toy_course.load(), tmp_path)
    assert report.count("load_gap", Rule.REFERENCE) > 0
    assert report.count("expert_load", Rule.REFERENCE) == 0
    assert ("load_gap", Rule.CHAFFS) in report.not_run


def test_a_chaff_that_ends_python_is_a_failed_chaff(toy_course, tmp_path):
    toy_course.edit(
        "load_gap/answers.py", "return load_gap(indices, num_experts) * len(indices)", "exit()"
    )
    assert verified(toy_course, tmp_path).findings == ()


def test_an_endless_chaff_fails_at_the_checks_time_limit(toy_course, tmp_path):
    toy_course.edit(
        "load_gap/answers.py",
        "return load_gap(indices, num_experts) * len(indices)",
        "while True:\n        pass",
    )
    toy_course.edit(
        "load_gap/checks.py", "@exercise.law(points=1,", "@exercise.law(points=1, time_limit=0.3,"
    )
    toy_course.edit(
        "load_gap/checks.py",
        "@exercise.agrees(points=2,",
        "@exercise.agrees(points=2, time_limit=0.3,",
    )
    assert verified(toy_course, tmp_path).findings == ()


def rendered(report: Report) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(matrix([report]))
    return console.file.getvalue()


def test_the_matrix_is_plain_text_outside_a_terminal(toy_course, tmp_path):
    toy_course.edit("load_gap/answers.py", "(extremes, gaps_of_random_routings)", "extremes")
    toy_course.edit("busiest_expert.py", 'proves="lowest"', 'proves="largest"')
    shown = rendered(verified(toy_course, tmp_path))
    assert "\x1b" not in shown
    (row,) = (line for line in shown.splitlines() if "load_gap " in line and "ok" in line)
    assert row.count("ok") == len(Rule) - 1
    assert row.count("x1") == 1
    assert "rule 3, load_gap: " in shown
    assert "rule 9, busiest_expert: " in shown


def test_the_matrix_tells_what_was_not_run(toy_course, tmp_path):
    toy_course.edit("load_gap/__init__.py", "load.max() - load.min()", "load.max() + load.min()")
    shown = rendered(verified(toy_course, tmp_path))
    (row,) = (line for line in shown.splitlines() if "load_gap " in line and " - " in line)
    assert row.count(" - ") == len(Rule) - 3


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ((), f"all {len(Rule)} rules hold"),
        ((Finding("a", Rule.WHEATS, "b"),), "1 finding (1 exercises"),
    ],
)
def test_the_summary_is_one_line(findings, words):
    report = Report(assignment="toy", exercises=("a",), possible=3.5, findings=findings)
    assert summary(report).startswith(f"toy: {words}")
    assert "3.5 points" in summary(report)


def test_a_single_exercise_is_proved_alone(toy_course, tmp_path):
    toy_course.edit("load_gap/answers.py", "return last - first", "return last - first + 1")
    assignment = toy_course.load()
    report = verify(assignment, tmp_path, only=("busiest_expert",))
    assert report.exercises == ("busiest_expert",)
    assert report.ok, "neither the other exercises nor committed files are looked at"
    assert summary(report).startswith("toy: every rule but 6 holds for busiest_expert (")
    wrong = verify(assignment, tmp_path, only=("load_gap",))
    assert {one.exercise for one in wrong.findings} == {"load_gap"}


def test_prose_that_no_student_sees_is_found(toy_course, tmp_path):
    prose = toy_course.folder / "toy" / "prose"
    (prose / "forgotten.md").write_text("A text that no part names.\n")
    assignment = toy_course.load()
    build([assignment], tmp_path)
    finding = only(verify(assignment, tmp_path), Rule.FILES, "")
    assert 'Add `Prose("forgotten.md")` to `parts`' in finding.message
