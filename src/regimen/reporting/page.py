"""A self-contained HTML page in the look of the house: a template, the style sheet, no script, no request."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from regimen.charts import page_style

if TYPE_CHECKING:
    from jinja2 import Environment


def fill_page(template: str, *, styles: tuple[str, ...] = ("report.css",), **values: object) -> str:
    """Returns a template of this room, filled; the same values give the same bytes.

    Args:
        template: file name.
        styles: file names of its style sheets, joined into ``style`` behind that of the charts.
        values: what the template shows; text is escaped.
    """
    # the template engine is imported with the first page, so that commands that make none start fast
    from markupsafe import Markup

    style = Markup(page_style() + "".join(_read(name) for name in styles))  # our own files, not a user's text
    return _engine().get_template(template).render(style=style, **values) + "\n"


@cache
def _engine() -> Environment:
    """The engine of all pages, which keeps a template that it has compiled."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_read),
    )


def _read(name: str) -> str:
    return files("regimen.reporting").joinpath(name).read_text(encoding="utf-8")
