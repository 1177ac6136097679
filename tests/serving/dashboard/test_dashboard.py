"""The page asks nobody else for anything, fits a telephone, and its numbers are those of the journal."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.live.accounts import walk
from tests.serving.dashboard.browser import CHROMIUM, FLAGS, Tab, browser

from regimen.bars import Bars
from regimen.journal import rows_of
from regimen.live import Answer, bar_messages, decoded
from regimen.serving.dashboard import dashboard_page

SERVER = """
import sys
from pathlib import Path
import numpy as np
from tests.live.accounts import WIDE, setup_of, walk
from regimen.journal import SqliteJournal
from regimen.live import Desk, replayed, trade
from regimen.monitoring import DriftConfig, DriftReference, Watch
from regimen.serving import Access, Address, ServerApp, serve

bars = walk(300, symbols=2, seed=3)
names = [f"S{s} {name}" for s in (0, 1) for name in ("return_1", "return_5", "absolute_return", "range")]
others = np.random.default_rng(0).normal(size=(1000, 8))  # features of another scale: drift rings
watch = Watch(DriftReference.of(others, names, DriftConfig(window=80)))

def prepare():
    desk = Desk(setup_of(bars, WIDE, watch=watch), SqliteJournal(Path(sys.argv[1]), "paper"))
    trade(desk, list(replayed(bars, desk.setup, bars.time[40]))[: 300 - LATER], lambda *_: None)
    if LATER:
        return desk
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


@contextmanager
def serving(folder: Path, later: int = 0) -> Iterator[tuple[str, Path]]:
    """A server with a short account, the last bars of which are still to come; its address and its journal."""
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = folder / "journal.sqlite"
    command = [sys.executable, "-c", SERVER.replace("LATER", str(later)), str(place), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert process.stdout is not None
    try:
        assert "ready" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}/", place
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server with a whole account that was halted."""
    with serving(tmp_path_factory.mktemp("page")) as whole:
        yield whole


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
    drifted = re.findall(r"(S[01] \w+) \(PSI ([\d.]+), usually [\d.]+\)", shown("drift"))
    assert shown("drift").startswith("Alarm: drift. ")
    columns = httpx.get(f"{served[0]}state").json()["drift"]["columns"]
    assert drifted == [(each["name"], f"{each['psi']:.2f}") for each in columns]
    assert len(drifted) == 5
    assert "anna said halt: &lt;b&gt;news&lt;/b&gt;" in page  # words of others are words
    assert '<p class="banner" id="banner" role="alert" hidden' in page
    assert len(re.findall("<polyline", page)) == 3


SHOWN = """
window.shown = [];
document.addEventListener("DOMContentLoaded", () => {
  const last = document.getElementById("last"), equity = document.getElementById("equity");
  const note = () => requestAnimationFrame(() => setTimeout(() =>
    shown.push([equity.textContent, last.textContent, performance.timeOrigin + performance.now()])));
  for (const each of [last, equity]) new MutationObserver(note).observe(each, { childList: true });
});
"""
"""Notes when a number has been painted: in the task behind the frame that shows it."""
LATER = 40


@pytest.mark.slow
def test_how_soon_a_number_is_on_the_screen(tmp_path: Path) -> None:
    """First number, bytes of the page, and the way of a bar to the screen; `pytest -s` shows them.

    A bar's way begins with its POST; a part of it is the way from the answer, which was durable before it was given.
    """
    bars = walk(300, symbols=2, seed=3)
    with serving(tmp_path, LATER) as (address, _), browser(tmp_path / "profile") as tab, httpx.Client() as client:
        tab.sized(1280, 900)
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=SHOWN)
        first = min(_opened(tab, address) for _ in range(5))
        size = tab.received[address]
        ways = np.array([_way(tab, client, address, content, bars.time[t]) for t, content in _later(bars)])
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f"\nfirst number {first:.0f} ms, page {size:,} bytes, {load:.1f} programs a processor")
    for name, each in zip(("POST to screen", "answer to screen"), ways.T, strict=True):
        least, half, most = np.percentile(each, [0, 50, 99])
        print(f"{name}: least {least:.0f} ms, median {half:.0f} ms, p99 {most:.0f} ms")
    assert size <= 150_000
    assert set(tab.received) <= {address + path for path in ("", "state", "events", "decisions?after=0&limit=1000")}
    assert ways[:, 1].min() <= 100.0
    if load < 1.0:  # a busy machine says nothing of the page
        assert first <= 1000.0
        assert np.median(ways[:, 0]) <= 100.0


def _later(bars: Bars) -> list[tuple[int, bytes]]:
    return list(enumerate(bar_messages(bars)))[-LATER:]


def _opened(tab: Tab, address: str) -> float:
    """Returns milliseconds from the navigation to the first number."""
    tab.received.clear()
    tab.call("Page.navigate", url="about:blank")
    tab.call("Page.navigate", url=address)
    first = tab.until(
        "window.shown && shown.find((each) => /[0-9]/.test(each[0]) && [each[2] - performance.timeOrigin])"
    )
    tab.until("shown.some((each) => each[1].length > 5)")
    return float(first[2]) - float(tab.value("performance.timeOrigin"))


def _way(tab: Tab, client: httpx.Client, address: str, content: bytes, stamp: np.datetime64) -> tuple[float, float]:
    """Returns milliseconds from the POST of a bar, and from the answer to it, until the bar is shown."""
    began = time.time()
    assert client.post(f"{address}bars", content=content).status_code == 200
    answered = time.time()
    text = str(stamp)[:16].replace("T", " ")
    seen = tab.until(f"shown.find((each) => each[1] === '{text}')")
    tab.until("!painting")  # a bar is not the next one's burden
    return float(seen[2]) - 1e3 * began, float(seen[2]) - 1e3 * answered


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_its_window_in_light_and_in_the_dark(
    served: tuple[str, Path], tmp_path: Path, width: int, dark: bool
) -> None:
    with browser(tmp_path / "profile") as tab:
        tab.sized(width, 900, dark)
        tab.call("Page.navigate", url=served[0])
        tab.until("document.querySelectorAll('polyline').length === 3")
        assert tab.value("document.documentElement.scrollWidth") == width
        paper = tab.value("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 3 * 128) is dark
        if folder := os.environ.get("REGIMEN_PICTURES"):
            tab.picture(Path(folder) / f"page-{width}-{'dark' if dark else 'light'}.png")
