"""The pages of `moelab review`: the answers to one exercise side by side, a click for each step.

Every address begins with a token that only whoever started the command knows, and only this
machine's own names are answered. Each click is one transaction in the gradebook; the answer comes
back as it is then, also where somebody else has changed it meanwhile.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import parse_qs, quote, unquote

from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from autograder.gradebook import Gradebook, GradebookError
from autograder.gradebook.desk import Answer, ChangedMeanwhileError, Desk
from autograder.records import Outcome
from autograder.report.page import environment
from autograder.text import clean_line, clean_text

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MOST_SENT = 100_000  # bytes of one request
HOSTS = ("127.0.0.1", "localhost")
_STATIC = {
    "htmx.js": ("autograder.report", "vendored/htmx.min.js", "text/javascript"),
    "review.js": ("autograder.review", "static/review.js", "text/javascript"),
    "review.css": ("autograder.review", "static/review.css", "text/css"),
    "report.css": ("autograder.report", "report.css", "text/css"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the pages are about: a gradebook's assignment, and who looks unless they say otherwise.

    `names` are what the roster calls students, by the submission.
    """

    book: Gradebook
    assignment: str
    token: str
    who: str
    names: Mapping[str, str]

    def desk(self, who: str) -> Desk:
        """The answers, for one of the staff."""
        return Desk(self.book, self.assignment, who)

    @property
    def start(self) -> str:
        """The path of the first page."""
        return f"/{self.token}/"


def make_app(room: Room) -> Starlette:
    """The application for one room; it serves nothing to who does not know the token."""
    pages = _Pages(room)
    return Starlette(
        routes=[
            Route("/{token}/", pages.index),
            Route("/{token}/who", pages.say_who, methods=["POST"]),
            Route("/{token}/static/{name}", pages.static),
            Route("/{token}/e/{exercise}", pages.exercise),
            Route("/{token}/e/{exercise}/item", pages.add_item, methods=["POST"]),
            Route("/{token}/e/{exercise}/void", pages.void, methods=["POST"]),
            Route("/{token}/a/{attempt:int}/{exercise}/{step}", pages.step, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS))],
    )


class _Pages:
    """Each page as a function of a request."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._templates: Environment = environment().overlay(
            loader=PackageLoader("autograder.review", "templates")
        )

    async def index(self, request: Request) -> Response:
        """The exercises, with how many of their answers have been looked at."""
        if not self._knows(request):
            return _nothing()
        who = self._who(request)
        found = await run_in_threadpool(self._room.desk(who).exercises)
        return self._page("exercises.html.j2", who, exercises=found)

    async def exercise(self, request: Request) -> Response:
        """The answers to one exercise."""
        if not self._knows(request):
            return _nothing()
        who, name = self._who(request), request.path_params["exercise"]
        desk = self._room.desk(who)
        found = await run_in_threadpool(desk.exercises)
        if name not in found:
            return _nothing()
        rubric = await run_in_threadpool(desk.rubric, name)
        names = list(found)
        place = names.index(name)
        return self._page(
            "answers.html.j2",
            who,
            name=name,
            answers=found[name],
            rubric=rubric,
            before=names[place - 1] if place else "",
            after=names[place + 1] if place + 1 < len(names) else "",
            said="",
        )

    async def say_who(self, request: Request) -> Response:
        """Who looks, from now on in this browser."""
        form = await _form(request)
        if form is None or not self._knows(request):
            return _nothing()
        back = RedirectResponse(self._room.start, status_code=303)
        name = clean_line(form.get("who", ""), 80)
        if name:
            back.set_cookie(
                "who", quote(name), path=self._room.start, samesite="strict", httponly=True
            )
        return back

    async def add_item(self, request: Request) -> Response:
        """One more item of the rubric, or one less."""
        form = await _form(request)
        if form is None or not self._knows(request):
            return _nothing()
        name = request.path_params["exercise"]
        desk = self._room.desk(self._who(request))
        text = form.get("points", "").replace(",", ".").replace("−", "-").strip()
        try:
            points = float(text) if text else None
            await run_in_threadpool(desk.add_item, name, clean_line(form.get("item", "")), points)
        except (GradebookError, ValueError) as error:
            return HTMLResponse(clean_text(str(error)), status_code=422)
        return RedirectResponse(f"{self._room.start}e/{quote(name)}", status_code=303)

    async def void(self, request: Request) -> Response:
        """A check that costs nobody anything any more, or does so again."""
        form = await _form(request)
        if form is None or not self._knows(request):
            return _nothing()
        name = request.path_params["exercise"]
        desk = self._room.desk(self._who(request))
        is_void, why = form.get("void") == "1", clean_text(form.get("why", ""))
        check = form.get("check", "")

        def decide() -> None:
            desk.void(name, check, why if is_void else "counts again", void=is_void)

        try:
            await run_in_threadpool(decide)
        except GradebookError as error:
            return HTMLResponse(clean_text(str(error)), status_code=422)
        return RedirectResponse(f"{self._room.start}e/{quote(name)}", status_code=303)

    async def step(self, request: Request) -> Response:
        """One step for one answer; the answer comes back as it is then."""
        form = await _form(request)
        if form is None or not self._knows(request):
            return _nothing()
        attempt, name = request.path_params["attempt"], request.path_params["exercise"]
        desk = self._room.desk(self._who(request))
        said, status = "", 200
        try:
            await run_in_threadpool(_take, desk, request.path_params["step"], attempt, name, form)
        except ChangedMeanwhileError as error:
            said, status = str(error), 409
        except (GradebookError, ValueError) as error:
            said, status = str(error), 422
        try:
            answer = await run_in_threadpool(desk.answer, attempt, name)
        except GradebookError:
            return _nothing()
        rubric = await run_in_threadpool(desk.rubric, name)
        page = self._page("answer.html.j2", desk.who, answer=answer, rubric=rubric, said=said)
        page.status_code = status
        return page

    async def static(self, request: Request) -> Response:
        """A file of the package."""
        known = _STATIC.get(request.path_params["name"])
        if known is None or not self._knows(request):
            return _nothing()
        package, path, kind = known
        text = files(package).joinpath(path).read_text(encoding="utf-8")
        return Response(text, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})

    def _knows(self, request: Request) -> bool:
        given = str(request.path_params.get("token", ""))
        return hmac.compare_digest(given.encode(), self._room.token.encode())

    def _who(self, request: Request) -> str:
        return clean_line(unquote(request.cookies.get("who", "")), 80) or self._room.who

    def _page(self, template: str, who: str, **values: object) -> HTMLResponse:
        def called(answer: Answer) -> str:
            return self._room.names.get(answer.submission, answer.student)

        text = self._templates.get_template(template).render(
            base=self._room.start,
            assignment=self._room.assignment,
            who=who,
            called=called,
            Outcome=Outcome,
            **values,
        )
        headers = {
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(text, headers=headers)


def _take(desk: Desk, step: str, attempt: int, exercise: str, form: Mapping[str, str]) -> None:
    """Take one step; `GradebookError` or `ValueError` where it cannot be."""
    seen = int(form["seen"]) if form.get("seen", "").isdecimal() else None
    steps: dict[str, Callable[[], None]] = {
        "look": lambda: desk.look(attempt, exercise, looked=form.get("looked") == "1"),
        "choose": lambda: desk.choose(
            attempt, exercise, form.get("item", ""), chosen=form.get("chosen") == "1"
        ),
        "comment": lambda: desk.comment(attempt, exercise, form.get("comment", "").strip(), seen),
        "points": lambda: desk.set_points(
            attempt, exercise, _points(form.get("points", "")), form.get("why", ""), seen
        ),
    }
    if step not in steps:
        raise GradebookError(f"there is no step {step!r}")
    steps[step]()


def _points(text: str) -> float | None:
    """Points as they are typed; nothing lets the checks count again."""
    text = text.strip().replace(",", ".")
    try:
        return float(text) if text else None
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no number of points") from error


async def _form(request: Request) -> dict[str, str] | None:
    """What a form sends, each field once; `None` where it is too much or no form."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_SENT:
            return None
    try:
        fields = parse_qs(data.decode("utf-8"), keep_blank_values=True, max_num_fields=50)
    except (UnicodeDecodeError, ValueError):
        return None
    return {name: values[-1] for name, values in fields.items()}


def _nothing() -> Response:
    return HTMLResponse("There is nothing here.", status_code=404)
