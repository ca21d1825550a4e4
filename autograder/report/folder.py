"""A report's folder: it holds what the newest report wrote, and whatever people put there."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath

from autograder.report.files import ReportError, make_folder, write_bytes, write_text

LIST = "moelab-files.sha256"  # `sha256sum --check` reads it too
_LINE = re.compile(r"([0-9a-f]{64})  ((?:[\w-]+/){0,3}[\w-]+\.(?:html|md|json|png))", re.ASCII)


class ReportFolder:
    """Writes a report's files, and in the end removes those that an earlier report left here.

    Only files that the list in the folder names, and that are unchanged since, are removed.
    `ReportError` where something cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder
        self._made = {folder}
        self._before = _listed(folder / LIST)
        self._now: dict[str, str] = {}

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file, by its path with `/` below the folder; text becomes UTF-8."""
        self._write(name, content, durable=False)

    def finish(self, name: str, page: str) -> Path:
        """Write the page that leads to all files, and remove what does not belong to it."""
        path = self._write(name, page, durable=True)
        for stale in sorted(self._before.keys() - self._now.keys()):
            self._remove(stale, self._before[stale])
        lines = (f"{digest}  {written}\n" for written, digest in sorted(self._now.items()))
        write_text(self._folder / LIST, "".join(lines))
        return path

    def _write(self, name: str, content: str | bytes, *, durable: bool) -> Path:
        data = content.encode("utf-8") if isinstance(content, str) else content
        path = self._folder / name
        if path.parent not in self._made:
            make_folder(path.parent)
            self._made.add(path.parent)
        write_bytes(path, data, durable=durable)
        self._now[name] = hashlib.sha256(data).hexdigest()
        return path

    def _remove(self, name: str, digest: str) -> None:
        path = self._folder.joinpath(*PurePosixPath(name).parts)
        try:
            is_own = path.resolve() == self._folder.resolve() / name and path.is_file()
            if not is_own or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                return
            path.unlink()
        except OSError as error:
            why = error.strerror or error
            raise ReportError(f"{path} of an earlier report cannot be removed: {why}") from error
        with suppress(OSError):  # a folder that still holds something stays
            for parent in path.relative_to(self._folder).parents[:-1]:
                (self._folder / parent).rmdir()


def _listed(path: Path) -> dict[str, str]:
    """The files that an earlier report wrote, with their digests."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {line[2]: line[1] for line in found if line}
