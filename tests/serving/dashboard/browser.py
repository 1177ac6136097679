"""A headless Chromium that is told what to do over its own protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
_PATIENCE = 120.0


class Tab:
    """One page of a browser.

    Args:
        socket: to the page.

    Attributes:
        received: bytes over the network since the page was asked for, by address.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0
        self._asked: dict[str, str] = {}
        self.received: dict[str, int] = {}
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Calls a method of the protocol and returns its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(_PATIENCE))
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._noted(message)

    def value(self, expression: str) -> Any:
        """Returns the value of an expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def until(self, expression: str) -> Any:
        """Waits until an expression is true, and returns its value."""
        end = time.monotonic() + _PATIENCE
        while not (value := self.value(expression)):
            assert time.monotonic() < end, expression
            time.sleep(0.02)
        return value

    def sized(self, width: int, height: int, dark: bool = False) -> None:
        """Gives the window a size and the reader's system its colours."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def picture(self, path: Path) -> None:
        """Writes what is seen, the whole page long, as PNG."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def _noted(self, message: dict[str, Any]) -> None:
        values = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self._asked[values["requestId"]] = values["request"]["url"]
            self.received.setdefault(values["request"]["url"], 0)
        elif message.get("method") == "Network.loadingFinished" and values["requestId"] in self._asked:
            self.received[self._asked[values["requestId"]]] += int(values["encodedDataLength"])


@contextmanager
def browser(folder: Path) -> Iterator[Tab]:
    """Yields the page of a browser whose profile is in a folder."""
    command = [CHROMIUM or "", *FLAGS, f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end, port = time.monotonic() + _PATIENCE, folder / "DevToolsActivePort"
        while not (port.exists() and port.read_text().strip()):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        address = f"http://127.0.0.1:{port.read_text().split()[0]}/json/list"
        while True:
            with urllib.request.urlopen(address, timeout=_PATIENCE) as answer:
                pages = [each for each in json.load(answer) if each["type"] == "page"]
            if pages:
                break
            assert time.monotonic() < end
            time.sleep(0.05)
        with connect(pages[0]["webSocketDebuggerUrl"], max_size=None, compression=None) as socket:
            yield Tab(socket)
    finally:
        process.terminate()
        process.wait(30)
