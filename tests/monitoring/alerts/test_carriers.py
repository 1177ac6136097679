"""Threads that carry alerts: a channel that hangs or fails holds up no other; Apprise really sends."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from regimen.errors import ConfigError
from regimen.monitoring import Alert, AlertsConfig, Carriers, Delivery, Outbox, apprise_sends

ALERT = Alert("drift", "critical", "the market has changed", "absolute_return: 9 times its usual", 0)


def test_a_channel_that_hangs_and_one_that_fails_hold_up_no_other(tmp_path: Path) -> None:
    outbox = Outbox(
        tmp_path / "alerts.sqlite", AlertsConfig(channels=dict.fromkeys(("hangs", "fails", "works"), "json://x"))
    )
    hanging, arrived = threading.Event(), threading.Event()

    def hangs(_: Delivery) -> bool:
        return hanging.wait(30.0)

    def fails(_: Delivery) -> bool:
        raise OSError("no route to host")

    def works(_: Delivery) -> bool:
        arrived.set()
        return True

    carriers = Carriers(outbox, {"hangs": hangs, "fails": fails, "works": works}, time.time_ns)
    outbox.put([ALERT], time.time_ns())
    carriers.wake()
    assert arrived.wait(10.0)
    hanging.set()
    carriers.close()
    assert [row.channel for row in outbox.waiting() if row.channel != "hangs"] == ["fails"]


def test_apprise_sends_to_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise")
    bodies = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        monkeypatch.setenv("ALERT_HOST", f"127.0.0.1:{server.server_port}")
        config = AlertsConfig(channels={"hook": "json://${ALERT_HOST}/hook"})
        outbox = Outbox(tmp_path / "alerts.sqlite", config)
        outbox.put([ALERT], 0)
        assert outbox.deliver("hook", apprise_sends(config)["hook"], 0, lambda: 0) == 1
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert [(body["title"], body["type"]) for body in bodies] == [("critical: the market has changed", "failure")]
    assert "9 times its usual" in bodies[0]["message"]


def test_an_address_that_is_none_is_refused_without_being_shown() -> None:
    pytest.importorskip("apprise")
    with pytest.raises(ConfigError, match=r"alerts\.channels\.hook: must be an address") as error:
        apprise_sends(AlertsConfig(channels={"hook": "nonsense-with-a-secret"}))
    assert "secret" not in str(error.value)
    with pytest.raises(ConfigError, match=r"variables of the environment that are set; got 'NO_SUCH_VARIABLE'"):
        apprise_sends(AlertsConfig(channels={"hook": "json://${NO_SUCH_VARIABLE}/"}))
