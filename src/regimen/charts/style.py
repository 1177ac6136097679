"""The style sheet of the charts: as a page has it, and with every colour spelt out for pictures that stand alone."""

from __future__ import annotations

import re
from importlib.resources import files

SCOPE = "regimen-picture"
"""The class of a picture that brings its own style, so that it changes nothing else on the page around it."""


def page_style() -> str:
    """Returns the palette, light and dark, and the rules of the charts, for a page that shows nothing else."""
    return files("regimen.charts").joinpath("charts.css").read_text(encoding="utf-8")


def own_style() -> str:
    """Returns the rules in the light colours, as values and within `SCOPE`, for a notebook or a file of its own."""
    sheet = page_style()
    colours = dict(re.findall(r"--(\w[\w-]*): ([^;]+);", sheet.partition("}")[0]))
    rules = "".join(re.findall(r"^svg .*\n", sheet, re.MULTILINE))
    spelt = re.sub(r"var\(--([\w-]+)\)", lambda match: colours[match[1]], rules)
    return re.sub(r"(^|[},]\s*)svg ", rf"\1.{SCOPE} ", spelt, flags=re.MULTILINE)
