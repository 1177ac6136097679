"""What is asked less often than bars: every route and every status."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.live.accounts import WIDE, setup_of, walk
from tests.serving.conftest import ENDS, FEED, Opened

from regimen.execution import COST_KINDS
from regimen.journal import SqliteJournal
from regimen.live import Desk, Engine, bar_event, bar_messages, slippage_of
from regimen.monitoring import (
    METERS,
    CollapseConfig,
    CollapseReference,
    DriftConfig,
    DriftReference,
    SequentialVerdict,
    SequentialVerdictConfig,
    Watch,
)
from regimen.serving import SCOPES, Access, KeyRing, ServerApp, new_key


def test_decisions_are_the_rows_of_the_journal_page_by_page(running: Opened) -> None:
    async def read() -> None:
        async with running() as server:
            answers = await server.post(0, 30)
            rows: list[dict[str, Any]] = []
            after = 0
            while True:
                answer = await server.client.get("/decisions", params={"after": after, "limit": 7})
                page = answer.json()
                if not page["decisions"]:
                    break
                rows += page["decisions"]
                after = page["after"]
                assert (page["last"], answer.headers["cache-control"]) == (31, "no-store")
            assert [row["seq"] for row in rows] == list(range(1, 32))
            assert rows[0]["kind"] == "open"
            assert rows[0]["answer"] is None
            assert [row["answer"] for row in rows[1:]] == [each.json() for each in answers]
            assert [row["request"] for row in rows[1:]] == [json.loads(content) for content in FEED[:30]]
            assert [row["at"] for row in rows[1:]] == ENDS[:30]

    asyncio.run(read())


@pytest.mark.parametrize(
    "query", ["after=-1", "after=99", "after=x", "after=²", f"after={10**30}", "limit=0", "limit=1001", "limit=1.0"]
)
def test_a_page_that_there_is_not_is_422(running: Opened, query: str) -> None:
    async def read() -> None:
        async with running() as server:
            answer = await server.client.get(f"/decisions?{query}")
            assert answer.status_code == 422
            assert "must be a whole number from" in answer.json()["error"]

    asyncio.run(read())


def test_the_state_is_that_of_the_last_durable_event(running: Opened) -> None:
    async def read() -> None:
        async with running() as server:
            state = (await server.client.get("/state")).json()
            assert (state["events"], state["time"], state["equity"], state["mode"]) == (0, None, 1e6, "active")
            assert state["symbols"] == [{"symbol": "S0", "exposure": 0.0, "target": None, "close": None}]
            last = (await server.post(0, 110))[-1].json()
            state = (await server.client.get("/state")).json()
            symbol = last["symbols"][0]
            close = json.loads(FEED[109])["bars"]["S0"]["close"]
            assert (state["events"], state["last"]) == (110, 111)
            assert [state[name] for name in ("time", "equity", "cash", "mode")] == [
                last[name] for name in ("time", "equity", "cash", "mode")
            ]
            assert state["symbols"][0]["exposure"] == symbol["exposure"] != 0.0
            assert state["symbols"][0]["close"] == close
            assert abs(state["symbols"][0]["target"]) == 0.5

    asyncio.run(read())


def test_an_operator_halts_reduces_and_resumes(running: Opened) -> None:
    async def spoke() -> None:
        async with running() as server:
            await server.post(0, 70)
            for word, mode in (("reduce", "reducing"), ("halt", "halted"), ("reduce", "halted"), ("resume", "active")):
                answer = await server.client.post(f"/{word}", json={"by": "anna", "reason": "news"})
                assert (answer.status_code, answer.json()["mode"]) == (200, mode)
                assert (await server.client.get("/state")).json()["mode"] == mode
            page = (await server.client.get("/decisions", params={"after": 71})).json()
            assert [row["request"]["word"] for row in page["decisions"]] == ["reduce", "halt", "reduce", "resume"]
            assert page["decisions"][1]["request"] == {"word": "halt", "by": "anna", "reason": "news"}
            await server.client.post("/halt")
            closed = (await server.post(70, 71))[0].json()
            assert (closed["mode"], closed["symbols"][0]["target"]) == ("halted", 0.0)

    asyncio.run(spoke())


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (422, b"[]"),
        (422, b'{"by": 3}'),
        (422, b'{"who": "anna"}'),
        (422, b"\xff"),
        (422, b"[" * 9000),
        (422, b'{"reason": "%s"}' % (b"x" * 501)),
        (413, b" " * 10_001),
    ],
)
def test_what_is_no_word_of_an_operator_changes_nothing(running: Opened, status: int, content: bytes) -> None:
    async def spoke() -> None:
        async with running() as server:
            answer = await server.client.post("/halt", content=content)
            assert (answer.status_code, list(answer.json())) == (status, ["error"])
            assert (await server.client.get("/state")).json()["events"] == 0

    asyncio.run(spoke())


def test_what_is_no_route_is_one_line(running: Opened) -> None:
    async def asked() -> None:
        async with running() as server:
            for method, path, status in (
                ("GET", "/nothing", 404),
                ("GET", "/bars/", 404),
                ("GET", "/bars", 405),
                ("DELETE", "/halt", 405),
            ):
                answer = await server.client.request(method, path)
                assert (answer.status_code, list(answer.json())) == (status, ["error"])

    asyncio.run(asked())


def test_the_page_is_served_with_its_rules(running: Opened) -> None:
    async def asked() -> None:
        async with running() as server:
            answer = await server.client.get("/")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/html")
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
            assert "<title>Regimen" in answer.text

    asyncio.run(asked())


def test_metrics_count_what_happened(running: Opened) -> None:
    async def counted() -> None:
        async with running(version="1.2.3") as server:
            answers = [answer.json() for answer in await server.post(0, 110)]
            last, highest = answers[-1], max(1e6, *(answer["equity"] for answer in answers))
            await server.client.post("/bars", content=b"[]")
            await server.client.post("/bars", content=FEED[3])
            await server.client.post("/reduce")
            answer = await server.client.get("/metrics")
            assert answer.headers["content-type"].startswith("text/plain")
            lines = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
            assert lines['regimen_requests_total{path="/bars",status="200"}'] == "111.0"
            assert lines['regimen_requests_total{path="/bars",status="422"}'] == "1.0"
            for outcome, count in (("new", "110.0"), ("refused", "1.0"), ("repeated", "1.0")):
                assert lines[f'regimen_bars_total{{outcome="{outcome}",symbol="S0"}}'] == count
            assert lines["regimen_journal_rows_total"] == "111.0"
            assert lines["regimen_journal_commit_seconds_count"] == "111.0"
            assert float(lines["regimen_equity"]) == last["equity"]
            assert float(lines['regimen_exposure{symbol="S0"}']) == last["symbols"][0]["exposure"] != 0.0
            assert float(lines["regimen_drawdown"]) == pytest.approx(1.0 - last["equity"] / highest)
            assert float(lines['regimen_last_bar_seconds{symbol="S0"}']) == ENDS[109] / 1e9
            assert lines["regimen_mode"] == "1.0"
            assert 'version="1.2.3"' in answer.text

    asyncio.run(counted())


def test_metrics_name_fills_costs_gaps_alerts_and_what_watches(tmp_path: Path) -> None:
    """Every name of `METERS` is fed, and the numbers are those of the rows and of the engine's own state."""
    bars = walk(900, seed=3)
    content = bar_messages(bars)
    values = np.random.default_rng(0).normal(size=(4000, 4))
    watch = Watch(
        DriftReference.of(values, ["return_1", "return_5", "move", "range"], DriftConfig(window=200)),
        CollapseReference.of(np.tile([[0.0], [0.5]], (600, 1)), CollapseConfig(window=80)),
        SequentialVerdict(SequentialVerdictConfig(claimed=1.0, volatility=0.5, days_per_year=365.0)),
    )
    setup = setup_of(bars, WIDE, watch=watch)
    taken = [t for t in range(900) if not 500 <= t < 504]  # four bars are missing

    async def counted() -> None:
        now = 0
        app = ServerApp(lost=print, clock=lambda: now, unsent=lambda: {"desk": 3})
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            app.open(Desk(setup, SqliteJournal(tmp_path / "journal.sqlite", "paper")))
            engine = Engine(setup)
            state, fills, notices = engine.initial(), 0, Counter[str]()
            slipped = None
            for t in taken:
                now = int(bars.time[t].astype(np.int64)) + bars.bar_length
                assert (await client.post("/bars", content=content[t])).status_code == 200
                stepped = engine.step(state, bar_event(content[t], bars.symbols, (), now, False))
                fills += int(stepped.state.units[0] != state.units[0])
                notices.update([notice.level for notice in stepped.effects.notices])
                if state.opened:
                    slipped = slippage_of(state, stepped.state) or slipped
                state = stepped.state
            await client.post("/halt", json={"by": "anna"})
            notices["critical"] += 1
            text = (await client.get("/metrics")).text
            lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
            number = {name: float(value) for name, value in lines.items()}
            assert number['regimen_fills_total{symbol="S0"}'] == fills > 100
            assert number["regimen_slippage_bps"] == slipped == app.metered.numbers(app.desk.desk, now)["slippage_bps"]
            assert number['regimen_feed_gaps_total{symbol="S0"}'] == 4.0
            for kind, cost in zip(COST_KINDS, state.flows[1:].tolist(), strict=True):
                assert number[f'regimen_costs{{kind="{kind}"}}'] == cost
            assert number['regimen_costs{kind="commission"}'] > 0.0
            for level, count in notices.items():
                assert number[f'regimen_alerts_total{{level="{level}"}}'] == count
            assert number['regimen_alerts_waiting{channel="desk"}'] == 3.0
            drift, actions = watch.drift.reading(state.watch.drift), watch.collapse.reading(state.watch.collapse)
            assert (number["regimen_drift"], number["regimen_drift_threshold"]) == (drift.statistic, drift.threshold)
            assert number["regimen_drift_rings"] == 1.0  # features of another scale
            shown = (await client.get("/state")).json()["drift"]
            assert (shown["statistic"], shown["threshold"], shown["rings"]) == (*drift[:2], True)
            assert [tuple(each.values()) for each in shown["columns"]] == [tuple(each) for each in drift.worst]
            assert list(shown["columns"][0]) == ["name", "psi", "usual"]
            assert (number["regimen_action_share"], number["regimen_action_entropy"]) == (
                actions.share,
                actions.entropy,
            )
            assert number["regimen_action_share_threshold"] == watch.collapse.threshold
            assert number["regimen_verdict_days"] == watch.verdict.reading(state.watch.verdict).days > 30
            assert number['regimen_stream_mean{stream="return"}'] != 0.0
            assert number["regimen_decision_seconds_count"] == len(taken)
            names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
            assert names == {each.name for each in METERS}
            fed = {name.split("{")[0] for name in lines}
            limits = {"regimen_limits_total", "regimen_confidence"}  # no limit acts on this account
            assert {each.name for each in METERS if not any(one.startswith(each.name) for one in fed)} <= limits
            await app.close()

    asyncio.run(counted())


def test_every_route_asks_for_its_scope(running: Opened, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = {scope: new_key(path, [scope])[0] for scope in SCOPES}
    needs = {
        "trade": [("POST", "/bars")],
        "read": [("GET", each) for each in ("/decisions", "/state", "/metrics")],
        "operate": [("POST", each) for each in ("/halt", "/reduce", "/resume")],
    }

    async def asked() -> None:
        async with running(access=Access(KeyRing.read(path)), host="example.org") as server:
            for scope, routes in needs.items():
                for method, route in routes:
                    answer = await server.client.request(method, route)
                    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                    for other, key in keys.items():
                        headers = {"authorization": f"Bearer {key}"}
                        answer = await server.client.request(method, route, headers=headers)
                        assert (answer.status_code == 403) == (scope != other)
                        assert answer.status_code != 401
            for route in ("/health", "/ready"):
                assert (await server.client.get(route)).status_code == 200

    asyncio.run(asked())


def test_a_key_that_asks_too_often_is_refused(running: Opened, tmp_path: Path) -> None:
    key, _ = new_key(tmp_path / "keys.json", ["trade"])
    access = Access(KeyRing.read(tmp_path / "keys.json"), rate=0.5, burst=2.0)

    async def asked() -> None:
        async with running(access=access) as server:
            headers, server.now = {"authorization": f"Bearer {key}"}, ENDS[109]
            answers = [await server.client.post("/bars", content=FEED[t], headers=headers) for t in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert answers[2].headers["retry-after"] in ("1", "2")

    asyncio.run(asked())


def test_the_operator_is_named_by_the_key(running: Opened, tmp_path: Path) -> None:
    key, _ = new_key(tmp_path / "keys.json", ["operate", "read"], "night shift")

    async def asked() -> None:
        async with running(access=Access(KeyRing.read(tmp_path / "keys.json"))) as server:
            headers = {"authorization": f"Bearer {key}"}
            await server.client.post("/halt", headers=headers)
            page = (await server.client.get("/decisions", params={"after": 1}, headers=headers)).json()
            assert page["decisions"][0]["request"]["by"] == "night shift"

    asyncio.run(asked())
