"""`regimen serve`, `keys`, `halt` and `resume-trading`, as a user meets them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import called
from tests.serving.test_server import free_port, status

SERVE = """
import sys
from regimen.cli import main
try:
    main()
finally:
    heavy = [name for name in ("torch", "pandas", "matplotlib") if name in sys.modules]
    size = [line for line in open("/proc/self/status") if line.startswith("VmHWM")] if sys.platform == "linux" else []
    print(heavy, size[0].split()[1] if size else 0, flush=True)
"""
MOST_KILOBYTES = 250_000


@pytest.fixture(scope="module")
def bundle(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the finished run."""
    folder = tmp_path_factory.mktemp("served") / "bundle"
    assert called("export", finished, "--out", folder) == 0
    return folder


@contextlib.contextmanager
def serving(folder: Path, *words: object) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Runs the command in a process of its own, in a folder, and waits until it is ready."""
    port = free_port()
    command = [sys.executable, "-c", SERVE, "serve", *map(str, words), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder
    )
    try:
        until = time.monotonic() + 120.0
        while status(port) != 200:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.05)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def ask(port: int, path: str, content: object = None, key: str = "") -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=10.0) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_bundle_is_served_halted_and_goes_on(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = {"open": 50.0, "high": 51.0, "low": 49.0, "close": 50.5, "volume": 10.0}
    with serving(tmp_path, bundle) as (process, port):
        code, answer = ask(port, "/bars", {"time": "2022-03-30T04:00:00Z", **bar})
        assert (code, answer["seq"], answer["mode"]) == (200, 1, "active")
        assert called("halt", "--url", f"http://127.0.0.1:{port}", "--reason", "test", "--by", "anna") == 0
        assert capsys.readouterr().out == "halted: event 2 of the account, equity 1,000,000.00\n"
        assert called("resume-trading", "--url", f"http://127.0.0.1:{port}/", "--json") == 0
        assert json.loads(capsys.readouterr().out)["mode"] == "active"
        state = ask(port, "/state")[1]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10.0)
        assert process.returncode == 0
        assert "no keys: only programs of this machine" in err
        assert "ready after" in err
        heavy, size = out.strip().rsplit(" ", 1)
        assert heavy == "[]"
        assert int(size) <= MOST_KILOBYTES  # another process compiles
    (journal,) = (tmp_path / "journals").glob("*-paper.sqlite")
    assert called("audit", journal) == 0
    with serving(tmp_path, bundle, "--journal", journal) as (process, port):
        assert ask(port, "/state")[1] == state
        words = ["serve", bundle, "--journal", journal, "--port", "0"]
        assert called(*words) == 2  # two servers on one journal
        assert "must have one writer" in capsys.readouterr().err
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10.0)
    heavy, kilobytes = out.strip().rsplit(" ", 1)
    assert heavy == "[]"
    assert int(kilobytes) <= MOST_KILOBYTES
    seconds = float(err.partition("ready after ")[2].partition(" s")[0])
    assert seconds <= 5.0 or os.getloadavg()[0] > 2.0
    print(f"ready after {seconds} s, at most {kilobytes} kB")


def test_keys_open_what_they_are_for(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys.json"
    keyed = {}
    for scope in ("read", "operate"):
        assert called("keys", "new", "--scope", scope, "--name", scope, "--keys", keys, "--json") == 0
        keyed[scope] = json.loads(capsys.readouterr().out)
    assert called("keys", "list", "--keys", keys, "--json") == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["read", "operate"]
    assert called("keys", "check", "--keys", keys, "--key", keyed["read"]["key"]) == 0
    assert capsys.readouterr().out == f"{keyed['read']['id']} read: read\n"
    assert called("keys", "check", "--keys", keys, "--key", "regimen_x") == 1
    with serving(tmp_path, bundle, "--keys", keys, "--host", "0.0.0.0") as (_, port):
        url = f"http://127.0.0.1:{port}"
        assert ask(port, "/state")[0] == 401
        assert ask(port, "/state", key=keyed["operate"]["key"])[0] == 403
        assert ask(port, "/state", key=keyed["read"]["key"])[0] == 200
        capsys.readouterr()
        assert called("halt", "--url", url, "--key", keyed["read"]["key"]) == 2
        assert "refuses (403): key: must have the scope operate" in capsys.readouterr().err
        assert called("halt", "--url", url, "--key", keyed["operate"]["key"]) == 0
        assert called("keys", "revoke", keyed["operate"]["id"], "--keys", keys) == 0
        until = time.monotonic() + 20.0
        while ask(port, "/halt", {}, keyed["operate"]["key"])[0] != 401:
            assert time.monotonic() < until
            time.sleep(0.2)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["serve", "nowhere"], "bundle: must be the folder of a bundle"),
        (["serve", "nowhere", "--host", "0.0.0.0"], "host: must be 127.0.0.1 without keys"),
        (["serve", "nowhere", "--keys", "nowhere.json"], "keys: cannot be read"),
        (["serve", "nowhere", "--safeguards", "nowhere.yaml"], "cannot be read"),
        (["serve", "nowhere", "--tls-cert", "cert.pem"], "tls: needs both"),
        (["serve", "nowhere", "--tls-cert", "cert.pem", "--tls-key", "key.pem"], "tls: must be PEM files"),
        (["halt", "--url", "http://127.0.0.1:9"], "server: does not answer"),
        (["resume-trading", "--url", "http://127.0.0.1:9"], "server: does not answer"),
        (["halt", "--url", "file:///etc/passwd"], "url: must be as http://127.0.0.1:8000"),
        (["keys", "new", "--scope", "all"], "scope: must be one of read, trade, operate"),
        (["keys", "list", "--keys", "nowhere.json"], "keys: cannot be read"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(*words, *(["--port", "0"] if words[0] == "serve" else [])) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert line in error


def test_live_money_asks_for_evidence(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["serve", bundle, "--journal", tmp_path / "journal.sqlite", "--port", "0"]
    assert called(*words, "--live-intent") == 2
    assert "must be evidence for live money" in capsys.readouterr().err
    assert not (tmp_path / "journal.sqlite").exists()
