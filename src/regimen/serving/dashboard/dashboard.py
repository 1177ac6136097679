"""The page at ``/``: one file, put together once, that asks this server and no other for anything."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class DashboardPage(NamedTuple):
    """The page and what a browser is told of it.

    Attributes:
        content: HTML.
        policy: its Content-Security-Policy: its own style and script by their digests, and nothing else.
    """

    content: bytes
    policy: str


@cache
def dashboard_page() -> DashboardPage:
    """Returns the page of a live account."""
    own = files("regimen.serving.dashboard")
    style = files("regimen.charts").joinpath("charts.css").read_text("utf-8") + own.joinpath("page.css").read_text(
        "utf-8"
    )
    script = own.joinpath("page.js").read_text("utf-8")
    page = own.joinpath("page.html").read_text("utf-8").replace("{{style}}", style).replace("{{script}}", script)
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return DashboardPage(page.encode(), policy)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
