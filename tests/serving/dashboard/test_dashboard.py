"""The page asks nobody else for anything, fits a telephone, and its numbers are those of the journal."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from regimen.journal import rows_of
from regimen.live import Answer, decoded
from regimen.serving.dashboard import dashboard_page

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
SERVER = """
import sys
from pathlib import Path
from tests.live.accounts import WIDE, setup_of, walk
from regimen.journal import SqliteJournal
from regimen.live import Desk, replayed, trade
from regimen.serving import Access, Address, ServerApp, serve

bars = walk(300, symbols=2, seed=3)

def prepare():
    desk = Desk(setup_of(bars, WIDE), SqliteJournal(Path(sys.argv[1]), "paper"))
    trade(desk, replayed(bars, desk.setup, bars.time[40]), lambda *_: None)
    desk.word("halt", "anna", "<b>news</b>", int(bars.time[-1].astype("int64")) + 2 * bars.bar_length).stored.result()
    desk.settle()
    return desk

serve(ServerApp(Access(None), lost=print), prepare, Address("127.0.0.1", int(sys.argv[2]), None, None), print)
"""


def test_it_is_small_and_asks_nobody_else() -> None:
    page = dashboard_page()
    text = page.content.decode()
    assert len(page.content) <= 150_000
    assert set(re.findall(r"https?://[^\s\"')]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, no address
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in page.policy
    assert " style=" not in text


def test_whatever_the_script_looks_for_is_in_the_page() -> None:
    text = dashboard_page().content.decode()
    asked = set(re.findall(r'at\("([\w-]+)"\)', text)) | set(re.findall(r'table\("([\w-]+)"', text))
    assert len(asked) > 15
    assert asked <= set(re.findall(r'id="([\w-]+)"', text))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server with a short account; its address and its journal."""
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = tmp_path_factory.mktemp("page") / "journal.sqlite"
    command = [sys.executable, "-c", SERVER, str(place), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert process.stdout is not None
    try:
        assert "ready" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}/", place
    finally:
        process.terminate()
        process.communicate(timeout=10)


def browsed(address: str, folder: Path, width: int, *flags: str) -> str:
    """Returns the page as a browser of this width has it after a while."""
    command = [CHROMIUM or "", *FLAGS, f"--user-data-dir={folder}", f"--window-size={width},1600", *flags]
    page = ""
    for budget in (4000, 16000, 64000):  # a busy machine may not have answered within the first
        if "<polyline" in page:
            break
        dumped = [*command, f"--virtual-time-budget={budget}", "--dump-dom", address]
        page = subprocess.run(dumped, capture_output=True, text=True, timeout=200, check=True).stdout
    return page


@pytest.mark.parametrize("width", [500, 1280])  # a headless window is at least 500 wide
def test_every_number_is_that_of_the_journal(served: tuple[str, Path], tmp_path: Path, width: int) -> None:
    page = browsed(served[0], tmp_path, width)

    def shown(name: str) -> str:
        (text,) = re.findall(rf'id="{name}"[^>]*>(.*?)</', page)
        return str(text).replace("−", "-")

    answers: list[Answer] = [decoded(each.row.decision) for each in rows_of(served[1]) if each.row.kind == "bar"]
    equity = np.array([answer.equity for answer in answers])
    assert len(answers) == 260
    assert shown("account") == "Account paper"
    assert shown("mode") == "halted"
    assert float(shown("equity").replace(",", "")) == pytest.approx(equity[-1], abs=0.005)
    assert float(shown("cash").replace(",", "")) == pytest.approx(answers[-1].cash, abs=0.005)
    assert float(shown("gain").split()[0]) == pytest.approx(100.0 * (equity[-1] / equity[0] - 1.0), abs=0.005)
    assert float(shown("drawdown").split()[0]) == pytest.approx(100.0 * (1.0 - equity[-1] / equity.max()), abs=0.005)
    assert shown("last") == str(np.datetime64(answers[-1].time, "ns"))[:16].replace("T", " ")
    (table,) = re.findall(r'id="symbols">(.*?)</tbody>', page)
    cells = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)]
    for row, symbol in zip(cells, answers[-1].symbols, strict=True):
        assert row[0] == symbol.symbol
        assert float(row[1].replace("−", "-")) == pytest.approx(symbol.exposure, abs=0.0005)
    acted: dict[str, int] = {}
    for answer in answers:
        for name in answer.reasons:
            acted[name] = acted.get(name, 0) + 1
    (limits,) = re.findall(r'id="limits">(.*?)</tbody>', page)
    counted = dict(re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td></tr>", limits))
    assert counted == ({name.replace("_", " "): str(bars) for name, bars in acted.items()} or {"none": "0"})
    assert "anna said halt: &lt;b&gt;news&lt;/b&gt;" in page  # words of others are words
    assert '<p class="banner" id="banner" role="alert" hidden' in page
    assert len(re.findall("<polyline", page)) == 3
