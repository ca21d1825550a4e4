"""`moelab review` and `adjust --csv`: what people decide, in a browser and in a table."""

from __future__ import annotations

import csv
import re
import socket
import threading
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from autograder.cli.main import run as moelab
from autograder.gradebook import Gradebook
from autograder.records import ExerciseGrade, Outcome
from autograder.review.app import Room, make_app

ATTACK = "<script>window.hurt = 1</script>\"'><img src=x onerror=window.hurt=1>"


@pytest.fixture
def filled(tmp_path, run, make_grade) -> Path:
    path = tmp_path / "gradebook.db"
    with Gradebook.open(str(path)) as book:
        number = book.start_run(run)
        for name in ("ada", "bob", ATTACK):
            grade = make_grade(name, outcomes=(Outcome.PASSED, Outcome.FAILED), message=ATTACK)
            exercises = tuple(
                ExerciseGrade(name=one.name, checks=one.checks, code=f"def {one.name}(): {ATTACK}")
                for one in grade.exercises
            )
            book.record(
                number,
                type(grade)(
                    student=name,
                    submission=f"{len(name)}-{name[:3]}.ipynb",
                    digest="sha256:1",
                    exercises=exercises,
                ),
            )
    return path


@pytest.fixture
def address(filled, run):
    """The page, served from a thread."""
    with Gradebook.open(str(filled)) as book, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        room = Room(book=book, assignment=run.assignment, token="t0ken", who="Ms Berg", names={})
        server = uvicorn.Server(uvicorn.Config(make_app(room), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/t0ken/"
        server.should_exit = True
        thread.join(20)


def decided(filled: Path, run) -> dict[str, tuple[float, str]]:
    with Gradebook.open(str(filled)) as book:
        return {
            grade.student: (grade.exercises[1].score, grade.exercises[1].comment)
            for grade in book.latest(run.assignment).grades
        }


def asked(url: str, method: str = "GET", body: str = "", host: str = "") -> tuple[int, str]:
    """A plain request, without what a browser adds."""
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    headers = {"Host": host} if host else {}
    connection.request(method, parts.path, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode("utf-8")
    connection.close()
    return reply.status, text


@pytest.mark.slow
def test_only_who_has_the_address_is_served_and_under_this_machines_names_alone(
    address, filled, run
):
    assert asked(address)[0] == 200
    assert asked(address.replace("t0ken", "other"))[0] == 404
    assert asked(address, host="evil.example.org")[0] == 400
    attempt = re.search(r'id="a(\d+)"', asked(f"{address}e/route")[1])[1]
    before = decided(filled, run)
    wrong = f"{address.replace('t0ken', 'other')}a/{attempt}/route/points"
    assert asked(wrong, "POST", "points=10&why=x")[0] == 404
    assert asked(f"{address}a/{attempt}/route/points", "POST", "points=99&why=x")[0] == 422
    assert (
        asked(f"{address}a/{attempt}/route/comment", "POST", "comment=" + "x" * 200_000)[0] == 404
    )
    assert decided(filled, run) == before


@pytest.fixture
def graders(chromium: Browser):
    """Two people, each with a browser of their own."""
    contexts = [chromium.new_context() for _ in range(2)]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def card(page: Page, student: str):
    return page.locator("article.answer", has=page.get_by_role("heading", name=student, exact=True))


@pytest.mark.slow
def test_two_people_review_at_once_by_keyboard_and_each_click_is_kept(
    address, filled, run, graders
):
    berg, chen = graders
    berg.goto(address)
    berg.get_by_role("link", name="route", exact=True).click()
    berg.get_by_label("Item", exact=True).fill("no reason given")
    berg.get_by_label("Points", exact=True).first.fill("-1")
    berg.get_by_role("button", name="Add").click()
    berg.get_by_label("Item", exact=True).fill("shows the idea")
    berg.get_by_label("Points", exact=True).first.fill("3")
    berg.get_by_role("button", name="Add").click()
    chen.goto(address)
    chen.get_by_label("You are").fill("Mr Chen")
    chen.get_by_role("button", name="Change").click()
    chen.get_by_role("link", name="route", exact=True).click()
    assert berg.evaluate("window.hurt") is None
    for page, student, key in ((berg, "ada", "2"), (chen, "bob", "2"), (chen, "ada", "1")):
        card(page, student).focus()
        page.keyboard.press(key)
        expect(card(page, student).locator(f"[data-key='{key}']")).to_have_attribute(
            "aria-pressed", "true"
        )
    expect(card(chen, "ada").locator("[data-key='2']")).to_have_attribute("aria-pressed", "true")
    assert decided(filled, run)["ada"][0] == 2.0, "both clicks count"
    stale = card(berg, "ada")  # Ms Berg has not seen Mr Chen's click
    stale.get_by_label("Points").fill("9")
    stale.get_by_label("Why").fill("I say so")
    stale.get_by_role("button", name="Set").click()
    expect(card(berg, "ada").get_by_role("alert")).to_contain_text("somebody else has changed")
    assert decided(filled, run)["ada"][0] == 2.0
    card(berg, "ada").focus()
    berg.keyboard.press("l")
    expect(card(berg, "ada").get_by_role("button", name="Looked at by Ms Berg")).to_be_visible()
    berg.keyboard.press("c")
    berg.keyboard.type("Say why. <b>")
    card(berg, "ada").get_by_role("button", name="Save").click()
    expect(card(berg, "ada").get_by_text("by Ms Berg", exact=True)).to_be_visible()
    assert decided(filled, run)["ada"] == (2.0, "Say why. <b>")
    berg.keyboard.press("Escape")
    assert berg.evaluate("window.hurt") is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "look",
    [
        {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
        {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
    ],
)
def test_the_pages_are_open_to_everyone_and_fit_the_screen(address, chromium, look, visitor):
    context = chromium.new_context(bypass_csp=True, **look)
    page = context.new_page()
    for path in ("", "e/route"):
        page.goto(address + path)
        assert visitor.barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_a_table_sets_many_points_and_comments_or_none(filled, tmp_path, run, capsys):
    sheet = tmp_path / "sheet.csv"
    assert moelab(["adjust", str(filled), "--export", str(sheet), "--exercise", "route"]) == 0
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    by_student = {row["student"]: row for row in rows}
    by_student["ada"] |= {"points": "7,5", "why": "oral", "comment": "=well\ndone"}
    by_student["bob"] |= {"points": "70", "why": "oral"}

    def write() -> None:
        with sheet.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)

    write()
    before = decided(filled, run)
    assert moelab(["adjust", str(filled), "--csv", str(sheet)]) == 2
    assert "nothing was set" in (said := capsys.readouterr().err)
    assert "route is worth 10 points" in said
    assert decided(filled, run) == before
    by_student["bob"]["points"] = "7"
    write()
    assert (
        moelab(
            [
                "adjust",
                str(filled),
                "--csv",
                str(sheet),
            ]
        )
        == 0
    )
    assert "2 of 2 decisions are new, and set." in capsys.readouterr().out
    assert decided(filled, run)["ada"] == (7.5, "=well\ndone")
    assert decided(filled, run)["bob"] == (7.0, "")
    assert moelab(["adjust", str(filled), "--export", str(sheet)]) == 0
    assert moelab(["adjust", str(filled), "--csv", str(sheet)]) == 0
    assert "0 of 2 decisions are new" in capsys.readouterr().out, "out and in changes nothing"


def test_a_check_is_void_by_command_and_its_students_are_told_why(filled, run, capsys, tmp_path):
    check = ["adjust", str(filled), "--exercise", "route", "--check", "hidden_check"]
    assert moelab([*check, "--void", "--why", "the text was unclear"]) == 0
    said = capsys.readouterr().out
    assert "route: hidden_check is void and counts for everybody; 3 of 3 grades change." in said
    assert decided(filled, run)["ada"][0] == 8.0
    assert moelab(["report", str(filled), "--feedback", str(tmp_path / "f")]) == 0
    text = (tmp_path / "f" / "ada" / "feedback.md").read_text(encoding="utf-8")
    assert "this check does not count, and costs you nothing: the text was unclear" in text
    assert moelab([*check, "--undo", "--why", "it was clear"]) == 0
    assert decided(filled, run)["ada"][0] == 0.0
    assert (
        moelab(
            ["adjust", str(filled), "--exercise", "route", "--check", "x", "--void", "--why", "y"]
        )
        == 2
    )
    assert "has no check 'x'" in capsys.readouterr().err
