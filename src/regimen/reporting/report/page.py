"""The report of a run: one HTML file that needs no network, verdict first.

`render` turns a `ReportDocument` into text and `write` into a file. The page has no script, its content security policy
forbids every request, and its charts are inline SVG, so that it can be mailed and archived.
"""

from __future__ import annotations

from pathlib import Path

from regimen.files import write_text
from regimen.reporting.page import fill_page
from regimen.reporting.report.document import ReportDocument
from regimen.reporting.report.figures import figures
from regimen.reporting.report.sections import sections


def render(document: ReportDocument) -> str:
    """Returns the report as one HTML page; the same document gives the same bytes."""
    return fill_page("report.html.jinja", document=document, figures=figures(document), **sections(document))


def write(document: ReportDocument, path: Path) -> None:
    """Writes the report whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    write_text(path, render(document))
