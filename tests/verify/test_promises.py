"""Rule 9: what a statement promises is proved by a check, and a check proves what is promised."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.authoring.course import assignment_names, load_assignment
from autograder.authoring.promises import promises_in, without_keys
from autograder.edition.write import student_files
from autograder.verify.promises import promises_are_proved

STATEMENT = """\
# A title

- [first-key] One thing,
  over two lines.
- no key here
  1. [inner] a part with a key of its own
- [outer] Who is first?
  - the earlier
  - the later

  A second paragraph.
- [E] is a shape, [x](https://example.org) a link

```text
- [code] no promise
```

1. [x] a box that is ticked
2) [last] It **ends with `f(*args)`**: 2 * 3 * 4, *so*;
"""


def said(course, root) -> list[tuple[str, str]]:
    return [(one.exercise, one.message) for one in promises_are_proved(course.load(), root)]


def test_promises_are_the_list_items_in_one_line_each():
    found = [(promise.key, promise.sentence) for promise in promises_in(STATEMENT)]
    assert found == [
        ("first-key", "One thing, over two lines."),
        ("inner", "a part with a key of its own"),
        ("outer", "Who is first? the earlier the later A second paragraph."),
        ("", "[E] is a shape, [x](https://example.org) a link"),
        ("", "[x] a box that is ticked"),
        ("last", "It ends with `f(*args)`: 2 * 3 * 4, so"),
    ]


def test_a_check_stands_for_what_its_exercise_says_else_for_rules(toy_course):
    assignment = toy_course.load()
    exercise = assignment.exercise("load_gap")
    extremes, _ = exercise.checks
    gap = "Return the largest share minus the smallest share, as a number."
    assert assignment.sentences(exercise, extremes) == (gap,)
    of_a_rule = replace(extremes, proves=("inputs",))
    assert assignment.sentences(exercise, of_a_rule) == ("Inputs are never changed.",)
    assert assignment.sentences(exercise, replace(extremes, proves=("nothing",))) == ()


def test_keys_are_taken_out_and_nothing_else_changes():
    expected = STATEMENT
    for key in ("first-key", "inner", "outer", "last"):
        expected = expected.replace(f"[{key}] ", "")
    assert without_keys(STATEMENT) == expected


def test_students_never_see_a_key(toy_course):
    for name, text in student_files(toy_course.load()).items():
        if name.endswith((".ipynb", ".md")):
            for key in ("shares", "unused", "largest", "lowest", "empty", "gap", "inputs"):
                assert f"[{key}]" not in text, f"{name} shows the key {key}"
            assert "proves=" not in text
    notebook = json.loads(student_files(toy_course.load())["assignments/toy/toy.ipynb"])
    cells = {cell["id"]: cell["source"] for cell in notebook["cells"]}
    assert "- An expert that no token chose has share 0." in "".join(cells["expert_load-statement"])
    assert any("- Inputs are never changed." in "".join(text) for text in cells.values())


def test_a_course_whose_checks_prove_its_promises_holds_the_rule(toy_course, tmp_path):
    assert said(toy_course, tmp_path) == []


def test_a_promise_that_no_check_proves_is_found(toy_course, tmp_path):
    toy_course.edit("expert_load.py", 'proves="unused"', 'proves="shares"')
    ((exercise, message),) = said(toy_course, tmp_path)
    assert exercise == "expert_load"
    assert message.startswith(f"{toy_course.name}/toy/expert_load.py: the promise [unused] “An")
    assert "is proved by no check" in message
    assert 'proves="unused"' in message


def test_a_check_that_proves_no_promise_is_found(toy_course, tmp_path):
    toy_course.edit("load_gap/checks.py", '(points=2, proves="gap")', "(points=2)")
    ((exercise, message),) = said(toy_course, tmp_path)
    assert exercise == "load_gap"
    assert message == (
        f"{toy_course.name}/toy/load_gap/checks.py: check 'gaps_of_random_routings' proves no "
        "promise. Give it `proves=…` with the key of an item of the statement (gap) or of a rule "
        "(inputs)."
    )


def test_a_check_that_proves_what_is_not_promised_is_found(toy_course, tmp_path):
    toy_course.edit("expert_load.py", "- [unused] ", "- [empty] ")
    messages = [message for _, message in said(toy_course, tmp_path)]
    assert len(messages) == 2
    assert "the promise [empty]" in messages[0]
    assert "check 'keeps_unused_experts' proves 'unused', the key of nothing" in messages[1]
    assert "(empty, shares)" in messages[1]


def test_an_item_without_a_key_is_found(toy_course, tmp_path):
    toy_course.edit("expert_load.py", "- [unused] An", "- An")
    toy_course.edit("expert_load.py", 'proves="unused"', 'proves="shares"')
    ((_, message),) = said(toy_course, tmp_path)
    assert "the item “An expert that no token chose has share 0.” has no key" in message


@pytest.mark.parametrize("taken", ["shares", "inputs"])
def test_a_key_that_is_taken_is_found(toy_course, tmp_path, taken):
    toy_course.edit("expert_load.py", "- [unused] ", f"- [{taken}] ")
    toy_course.edit("expert_load.py", 'proves="unused"', f'proves="{taken}"')
    ((_, message),) = said(toy_course, tmp_path)
    assert f"two promises have the key [{taken}]" in message


def test_a_rule_for_all_exercises_needs_a_check_of_one_of_them(toy_course, tmp_path):
    toy_course.edit("load_gap/checks.py", '("gap", "inputs")', '"gap"')
    ((exercise, message),) = said(toy_course, tmp_path)
    assert exercise == ""
    assert message.startswith(f"{toy_course.name}/toy/prose/introduction.md: the promise [inputs]")


def test_a_rule_beside_others_has_a_key_and_other_lists_of_the_prose_need_none(
    toy_course, tmp_path
):
    toy_course.edit(
        "prose/introduction.md",
        "- [inputs] Inputs are never changed.\n",
        "- [inputs] Inputs are never changed.\n- Ties are broken.\n\nRead:\n\n* this\n* that\n",
    )
    ((_, message),) = said(toy_course, tmp_path)
    assert "the item “Ties are broken.” has no key" in message


@pytest.mark.parametrize("name", assignment_names())
def test_the_notebooks_of_our_own_course_show_no_key(name):
    assignment = load_assignment(name)
    promises = [*assignment.rules, *(p for e in assignment.exercises for p in e.promises)]
    assert len(promises) > 5 * len(assignment.exercises)
    folder = Path(__file__).parents[2] / "assignments" / name
    for notebook in folder.glob("*.ipynb"):
        text = notebook.read_text(encoding="utf-8")
        shown = set(re.findall(r"(?:-|\d\.) \[([a-z0-9-]+)\] ", text))
        assert shown & {promise.key for promise in promises} == set()
