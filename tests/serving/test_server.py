"""A real process: it listens at once, is ready soon, drains, and ends as it should."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.serving.conftest import FEED

from regimen.errors import ConfigError
from regimen.journal import verify
from regimen.serving import Access, Address, KeyRing, listening
from regimen.serving.keys import KeyFile

PROGRAM = """
import os, sys, time
from pathlib import Path
from tests.live.accounts import WIDE, setup_of, walk
from regimen.journal import SqliteJournal
from regimen.live import Desk
from regimen.serving import Address, ServerApp, serve

class Slow:
    def __init__(self, below): self.below = below
    def __getattr__(self, name): return getattr(self.below, name)
    def append(self, rows):
        time.sleep(PAUSE)
        return self.below.append(rows)

def prepare():
    journal = SqliteJournal(Path(sys.argv[1]), "paper")
    return Desk(setup_of(walk(110), WIDE), Slow(journal), lost=lost)

def lost(error):
    print(error, file=sys.stderr, flush=True)
    os._exit(1)

say = lambda line: print(line, flush=True)
tls = [Path(each) for each in sys.argv[3:]]
serve(ServerApp(lost=lost), prepare, Address("127.0.0.1", int(sys.argv[2]), *tls), say)
"""


def free_port() -> int:
    with contextlib.closing(socket.socket()) as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


@contextlib.contextmanager
def started(folder: Path, port: int, pause: float = 0.0, *tls: Path) -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own, once it is ready; with a certificate and its key, by HTTPS."""
    program = PROGRAM.replace("PAUSE", str(pause))
    words = [sys.executable, "-c", program, str(folder / "journal.sqlite"), str(port), *map(str, tls)]
    paths = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "src")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder
    )
    try:
        until = time.monotonic() + 60.0
        while status(port, *tls[:1]) != 200:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


def status(port: int, trusted: Path | None = None) -> int:
    """Returns what ``/ready`` answers; 0 for nothing. With a trusted certificate, by HTTPS."""
    scheme = "http" if trusted is None else "https"
    context = None if trusted is None else ssl.create_default_context(cafile=trusted)
    try:
        with urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}/ready", timeout=5.0, context=context) as answer:
            return int(answer.status)
    except OSError:
        return 0


def test_sixty_four_bars_in_flight_are_answered_before_it_ends(tmp_path: Path) -> None:
    port = free_port()

    async def posted(process: subprocess.Popen[str]) -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=10.0) as client:
            events = asyncio.create_task(read(client))
            await asyncio.gather(*[client.get("/health") for _ in range(63)])  # connections that are open
            waiting = []
            for content in FEED[:63]:  # one of them listens
                waiting.append(asyncio.create_task(client.post("/bars", content=content)))
                await asyncio.sleep(0.002)
            process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*waiting)
            await events
            return answers

    async def read(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/events") as answer:
            async for _ in answer.aiter_lines():
                pass

    with started(tmp_path, port, pause=0.2) as process:
        answers = asyncio.run(posted(process))
        began = time.monotonic()
        assert [answer.status_code for answer in answers] == [200] * 63
        assert [answer.json()["seq"] for answer in answers] == list(range(1, 64))
        assert process.wait(5.0) == 0
        assert time.monotonic() - began < 5.0
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        assert lines[0].startswith("ready after")
        assert lines[-1] == "ended: everything that was answered is in the journal"
    assert verify(tmp_path / "journal.sqlite").rows == 64


def test_it_answers_by_https_with_its_certificate_and_not_by_http(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, which makes the certificate")
    certificate, key, port = tmp_path / "cert.pem", tmp_path / "key.pem", free_port()
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=regimen", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *kind, *name, *files], check=True, capture_output=True)
    with started(tmp_path, port, 0.0, certificate, key):
        trusting = httpx.Client(verify=ssl.create_default_context(cafile=certificate))
        with trusting:
            assert trusting.get(f"https://127.0.0.1:{port}/ready").json() == {"ready": True, "reason": ""}
            answer = trusting.post(f"https://127.0.0.1:{port}/bars", content=FEED[0])
            assert (answer.status_code, answer.json()["seq"]) == (200, 1)
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://127.0.0.1:{port}/ready")  # nobody vouches for it
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/ready")


def test_a_port_in_use_is_one_line() -> None:
    opened = listening(Address(port=0))
    with contextlib.closing(opened), pytest.raises(ConfigError, match="port: is in use by another program"):
        listening(Address(port=opened.getsockname()[1]))
    with pytest.raises(ConfigError, match="must be a name or a number of this machine"):
        listening(Address(host="no such host.invalid"))
    with pytest.raises(ConfigError, match="cannot be listened on"):
        listening(Address(host="192.0.2.1"))


def test_others_are_let_in_with_keys_only() -> None:
    with pytest.raises(ConfigError, match=r"must be 127\.0\.0\.1 without keys"):
        Address(host="0.0.0.0").require_safe(Access())
    Address(host="0.0.0.0").require_safe(Access(KeyRing(KeyFile(1, "00" * 32, ()))))
    with pytest.raises(ConfigError, match="needs both"):
        Address(tls_cert=Path("cert.pem")).require_safe(Access())
