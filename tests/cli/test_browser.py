"""`--open`: the page that a command wrote, in the browser; one line where there is none."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest
from tests.cli.conftest import called


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("report RUN", "report.html"),
        ("report RUN --json", "report.html"),
        ("backtest RUN market.costs.half_spread_bps=4", "backtests/*/report.html"),
        ("runs compare RUN", "../compare.html"),
    ],
)
def test_the_page_that_was_written_is_opened(
    words: str, page: str, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    command = [str(finished) if word == "RUN" else word for word in words.split()]
    assert called(*command) == 0
    assert opened == []
    assert called(*command, "--open") == 0
    assert opened[0] in [path.resolve().as_uri() for path in finished.glob(page)]
    assert "browser" not in capsys.readouterr().err


def test_without_a_browser_one_line_says_what_to_open(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _address: False)
    assert called("report", finished, "--open") == 0
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"no browser was found here: open {finished / 'report.html'} yourself"
