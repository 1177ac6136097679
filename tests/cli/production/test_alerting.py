"""Notices of a server reach a channel, at least once, with the account's name."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from regimen.cli.production.alerting import Notices, noticing
from regimen.errors import ConfigError, RunError
from regimen.live import Notice
from regimen.monitoring import AlertsConfig


def test_warnings_and_worse_go_to_a_channel_and_the_rest_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    came: list[dict[str, str]] = []
    whole = threading.Event()

    class Channel(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            if len(came) == 2:
                whole.set()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Channel) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        file = tmp_path / "alerts.yaml"
        file.write_text(f"channels: {{desk: 'json://127.0.0.1:{server.server_address[1]}/'}}\n")
        with noticing(file, tmp_path / "out" / "alerts.sqlite", "paper") as noticed:
            noticed(Notice("info", "mode", "Trading is active."))
            noticed(Notice("warning", "drift", "The market is another."))
            noticed(Notice("critical", "mode", "Trading is halted."))
            assert whole.wait(20.0)
            until = time.monotonic() + 20.0
            while noticed.unsent() != {"desk": 0}:
                assert time.monotonic() < until
                time.sleep(0.01)
        server.shutdown()
    assert sorted(each["title"] for each in came) == [
        "critical: paper: Trading is halted.",
        "warning: paper: The market is another.",
    ]
    assert "info: Trading is active." in capsys.readouterr().err


def test_an_outbox_that_cannot_be_written_holds_up_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    class Full:
        def put(self, *_: object) -> None:
            raise RunError("outbox", "could not be written (disk is full)")

    Notices("paper", AlertsConfig(), Full(), object())(Notice("critical", "mode", "Trading is halted."))  # type: ignore[arg-type]
    assert capsys.readouterr().err.splitlines() == [
        "critical: Trading is halted.",
        "warning: no channel hears of this: outbox: could not be written (disk is full)",
    ]


def test_a_number_beyond_its_threshold_is_told_once_until_it_is_back() -> None:
    notices = Notices("paper", AlertsConfig())
    heard = [
        [(each.level, each.text) for each in notices.beyond({"feed_silence": silent, "drawdown": 0.05})]
        for silent in (2.0, 4.0, 5.0, 13.0, 14.0, 0.0, 4.0)
    ]
    warned = [("warning", "feed silence 4 is above 3.")]
    assert heard == [[], warned, [], [("critical", "feed silence 13 is above 12.")], [], [], warned]


def test_a_channel_that_nobody_knows_is_one_error(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("channels: {desk: 'pigeon://roof'}\n")
    with (
        pytest.raises(ConfigError, match="must be an address that Apprise knows"),
        noticing(file, tmp_path / "a.sqlite", ""),
    ):
        pass
