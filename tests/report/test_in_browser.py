"""The reports as a browser shows them: usable by everyone, and harmless whatever students write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from browsing import until

from autograder.records import ClassGrades, Evidence, Outcome
from autograder.report.class_page.html import write_html
from autograder.report.feedback.files import write_feedback

pytestmark = pytest.mark.slow

ATTACKS = (
    "<script>window.hurt = 1</script>",
    '"><img src=x onerror="window.hurt = 1">',
    "<svg/onload=window.hurt=1>",
    "</script><script>window.hurt = 1</script>",
    "]]><!--<script>window.hurt = 1//-->",
    "javascript:window.hurt=1",
    "{{ 7 * 191 }}{% for x in y %}",
    "\u202egnp.exe\u2066",
    "\x1b[31mred\x00\x07\x9b2J",
    "\ud800lone",
    "x" * 2_000_000,
)

LABELS_FIT = """[...document.querySelectorAll(".column tbody th")].every(label => {
    const text = document.createRange();
    text.selectNodeContents(label);
    return text.getBoundingClientRect().width <= label.clientWidth;
})"""


@pytest.fixture(scope="module")
def page_of_300(class_of_300, tmp_path_factory):
    return write_html(class_of_300, tmp_path_factory.mktemp("class") / "report")


@pytest.fixture(scope="module")
def page_with_plots(class_with_pictures, tmp_path_factory):
    return write_html(class_with_pictures, tmp_path_factory.mktemp("plots") / "report")


@pytest.fixture(scope="module")
def feedback_with_plots(class_with_pictures, tmp_path_factory):
    return write_feedback(class_with_pictures, tmp_path_factory.mktemp("plots") / "feedback")


@pytest.fixture
def class_of_attacks(run, make_grade) -> ClassGrades:
    """Each attack as a name, a file, a message, a note, a misconception, a hint, evidence."""
    grades = []
    for text in ATTACKS:
        name = text[:300]
        grade = make_grade(
            name, outcomes=(Outcome.ERROR, Outcome.FAILED), message=text, notes=(text,)
        )
        exercises = []
        for exercise in grade.exercises:
            seen = Evidence(call=text, got=text, expected=text)
            checks = (
                replace(c, misconception=name, hint=text, evidence=seen) for c in exercise.checks
            )
            exercises.append(replace(exercise, checks=tuple(checks)))
        grades.append(replace(grade, exercises=tuple(exercises)))
    return ClassGrades(run=run, grades=tuple(grades))


def test_a_class_of_300_is_open_to_everyone(page_of_300, visitor):
    with visitor.open(page_of_300) as page:
        assert visitor.barriers(page) == []


def test_a_class_of_300_fits_every_screen(page_of_300, visitor, look):
    with visitor.open(page_of_300, **look) as page:
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= look["viewport"]["width"]
        assert page.evaluate(LABELS_FIT)


def test_tables_charts_and_plots_are_open_to_everyone(page_with_plots, visitor, look):
    with visitor.open(page_with_plots, **look) as page:
        page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        assert visitor.barriers(page) == []


def test_a_student_in_detail_is_open_to_everyone(page_with_plots, visitor, look):
    with visitor.open(page_with_plots, "#s2", **look) as page:
        assert page.get_by_role("dialog").get_by_role("listitem").count() >= 77
        assert visitor.barriers(page) == []


def test_the_table_sorts_by_each_column(page_of_300, visitor):
    with visitor.open(page_of_300) as page:
        column = (
            "[...document.querySelectorAll('#table tbody tr')].map(r => +r.cells[1].dataset.sort)"
        )
        head = page.locator("#table thead button", has_text="Score")
        head.click()
        until(page, f"(s => s.every((x, i) => !i || s[i - 1] <= x))({column})")
        assert page.locator("#table th[aria-sort=ascending]").count() == 1
        head.click()
        until(page, f"(s => s.every((x, i) => !i || s[i - 1] >= x))({column})")
        assert page.evaluate(column)[0] > page.evaluate(column)[-1]


def test_students_are_found_by_parts_of_their_names_without_accents(page_of_300, visitor):
    with visitor.open(page_of_300) as page:
        rows = page.locator("#table tbody tr:visible")
        assert rows.count() == 300
        page.get_by_label("Find").fill("diaz jose")
        names = [row.locator("a").inner_text() for row in rows.all()]
        assert 0 < len(names) < 30
        assert all(name.startswith("José Díaz") for name in names)
        assert page.locator("#found").inner_text() == f"{len(names)} of 300 shown"
        page.get_by_label("Find").fill("")
        page.get_by_label("Show").select_option("needs review")
        assert 0 < rows.count() < 20


def test_details_open_and_close_with_the_keyboard(page_of_300, visitor, class_of_300):
    with visitor.open(page_of_300) as page:
        link = page.locator("#s3 a")
        link.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        name = page.locator("#s3 a").inner_text()
        assert dialog.get_by_role("heading", name=name).is_visible()
        grade = next(one for one in class_of_300.grades if one.student == name)
        failed = [c for e in grade.exercises for c in e.checks if c.message]
        assert dialog.get_by_text(failed[0].message, exact=True).first.is_visible()
        assert dialog.get_by_role("listitem").count() >= 77
        dialog.get_by_role("button", name="Next").click()
        assert dialog.get_by_role("heading", level=2).inner_text() == (
            page.locator("#s4 a").inner_text()
        )
        page.keyboard.press("Escape")
        assert not dialog.is_visible()
        assert page.evaluate("document.activeElement.closest('tr').id") == "s3"


def test_the_call_that_failed_is_shown_with_what_it_gave(visitor, run, make_grade, tmp_path):
    grade = make_grade(outcomes=(Outcome.PASSED, Outcome.FAILED))
    evidence = Evidence(call="route([2, 4] float32, 2)", got="[0]: 4.0", expected="[0]: 2.0")
    checks = tuple(replace(one, evidence=evidence) for one in grade.exercises[1].checks)
    exercises = (grade.exercises[0], replace(grade.exercises[1], checks=checks))
    of_class = ClassGrades(run=run, grades=(replace(grade, exercises=exercises),))
    with visitor.open(write_html(of_class, tmp_path / "report"), "#s1") as page:
        shown = page.locator("dl.evidence").first
        assert shown.inner_text().split("\n") == [
            *("Call", evidence.call, "Got", evidence.got, "Expected", evidence.expected)
        ]
        assert visitor.barriers(page) == []


def test_keyboard_users_can_skip_to_the_report(page_of_300, visitor):
    with visitor.open(page_of_300) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_plots_are_shown_side_by_side(page_with_plots, visitor):
    with visitor.open(page_with_plots, "#plots", viewport={"width": 1280, "height": 900}) as page:
        images = page.locator(".gallery img:visible")
        until(page, "document.querySelector('.gallery img').naturalWidth > 0")
        first, second = images.nth(0).bounding_box(), images.nth(1).bounding_box()
        assert first["y"] == second["y"]
        assert first["x"] + first["width"] <= second["x"]


def test_without_a_script_everything_but_the_details_is_there(page_of_300, visitor):
    with visitor.open(page_of_300, java_script_enabled=False) as page:
        assert page.locator("#table tbody tr").count() == 300
        assert page.locator("form.search").is_hidden()
        assert page.locator("noscript p").is_visible()
        assert page.get_by_role("table", name="Submissions by score").is_visible()


def test_on_paper_every_check_is_there_and_nothing_to_click(page_of_300, visitor):
    with visitor.open(page_of_300) as page:
        page.emulate_media(media="print")
        assert page.get_by_role("table", name="Checks with their").is_visible()
        assert page.locator("nav").is_hidden()
        assert page.locator("form.search").is_hidden()
        assert page.pdf().startswith(b"%PDF")
        buttons = page.locator("#table thead button")
        before = buttons.count()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert buttons.count() == 0, "Chromium repeats no head that holds a button"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert buttons.count() == before > 0


def test_nothing_that_a_student_writes_does_anything_in_the_report(
    class_of_attacks, visitor, tmp_path
):
    path = write_html(class_of_attacks, tmp_path / "report")
    assert path.stat().st_size < 1_000_000
    with visitor.open(path) as page:
        for number in range(1, len(ATTACKS) + 1):
            page.evaluate(f"location.hash = '#s{number}'")
            assert page.get_by_role("dialog").is_visible()
        text = page.evaluate("document.documentElement.innerText")
        assert page.evaluate("window.hurt") is None
        assert "1337" not in text
        assert page.locator("#table tbody bdi", has_text="{{ 7 * 191 }}").count() >= 1
        assert not page.evaluate("[...document.links].filter(a => a.protocol != 'file:').length")
        assert visitor.barriers(page) == []


def test_nothing_that_a_student_writes_does_anything_in_the_feedback(
    class_of_attacks, visitor, tmp_path
):
    index = write_feedback(class_of_attacks, tmp_path / "feedback")
    paths = [index, *tmp_path.glob("feedback/*/feedback.html")]
    assert len(paths) == 1 + len(ATTACKS)
    for path in paths:
        assert path.stat().st_size < 200_000
        with visitor.open(path) as page:
            assert page.evaluate("window.hurt") is None


def test_the_policy_stops_a_script_that_got_in_all_the_same(page_of_300, visitor):
    break_in = """() => {
        const script = document.createElement("script");
        script.textContent = "window.hurt = 1";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<b id=b onclick='window.hurt = 1'>b</b>");
        document.getElementById("b").click();
        return window.hurt ?? "unhurt";
    }"""
    with pytest.raises(AssertionError, match="Content Security Policy"):  # noqa: SIM117
        with visitor.open(page_of_300) as page:
            found = page.evaluate(break_in)
    assert found == "unhurt"


def test_feedback_is_open_to_everyone(feedback_with_plots, visitor, look):
    index = feedback_with_plots
    own = next(path for path in index.parent.glob("*/plot_router_weights.png")).parent
    with visitor.open(own / "feedback.html", **look) as page:
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= look["viewport"]["width"]
        until(page, "[...document.images].every(image => image.naturalWidth > 0)")
        assert page.locator("img").count() >= 4
        assert visitor.barriers(page) == []
    with visitor.open(index, **look) as page:
        assert visitor.barriers(page) == []
