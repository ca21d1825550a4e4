"""Check every internal link and anchor: of the built site, and of the Markdown files outside it.

    sphinx-build -W docs build/site && python docs/links.py build/site

Links to other sites are left to Sphinx's `linkcheck`, which needs the internet.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
FENCED = re.compile(r"^(```+|~~~+).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


class Page(HTMLParser):
    """The anchors of a page, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what one tag names and where it leads."""
        for name, value in attrs:
            if not value:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name in ("href", "src") and tag in ("a", "img", "link", "script"):
                self.links.append(value)


def broken_in_site(site: Path) -> list[str]:
    """A sentence for each link of a built site that leads nowhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site)}: {problem}"
        for path, page in pages.items()
        for link in dict.fromkeys(page.links)
        if (problem := _problem(link, path, pages))
    ]


def _problem(link: str, page: Path, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return ""
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return f"{link} leads to no file"
    anchor = unquote(parts.fragment)
    if target in pages and anchor not in pages[target].anchors:
        return f"{link}: that page has no such anchor"
    return ""


def broken_in_markdown(path: Path) -> list[str]:
    """A sentence for each relative link of a Markdown file that leads to no file."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    links = [urlsplit(link) for link in dict.fromkeys(LINK.findall(text))]
    return [
        f"{path}: {link.geturl()} leads to no file"
        for link in links
        if link.path and not link.scheme and not (path.parent / unquote(link.path)).exists()
    ]


def main(arguments: list[str]) -> int:
    """Print what is broken; 1 where something is."""
    outside = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("assignments/*/README.md"))]
    broken = broken_in_site(Path(arguments[0]).resolve())
    broken += [one for path in outside for one in broken_in_markdown(path)]
    print("\n".join(broken) or "every internal link leads somewhere")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
