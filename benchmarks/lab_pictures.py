"""The diagrams of the labs: an SVG each, drawn here, and the PNG that the notebooks hold.

    python benchmarks/lab_pictures.py          write the SVG files, and PNG files where they differ
    python benchmarks/lab_pictures.py --check  exit with 1 where a file is not what is drawn now

The PNG is a photograph of the SVG by Chromium, in 24 colours, and carries the SVG's digest: a test
holds both to this script without a browser. Why PNG: docs/adr/0037.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path

from PIL import Image, PngImagePlugin

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
ROUTER_LAB, PRACTICE_LAB = "moe_router_analysis", "moe_routing_in_practice"
DIGEST = "svg-sha256"

WIDTH = 640
SCALE = 2  # of the PNG: sharp on a screen of double density
COLOURS = 24
FONT = "DejaVu Sans, Verdana, Arial, sans-serif"

# Okabe and Ito's colours, which people who do not tell red from green can tell apart.
BLUE, ORANGE, GREEN, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#8C8C8C"
PALE_BLUE, PALE_ORANGE, PALE_GREEN, PALE_GREY = "#D6E8F5", "#FBE3D3", "#D5EFE6", "#ECECEC"
INK = "#1A1A1A"


class Drawing:
    """An SVG that is drawn from top to bottom; lengths are in pixels of a 640 pixels wide page."""

    def __init__(self, height: int, title: str) -> None:
        self.height = height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="{FONT}" font-size="15">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            f'markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{INK}"/>'
            "</marker></defs>",
            f'<rect width="{WIDTH}" height="{height}" rx="8" fill="white"/>',
        ]

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = "white",
        line: str = INK,
        text: str = "",
        size: int = 15,
        bold: bool = False,
        dashed: bool = False,
        ink: str = INK,
    ) -> None:
        """A rectangle, with text in its middle."""
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" '
            f'fill="{fill}" stroke="{line}" stroke-width="1.5"{dash}/>'
        )
        if text:
            self.text(x + width / 2, y + height / 2, text, size=size, bold=bold, ink=ink)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = 15,
        bold: bool = False,
        ink: str = INK,
        anchor: str = "middle",
    ) -> None:
        """A line of text whose middle is at this height."""
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" dy=".35em" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{ink}"{weight}>{escape(text)}</text>'
        )

    def arrow(self, *points: tuple[float, float], line: str = INK, width: float = 1.8) -> None:
        """A line through these points, with a tip at its end."""
        way = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(
            f'<polyline points="{way}" fill="none" stroke="{line}" stroke-width="{width:g}" '
            'marker-end="url(#tip)"/>'
        )

    def rule(self, x1: float, y1: float, x2: float, y2: float, *, line: str = INK) -> None:
        """A dashed line."""
        self.parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{line}" '
            'stroke-width="1.5" stroke-dasharray="5 4"/>'
        )

    def svg(self) -> str:
        """The drawing as a file."""
        return "\n".join((*self.parts, "</svg>")) + "\n"


def token() -> Drawing:
    """A token's way through one MoE layer: router, top-k, weights, mix."""
    page = Drawing(500, "A token's way through one MoE layer")
    logits = (0.4, 2.1, -0.8, 0.1, -1.5, 0.9, 3.0, -0.3)
    chosen = {6: "0.71", 1: "0.29"}
    page.box(20, 20, 190, 40, fill=PALE_GREY, text="hidden state x  [d]", bold=True)
    page.arrow((210, 40), (268, 40))
    page.box(270, 20, 350, 40, fill=PALE_BLUE, line=BLUE, text="router:  z = W x    (W is [E, d])")
    page.text(20, 108, "1  logits z", anchor="start", bold=True)
    page.text(20, 128, "one per expert", anchor="start", size=13)
    page.arrow((445, 60), (445, 82))
    for expert, logit in enumerate(logits):
        x = 172 + 57 * expert
        taken = expert in chosen
        page.box(
            x, 86, 48, 46, fill=PALE_ORANGE if taken else PALE_GREY, line=ORANGE if taken else GREY
        )
        page.text(x + 24, 109, f"{logit:.1f}", size=15, bold=taken)
    page.text(20, 186, "2  top-k, k = 2", anchor="start", bold=True)
    page.text(20, 206, "the others rest", anchor="start", size=13)
    for expert in range(len(logits)):
        x = 172 + 57 * expert
        taken = expert in chosen
        if taken:
            page.arrow((x + 24, 132), (x + 24, 170), line=INK)
        page.box(
            x,
            174,
            48,
            62,
            fill=PALE_GREEN if taken else "white",
            line=GREEN if taken else GREY,
            dashed=not taken,
        )
        page.text(x + 24, 194, "expert", size=12, ink=INK if taken else "#6A6A6A")
        page.text(x + 24, 216, str(expert), size=16, bold=taken, ink=INK if taken else "#6A6A6A")
    page.text(20, 290, "3  weights g", anchor="start", bold=True)
    page.text(20, 310, "softmax of the two", anchor="start", size=13)
    for expert, weight in chosen.items():
        x = 172 + 57 * expert
        page.arrow((x + 24, 236), (x + 24, 276))
        page.box(x - 12, 280, 72, 38, fill=PALE_ORANGE, line=ORANGE, text=f"× {weight}", bold=True)
        page.arrow((x + 24, 318), (x + 24, 350), (x + 24, 366))
    page.text(20, 388, "4  mix", anchor="start", bold=True)
    page.box(
        172, 370, 447, 40, fill=PALE_GREEN, line=GREEN, text="y = 0.71 · f₆(x) + 0.29 · f₁(x)   [d]"
    )
    page.arrow((395, 410), (395, 440))
    page.box(172, 444, 447, 40, fill=PALE_GREY, text="x + y  goes up to the next layer", bold=True)
    page.arrow((40, 60), (12, 60), (12, 464), (170, 464), line=GREY)
    page.text(24, 446, "residual", anchor="start", size=13)
    return page


def batch() -> Drawing:
    """A padded batch becomes one row per position: what a router sees, and what counts."""
    page = Drawing(395, "A padded batch, flattened to one row per position")
    texts = (("The", "cat", "sat", "on", "it"), ("Two", "dogs", "", "", ""))
    page.text(20, 24, "input_ids  [B = 2, S = 5]", anchor="start", bold=True)
    page.text(390, 24, "attention_mask  [2, 5]", anchor="start", bold=True)
    for row, words in enumerate(texts):
        for place, word in enumerate(words):
            fill, line = (PALE_BLUE, BLUE) if word else (PALE_GREY, GREY)
            page.box(
                20 + 66 * place,
                44 + 44 * row,
                62,
                36,
                fill=fill,
                line=line,
                dashed=not word,
                text=word or "pad",
                ink=INK if word else "#6A6A6A",
            )
            page.box(
                390 + 46 * place,
                44 + 44 * row,
                42,
                36,
                fill=fill,
                line=line,
                dashed=not word,
                text="1" if word else "0",
            )
    page.arrow((185, 130), (185, 158))
    page.text(200, 144, "flatten(): row after row", anchor="start", size=14)
    page.text(
        20, 178, "the router sees T = B · S = 10 rows, padding too", anchor="start", bold=True
    )
    flat = [word for words in texts for word in words]
    for place, word in enumerate(flat):
        fill, line = (PALE_BLUE, BLUE) if word else (PALE_GREY, GREY)
        x = 20 + 60 * place
        page.box(
            x,
            196,
            56,
            34,
            fill=fill,
            line=line,
            dashed=not word,
            text=word or "pad",
            ink=INK if word else "#6A6A6A",
        )
        experts = ("2 7", "2 5", "7 1", "2 7", "0 7", "5 2", "1 7", "3 4", "3 4", "3 4")[place]
        page.text(x + 28, 250, experts, size=15, bold=bool(word), ink=INK if word else "#6A6A6A")
    page.text(
        20, 276, "indices  [T = 10, k = 2]:  padding is routed as well", anchor="start", size=14
    )
    page.arrow((320, 292), (320, 318))
    page.text(335, 305, "keep the rows whose flattened mask is 1", anchor="start", size=14)
    page.box(
        20,
        324,
        600,
        52,
        fill=PALE_GREEN,
        line=GREEN,
        text="7 · k = 14 slots count. With padding, 3 and 4 would look busy.",
    )
    return page


def capacity() -> Drawing:
    """Buffers of equal size: one overflows while another stays half empty."""
    page = Drawing(390, "Expert capacity: a buffer that overflows beside one that is half empty")
    arrivals = ((0, 2, 3, 6, 7), (1, 5), (4,), ())
    size = 3
    page.text(20, 24, "8 tokens, k = 1, 4 experts, capacity factor 1.5:", anchor="start", bold=True)
    page.text(20, 48, "C = ⌈8 · 1 · 1.5 / 4⌉ = 3 slots for each expert", anchor="start")
    for expert, tokens in enumerate(arrivals):
        x = 30 + 150 * expert
        page.text(x + 60, 88, f"expert {expert}", bold=True)
        for slot in range(size):
            y = 108 + 46 * slot
            if slot < len(tokens):
                page.box(x, y, 120, 40, fill=PALE_BLUE, line=BLUE, text=f"token {tokens[slot]}")
            else:
                page.box(x, y, 120, 40, line=GREY, dashed=True, text="empty", ink="#6A6A6A")
        page.rule(x - 8, 252, x + 128, 252, line=ORANGE)
        for over, number in enumerate(tokens[size:]):
            page.box(
                x,
                262 + 46 * over,
                120,
                40,
                fill=PALE_ORANGE,
                line=ORANGE,
                text=f"token {number}",
                bold=True,
            )
    page.text(190, 275, "capacity: what stands below the line is dropped.", anchor="start", size=15)
    page.text(190, 303, "Tokens 6 and 7 pass the layer by; only the residual", anchor="start")
    page.text(190, 325, "carries them on, although 6 of 12 places are empty.", anchor="start")
    page.text(20, 372, "dropped fraction: 2 of 8 slots = 0.25", anchor="start", bold=True)
    return page


def groups() -> Drawing:
    """Group-limited routing: the best groups first, then the best experts within them."""
    page = Drawing(395, "Group-limited routing: groups first, then experts")
    scores = ((0.9, 0.1, 0.1), (0.6, 0.5, 0.1), (0.2, 0.3, 0.3), (0.7, 0.6, 0.4))
    eligible, chosen = (1, 3), {(1, 0), (3, 0), (3, 1)}
    page.text(
        20, 24, "12 experts in 4 groups; 2 groups stay; k = 3 experts", anchor="start", bold=True
    )
    for group, row in enumerate(scores):
        x = 20 + 152 * group
        open_ = group in eligible
        page.box(
            x,
            48,
            144,
            196,
            fill="#F4FAF8" if open_ else "#F6F6F6",
            line=GREEN if open_ else GREY,
            dashed=not open_,
        )
        page.text(x + 72, 68, f"group {group}", bold=True)
        for place, score in enumerate(row):
            taken = (group, place) in chosen
            page.box(
                x + 12,
                86 + 50 * place,
                120,
                42,
                fill=PALE_ORANGE if taken else "white",
                line=ORANGE if taken else GREY,
                text=f"e{3 * group + place}:  {score:.1f}",
                bold=taken,
                ink=INK if open_ else "#6A6A6A",
            )
        best = sorted(row, reverse=True)[:2]
        page.text(x + 72, 266, f"{best[0]:.1f} + {best[1]:.1f} = {sum(best):.1f}", size=15)
        page.text(
            x + 72,
            288,
            "stays" if open_ else "closed",
            bold=True,
            ink=GREEN if open_ else "#6A6A6A",
        )
    page.text(20, 322, "1  score of a group: the sum of its two best", anchor="start")
    page.text(20, 346, "2  the two best groups stay, here 1 and 3", anchor="start")
    page.text(
        20,
        370,
        "3  top-k inside them: e0 has the highest score of all, and is not chosen",
        anchor="start",
    )
    return page


def bias() -> Drawing:
    """The loop of balancing without a loss: counts move a bias, the bias moves the choice."""
    page = Drawing(300, "Balancing without a loss: counts move a bias, the bias moves the choice")
    page.box(20, 30, 130, 56, fill=PALE_BLUE, line=BLUE, text="scores s")
    page.arrow((150, 58), (208, 58))
    page.box(212, 30, 190, 56, fill=PALE_ORANGE, line=ORANGE, text="top-k of s + b", bold=True)
    page.arrow((402, 58), (458, 58))
    page.box(462, 30, 158, 56, fill=PALE_GREEN, line=GREEN, text="counts n")
    page.arrow((541, 86), (541, 158))
    page.box(372, 162, 248, 56, text="b + rate · sign(mean n − n)", line=ORANGE)
    page.arrow((372, 190), (307, 190), (307, 90))
    page.text(296, 140, "b, for the next step", anchor="end", size=14)
    page.arrow((85, 86), (85, 262), (208, 262))
    page.box(
        212, 240, 408, 44, fill=PALE_GREY, text="weights: from s alone, never from b", bold=True
    )
    return page


PICTURES: dict[str, Callable[[], Drawing]] = {
    f"{ROUTER_LAB}/prose/pictures/token": token,
    f"{ROUTER_LAB}/prose/pictures/batch": batch,
    f"{PRACTICE_LAB}/prose/pictures/groups": groups,
    f"{PRACTICE_LAB}/prose/pictures/capacity": capacity,
    f"{PRACTICE_LAB}/prose/pictures/bias": bias,
}


def digest_of(svg: str) -> str:
    """What a PNG carries of the drawing that it is made from."""
    return hashlib.sha256(svg.encode()).hexdigest()


def stale() -> list[Path]:
    """The files that are not what this script draws; a PNG is known by the digest that it holds."""
    wrong = []
    for name, draw in PICTURES.items():
        svg, png = _files(name)
        text = draw().svg()
        if not svg.is_file() or svg.read_text(encoding="utf-8") != text:
            wrong.append(svg)
        if not png.is_file() or _digest_in(png) != digest_of(text):
            wrong.append(png)
    return wrong


def write(names: Iterable[str]) -> None:
    """Write the drawings of these names, and photograph those that changed."""
    for name in names:
        drawing = PICTURES[name]()
        text = drawing.svg()
        svg, png = _files(name)
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(text, encoding="utf-8")
        if not png.is_file() or _digest_in(png) != digest_of(text):
            png.write_bytes(_photograph(svg, drawing.height, digest_of(text)))


def _files(name: str) -> tuple[Path, Path]:
    return REFERENCE / f"{name}.svg", REFERENCE / f"{name}.png"


def _digest_in(png: Path) -> str:
    with Image.open(png) as picture:
        return str(picture.info.get(DIGEST, ""))


def _photograph(svg: Path, height: int, digest: str) -> bytes:
    """The drawing as PNG in few colours, by Chromium."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("Chromium is needed to make PNG files, and none was found on the path")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        subprocess.run(
            (
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                f"--user-data-dir={folder}/profile",
                f"--force-device-scale-factor={SCALE}",
                f"--window-size={WIDTH},{height}",
                f"--screenshot={shot}",
                svg.as_uri(),
            ),
            check=True,
            capture_output=True,
            timeout=60,
        )
        with Image.open(shot) as picture:
            size = (WIDTH * SCALE, height * SCALE)
            few = (
                picture.convert("RGB")
                .crop((0, 0, *size))
                .quantize(COLOURS, dither=Image.Dither.NONE)
            )
    notes = PngImagePlugin.PngInfo()
    notes.add_text(DIGEST, digest)
    made = io.BytesIO()
    few.save(made, format="PNG", optimize=True, pnginfo=notes)
    return made.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    if parser.parse_args().check:
        wrong = stale()
        for path in wrong:
            print(f"{path}: out of date; run `python benchmarks/lab_pictures.py`")
        sys.exit(1 if wrong else 0)
    write(PICTURES)


if __name__ == "__main__":
    main()
