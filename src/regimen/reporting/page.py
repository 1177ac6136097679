"""A self-contained HTML page in the look of the house: a template, the style sheet, no script, no request."""

from __future__ import annotations

from importlib.resources import files

from regimen.charts import page_style


def fill_page(template: str, *, styles: tuple[str, ...] = ("report.css",), **values: object) -> str:
    """Returns a template of this room, filled; the same values give the same bytes.

    Args:
        template: file name.
        styles: file names of its style sheets, joined into ``style`` behind that of the charts.
        values: what the template shows; text is escaped.
    """
    # the template engine is imported with the first page, so that commands that make none start fast
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    room = files("regimen.reporting")

    def read(name: str) -> str:
        return room.joinpath(name).read_text(encoding="utf-8")

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(read),
    )
    style = Markup(page_style() + "".join(read(name) for name in styles))  # our own files, not a user's text
    return environment.get_template(template).render(style=style, **values) + "\n"
