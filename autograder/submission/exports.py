"""What the exports of learning platforms say about a file: whose it is, and to which submission.

The patterns are what the platforms write: Canvas `lib/content_zipper.rb` (`get_filename`,
`add_upload_submission`), Moodle `mod/assign/classes/downloader.php`, Gradescope's "Export
submissions", whose folders are the keys of its `submission_metadata.yml`, and nbgrader's
`STUDENT/ASSIGNMENT/NOTEBOOK`. A pattern is believed only where a whole folder fits it, at the
outermost level that the platform writes: what lies below is of the student's making.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# lovelaceada_LATE_123_4567_lab.ipynb: sortable name in lower case, user id, attachment id.
_CANVAS = re.compile(
    r"(?P<who>[^_\W].*?)(?P<late>_LATE)?_(?P<user>[1-9][0-9]*)_(?P<file>[1-9][0-9]*)_(?P<rest>.+)",
    re.DOTALL,
)
# Anonymous grading: anon_ and five letters or digits in the place of name and user id.
_CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<who>anon_[0-9A-Za-z]{5})_(?P<file>[1-9][0-9]*)_(?P<rest>.+)", re.DOTALL
)
# Ada Lovelace_4711_assignsubmission_file_/lab.ipynb, or all of it in one file name; no number for
# those of a team assignment who are in no group.
_MOODLE = re.compile(
    r"(?P<who>.+?)(?:_(?P<user>[0-9]+))?_assignsubmission_(?P<plugin>file|onlinetext)"
    r"(?:_(?P<rest>.*))?",
    re.DOTALL,
)
# In a team assignment Moodle writes the group's name and id, for all files of the export.
_TEAM = re.compile(
    r"(?:groups?|grp|teams?|squad|gruppen?|grupo|equipo|equipe|équipe|groupes?|gruppo|squadra|groep|"
    r"grupp|gruppe|ryhmä|grupa|zespół|skupina|csoport|csapat|grup|takım|группа|команда|група|ομάδα|"
    r"小组|组|小組|組|グループ|チーム|그룹|팀|nhóm|समूह|กลุ่ม|مجموعة|فريق|קבוצה|צוות)"
)
_WITH_A_PERSON = re.compile(r".+-[^\W\d_][^-]* [^\W\d_].*", re.DOTALL)  # Group A-Ada Lovelace
_GRADESCOPE = re.compile(r"submission_(?P<user>[0-9]{5,})")
# lab_2026_11_23T15_31_00_123456.zip: Otter's grader.export(); says nothing about a student.
_OTTER = re.compile(
    r"(?P<stem>.+)_\d{4}_\d{2}_\d{2}T\d{2}_\d{2}_\d{2}_\d{6}(?:-\d+)?(?: ?\(\d+\))?\.zip",
    re.DOTALL,
)
_JOINERS = "_-\u200c\u200d"


@dataclass(frozen=True, slots=True)
class Author:
    """Who handed a file in, as an export says: `name` to show, `key` to tell submissions apart.

    `inner` is the file's path within the submission, `depth` the place in its path of what names
    the student. `also` are further ways to know them (`email ada@example.org`, `id S123`), of each
    member where a group handed in together; `known` is false for a key that is no person's.
    `submitted` is when that was, in the platform's words.
    """

    name: str
    key: str
    inner: str = ""
    depth: int = 0
    order: int = 0
    late: bool = False
    also: tuple[str, ...] = ()
    known: bool = True
    submitted: str = ""


Path = tuple[str, ...]
_Fits = Callable[[Sequence[Path], int], "list[Author] | None"]


def authors(
    paths: Sequence[Sequence[str]], is_submission: Callable[[str], bool] = lambda name: True
) -> list[Author | None]:
    """For each path below one folder (its parts, file name last) its author, `None` for no export.

    Files whose name is not `is_submission` (lists, notes) do not decide whether a folder fits.
    """
    whole = [tuple(path) for path in paths]
    deciding = [path for path in whole if is_submission(path[-1])]
    level = _level(deciding, 0)
    if level is None:
        return [None] * len(whole)
    depth, fits = level
    found = fits(deciding, depth) or []
    known = dict(zip(deciding, found, strict=True))
    teams = any(not author.known for author in found)
    return [known.get(path) or _beside(path, depth, fits, teams=teams) for path in whole]


def _beside(path: Path, depth: int, fits: _Fits, *, teams: bool) -> Author | None:
    """The author of a file that did not decide: it still bears the name that the platform gave."""
    if fits is _canvas_folder and len(path) == depth + 1:
        return _canvas(path[depth], depth)
    if fits is _nbgrader_folder and len(path) > depth + 2:
        return _nbgrader(path, depth)
    if len(path) > depth and fits in (_moodle_folder, _gradescope_folder):
        made = _moodle(path, depth) if fits is _moodle_folder else _gradescope(path, depth)
        return _of_a_team(made) if made and teams else made
    return None


def _level(paths: Sequence[Path], depth: int) -> tuple[int, _Fits] | None:
    """The outermost depth at which all paths fit one platform; folders above are people's own."""
    while paths:
        for fits in (_gradescope_folder, _moodle_folder, _canvas_folder, _nbgrader_folder):
            if fits(paths, depth) is not None:
                return depth, fits
        if any(len(path) <= depth + 1 for path in paths):
            return None
        inside: defaultdict[str, list[Path]] = defaultdict(list)
        for path in paths:
            inside[path[depth]].append(path)
        if len(inside) > 1 and not any(
            all(fits(below, depth + 1) for below in inside.values())
            for fits in (_gradescope_folder, _moodle_folder, _canvas_folder)
        ):
            return None
        depth += 1
    return None


def _gradescope_folder(paths: Sequence[Path], depth: int) -> list[Author] | None:
    return _all([_gradescope(path, depth) for path in paths])


def _gradescope(path: Path, depth: int) -> Author | None:
    if len(path) < depth + 2 or not (matched := _GRADESCOPE.fullmatch(path[depth])):
        return None
    key = f"gradescope {matched['user']}"
    return Author(path[depth], key, "/".join(path[depth + 1 :]), depth)


def _moodle_folder(paths: Sequence[Path], depth: int) -> list[Author] | None:
    found = _all([_moodle(path, depth) for path in paths])
    if found and any(not author.known or _is_team(author.name) for author in found):
        return [_of_a_team(author) for author in found]  # the ids are the groups'
    return found


def _is_team(name: str) -> bool:
    """Whether a name is a group's, as teachers call them: Group A, Red Team, Gruppe 3."""
    if _WITH_A_PERSON.fullmatch(name):
        return False
    words = [word for word in re.split(r"[\s_#:.-]+", name.casefold()) if word]
    ends = [word.strip("0123456789") for word in words[:1] + words[-1:]]
    return any(map(_TEAM.fullmatch, ends)) or name.endswith(("组", "組", "그룹", "팀"))


def _moodle(path: Path, depth: int) -> Author | None:
    if len(path) <= depth or not (matched := _MOODLE.fullmatch(path[depth])):
        return None
    is_folder = len(path) > depth + 1
    if is_folder == bool(matched["rest"]):
        return None
    inner = "/".join(path[depth + 1 :]) if is_folder else matched["rest"]
    if matched["plugin"] == "onlinetext":
        inner = f"onlinetext/{inner}"
    who, user = matched["who"], matched["user"]
    key = f"moodle {user}" if user else f"moodle_group {who}"
    return Author(who, key, inner, depth, known=bool(user))


def _of_a_team(author: Author) -> Author:
    group = author.key.partition(" ")[2]
    return Author(author.name, f"moodle_group {group}", author.inner, author.depth, known=False)


def _canvas_folder(paths: Sequence[Path], depth: int) -> list[Author] | None:
    """The authors where each file at this level bears a name that Canvas gives.

    `lab_2_4_4.ipynb` looks like one by accident: attachment ids are unique, a user has one name,
    and where there is one user alone ids are not as small as the numbers of labs.
    """
    if any(len(path) != depth + 1 for path in paths):
        return None
    found = _all([_canvas(path[depth], depth) for path in paths])
    if not found:
        return None
    attachments = Counter(author.order for author in found)
    names: dict[str, str] = {}
    for author in found:
        plain = unicodedata.normalize("NFC", author.name)
        if attachments[author.order] > 1 or names.setdefault(author.key, plain) != plain:
            return None
    small = [author for author in found if author.order < 100]
    if len(names) == 1 and (small or _number(found[0].key) < 100):
        return None
    if len(names) > 1 and len(set(names.values())) == 1 and _number(found[0].key) < 10:
        return None
    return found


def _number(key: str) -> int:
    tail = key.rpartition(" ")[2]
    return int(tail) if tail.isdecimal() else 1000


def _canvas(name: str, depth: int) -> Author | None:
    packed = _OTTER.fullmatch(name)  # whose time stamp looks like Canvas's numbers
    asked = packed["stem"] if packed else name
    if matched := _CANVAS_ANONYMOUS.fullmatch(asked):
        who, late = matched["who"], bool(matched["late"])
        rest = name[matched.start("rest") :]
        return Author(who, f"canvas {who}", rest, depth, int(matched["file"]), late)
    matched = _CANVAS.fullmatch(asked)
    if not matched or len(matched["user"]) > 18 or not _is_canvas_name(matched["who"]):
        return None
    user, attachment = int(matched["user"]), int(matched["file"])
    if 1990 <= user < 2100 and attachment <= 31:
        return None
    rest = name[matched.start("rest") :]
    return Author(matched["who"], f"canvas {user}", rest, depth, attachment, bool(matched["late"]))


def _is_canvas_name(who: str) -> bool:
    """Whether a name is of word characters in lower case; accents and vowel signs are marks."""
    for letter in who:
        kind = unicodedata.category(letter)
        if kind in ("Lu", "Lt") or not (kind[0] in "LMN" or letter in _JOINERS):
            return False
    return True


def _nbgrader_folder(paths: Sequence[Path], depth: int) -> list[Author] | None:
    """The authors in `STUDENT/ASSIGNMENT/NOTEBOOK`: one assignment, whose notebook most have."""
    if any(len(path) < depth + 3 for path in paths):
        return None
    students = {path[depth] for path in paths}
    if len(students) < 2 or len({path[depth + 1] for path in paths}) > 1:
        return None
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        if len(path) == depth + 3:
            owners[path[-1]].add(path[depth])
    notebooks = [who for name, who in owners.items() if name.lower().endswith(".ipynb")]
    if max(map(len, notebooks), default=0) < max(2, len(students) / 2):
        return None
    return [_nbgrader(path, depth) for path in paths]


def _nbgrader(path: Path, depth: int) -> Author:
    who = path[depth]
    return Author(who, f"nbgrader {who}", "/".join(path[depth + 2 :]), depth)


def _all(found: Sequence[Author | None]) -> list[Author] | None:
    known = [author for author in found if author is not None]
    return known if known and len(known) == len(found) else None


@dataclass(frozen=True, slots=True)
class Submitters:
    """Who handed in a Gradescope submission, as `submission_metadata.yml` says."""

    name: str
    also: tuple[str, ...]
    submitted: str = ""


def named(author: Author, submitters: Mapping[str, Submitters]) -> Author:
    """A Gradescope author with the names that the metadata has for the submission's folder."""
    known = submitters.get(author.name)
    if known is None:
        return author
    return Author(
        known.name,
        author.key,
        author.inner,
        author.depth,
        also=known.also,
        submitted=known.submitted,
    )
