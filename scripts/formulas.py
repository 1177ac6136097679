"""Sets the formulas of the built site, ``site/``, as pictures (`make docs` runs it after the site was built).

A page writes TeX between dollars and arithmatex marks it; here matplotlib's mathtext draws it as an SVG in the colour
of the text around it. So a formula needs no script, no font and no network, and prints as it looks.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextToPath

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
LETTERS = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C", Outline.CLOSEPOLY: "Z"}
FONT = FontProperties(math_fontfamily="cm")
EM = TextToPath.FONT_SCALE
MARGIN = 3.0  # hundredths of an em, so that no edge is cut
SCALE = 1.1  # Computer Modern is small beside the text


def typeset(folder: Path) -> int:
    """Replaces the marked formulas of every page below a folder; returns how many there were."""
    count = 0
    for page in sorted(folder.rglob("*.html")):
        text, drawn = MARKED.subn(
            lambda match: picture(html.unescape(match[2]), match[1] == "div"), page.read_text(encoding="utf-8")
        )
        if drawn:
            page.write_text(text, encoding="utf-8")
        count += drawn
    return count


def picture(tex: str, display: bool = False) -> str:
    """Returns one formula as inline SVG: on the baseline of its line, or on a line of its own.

    Raises:
        ValueError: mathtext does not know a command in it.
    """
    tex = " ".join(tex.split())
    width, height, depth = TextToPath().get_text_width_height_descent(f"${tex}$", FONT, ismath=True)
    points, codes = TextToPath().get_text_path(FONT, f"${tex}$", ismath=True)
    scale = EM / FONT.get_size_in_points()
    width, height, depth = (size * scale + 2 * MARGIN * (size is not depth) for size in (width, height, depth))
    outline = "".join(
        LETTERS[code] + ",".join(f"{value:.1f}" for value in ([] if code == Outline.CLOSEPOLY else vertices))
        for vertices, code in Outline(points, codes).iter_segments(simplify=False, curves=True)
    )
    style = f"height:{SCALE * height / EM:.3f}em;width:{SCALE * width / EM:.3f}em"
    if not display:
        style += f";vertical-align:{-SCALE * (depth + MARGIN) / EM:.3f}em"
    label = html.escape(tex, quote=True)
    drawing = (
        f'<svg class="formula" role="img" aria-label="{label}" style="{style}" '
        f'viewBox="{-MARGIN:g} {-(height - depth - MARGIN):.1f} {width:.1f} {height:.1f}">'
        f'<title>{label}</title><path fill="currentColor" transform="scale(1,-1)" d="{outline}"/></svg>'
    )
    return f'<div class="formula">{drawing}</div>' if display else drawing


if __name__ == "__main__":
    print(f"{typeset(ROOT / 'site')} formulas set", file=sys.stderr)
