"""What a notebook shows of an object: a heading, sentences, a table, a picture, as HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_STYLE = (
    ".regimen-card{color:#1b1f24;background:#fdfdfc;padding:12px 16px;max-width:1032px;"
    "font:14px/1.45 system-ui,sans-serif}"
    ".regimen-card p{margin:0 0 8px}.regimen-card .quiet{color:#5d6670}"
    ".regimen-card table{border-collapse:collapse;margin:4px 0 8px}"
    ".regimen-card th,.regimen-card td{padding:4px 0 4px 18px;text-align:right;border-bottom:1px solid #e1e4e8;"
    "font-weight:400;font-variant-numeric:tabular-nums;white-space:nowrap;background:none;color:inherit}"
    ".regimen-card th:first-child,.regimen-card td:first-child{padding-left:0;text-align:left}"
    ".regimen-card thead th{color:#5d6670}"
)


def card(heading: str, sentences: Sequence[str], *parts: str) -> str:
    """Returns an HTML fragment with its own style.

    Args:
        heading: plain text, in bold.
        sentences: plain text, a paragraph each.
        parts: HTML, such as `html_table` and `Picture.svg`.
    """
    words = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return (
        f'<div class="regimen-card"><style>{_STYLE}</style><p><b>{escape(heading)}</b></p>{words}{"".join(parts)}</div>'
    )


def html_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns an HTML table of plain text; the first column stands to the left, the others are numbers."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
