"""The report: well formed, self-contained, escaped, complete, small, and the same bytes twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.judgements import judgement, stored
from tests.markets import two_volatilities

from regimen.bars import Bars, Calendar
from regimen.errors import RunError
from regimen.execution import Costs, Market
from regimen.judging import Fan, Judgement, SeedRow, Trials, judge, judge_seeds
from regimen.numerals import (
    UNKNOWN,
    basis_points,
    count,
    day,
    duration,
    number,
    percent,
    significant,
    span,
)
from regimen.reporting.glossary import STATISTICS
from regimen.reporting.report import ReportDocument, TrainedWindow, render, write
from regimen.reporting.report.flows import calendar_sums

VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = "<script>alert('x')</script>\"&amp;"


class Page(HTMLParser):
    """Checks that every element is closed in order, and collects attributes, ids and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.headings: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes the wrong element"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "title"):
            self.words.append(data)
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", " ".join(self.words))

    def attributes(self, name: str) -> Iterator[str]:
        return (values[name] for _, values in self.elements if name in values)


def minimal(**changes: Any) -> ReportDocument:
    return ReportDocument(
        **{
            "title": "baseline on sp500",
            "run": "r-1",
            "created": "2026-01-02T03:04:05Z",
            "judgement": judgement(),
            **changes,
        }
    )


def full(length: int = 1480, symbols: int = 1, **changes: Any) -> ReportDocument:
    rng = np.random.default_rng(0)
    time = np.datetime64("2001-03-05", "ns") + np.arange(length) * np.timedelta64(1, "m" if length > 20_000 else "D")
    held = rng.choice([-0.5, 0.0, 1.0], size=(length, symbols))
    turnover = np.abs(np.diff(held[:, 0], prepend=0.0))
    returns = 0.01 / np.sqrt(max(1, length // 1000)) * rng.standard_normal(length)
    values: dict[str, Any] = {
        "time": time,
        "equity": {"policy": np.cumprod(1 + returns), "buy_and_hold": np.cumprod(1 - returns)},
        "exposure": held,
        "symbols": tuple(f"S{k}" for k in range(symbols)),
        "turnover": turnover,
        "costs": {"commission": turnover * 1e-4, "spread": turnover * 5e-5},
        "windows": [TrainedWindow(judgement().periods[0], 7, "1999-01-04T00:00:00Z", "2001-02-20T00:00:00Z")],
        "findings": [{"name": "gaps", "severity": "warn", "count": 3, "rows": [693, 694], "sentence": "3 gaps."}],
        "repairs": ["2 duplicate bars were dropped."],
        "trials": [
            {
                "id": k,
                "at": "2026-01-01T00:00:00+00:00",
                "kind": "evaluation" if k % 2 else "fit",
                "run": f"r-{k}",
                "model": "baseline",
                "config": "3f9a1c2b7d0e5f64",
                "seed": 0,
                "bars": 1480,
                "sharpe": 0.01 * k if k % 2 else None,
            }
            for k in range(20)
        ],
        "config": "name: demo\nseed: 0\n",
        "config_hash": "3f9a1c2b7d0e5f64",
        "seed": 0,
        "environment": {"regimen": "0.1.0", "packages": {"torch": "2.13.0"}},
        "assumptions": ["A decision made with bars up to t fills at the open of bar t + 1."],
        "training": [
            {
                "window": 1,
                "train_loss": [1.1, 1.0, 0.9],
                "validation_loss": [1.1, 1.05, 1.07],
                "best_epoch": 2,
            }
        ],
        "features": {"momentum": ["return_1", "rsi_14"]},
    }
    return minimal(**{**values, **changes})


@pytest.mark.parametrize("document", [minimal(), full(), full(symbols=3)], ids=["minimal", "full", "panel"])
def test_the_page_is_well_formed_and_self_contained(document: ReportDocument) -> None:
    text = render(document)
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "base", "form"}
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    policy = next(values["content"] for tag, values in page.elements if tag == "meta" and "http-equiv" in values)
    assert policy.startswith("default-src 'none'")
    assert all(value.startswith(("#", "data:,")) for value in page.attributes("href"))
    assert not any(name.startswith("on") for _, values in page.elements for name in values)
    names = list(page.attributes("id"))
    assert len(names) == len(set(names))
    targets = [name for value in page.attributes("aria-labelledby") for name in value.split()]
    targets += [value[1:] for value in page.attributes("href") if value.startswith("#")]
    assert set(targets) <= set(names)
    assert not re.search(r"\b(nan|inf)\b", page.text, re.IGNORECASE)
    assert "None" not in page.text.replace("None: the data", "")


def test_every_table_scrolls_in_a_frame_of_its_own_that_shows_more_to_come() -> None:
    text = render(full())
    assert text.count("<table") == len(re.findall(r'<div class="scroll[ a-z]*" tabindex="0"[^>]*>\s*<table', text)) > 5
    frame = text[text.index(".scroll {") :].partition("}")[0]
    shadow = "linear-gradient(to left, var(--edge), transparent) right"
    cover = "linear-gradient(to left, var(--paper) 45%, transparent) right"
    assert frame.index(cover) < frame.index("no-repeat local") < frame.index(shadow) < frame.index("no-repeat scroll")


def test_the_verdict_comes_first_and_is_spelled_out() -> None:
    page = Page(render(full()))
    text = page.text
    assert text.index("No evidence") < text.index("The policy beside its controls") < text.index("Walk-forward windows")
    assert "No evidence of an edge: the Deflated Sharpe Ratio is 0.41." in text
    assert page.headings == [
        "The policy beside its controls",
        "Equity and drawdown",
        "Walk-forward windows",
        "Exposure and turnover",
        "Costs and execution",
        "Returns by month and year",
        "Data",
        "Trials",
        "Training",
        "All statistics",
        "Definitions",
        "Reproduction",
    ]


@pytest.mark.parametrize(
    ("level", "tone"),
    [
        ("evidence", "good"),
        ("weak evidence", "caution"),
        ("no evidence", "neutral"),
        ("worse than doing nothing", "bad"),
        ("too short", "neutral"),
        ("does nothing", "neutral"),
        ("suspicious", "bad"),
        ("not tradable", "bad"),
        ("a level to come", "neutral"),
    ],
)
def test_each_level_has_a_badge_with_its_name_and_a_sign(level: str, tone: str) -> None:
    verdict = {**stored()["verdict"], "level": level}
    text = render(minimal(judgement=judgement(verdict=verdict)))
    assert f'class="verdict {tone}"' in text
    assert re.search(rf'<span class="sign" aria-hidden="true">.</span>{level.capitalize()}</p>', text)


def test_every_statistic_of_the_judgement_appears() -> None:
    page = Page(render(minimal())).text
    policy = vars(judgement().policy)
    assert {statistic.key for statistic in STATISTICS} | {"name", "label"} == set(policy)
    for statistic in STATISTICS:
        assert statistic.label.replace("{level}", "95\u202f%") in page
        if statistic.key != "costs":
            assert statistic.write(policy[statistic.key]) in page, statistic.key
    for value in ("0.31 %", "0.11 %"):  # the costs by kind
        assert value.replace(" ", "\u202f") in page
    facts = ["0.23", "0.61", "0.17", "16.2 years", "4,100 bars", "52.3\u202f%", "51.7\u202f%", "6.4", "0.52"]
    for value in [*facts, "−0.40 to 0.81", "210", "88", "93", "0.00217", "0.00218"]:
        assert value in page, value
    assert "The policy beats 77 % of 300 random timings." in page
    for label in (row.label for row in judgement().rows):
        assert label in page


def test_a_definition_states_the_period_and_the_factor() -> None:
    text = Page(render(minimal())).text
    assert "standard deviation of the net returns of one bar × √252; annual" in text
    assert "{periods}" not in text
    hourly = judgement(sample={**stored()["sample"], "periods_per_year": 8760.0})
    assert "√8,760" in Page(render(minimal(judgement=hourly))).text


def test_hostile_names_are_escaped_everywhere() -> None:
    base = stored()
    base["verdict"]["sentence"] = base["random"]["sentence"] = base["sample"]["source"] = HOSTILE
    base["verdict"]["rules"][0].update(name=HOSTILE, sentence=HOSTILE, required=HOSTILE + "1")
    base["alarms"] = [{"name": "x", "sentence": HOSTILE}]
    base["rows"][0]["label"] = base["rows"][1]["name"] = HOSTILE
    base["rows"][0]["costs"] = {HOSTILE: 0.1}
    document = full(
        symbols=2,
        title=HOSTILE,
        run=HOSTILE,
        judgement=Judgement.from_dict(base),
        config=HOSTILE,
        config_hash=HOSTILE,
        repairs=[HOSTILE],
        assumptions=[HOSTILE],
        findings=[{"name": HOSTILE, "severity": HOSTILE, "count": 1, "rows": [HOSTILE], "sentence": HOSTILE}],
        trials=[
            {
                "id": 1,
                "kind": "evaluation",
                "run": HOSTILE,
                "model": HOSTILE,
                "config": HOSTILE,
                "seed": HOSTILE,
                "sharpe": 0.1,
            }
        ],
        environment={HOSTILE: HOSTILE, "packages": {HOSTILE: HOSTILE}},
        features={HOSTILE: [HOSTILE]},
        data={HOSTILE: HOSTILE},
        costs={HOSTILE: np.ones(1480)},
        training=[{"window": HOSTILE, "train_loss": [1.0, 2.0], "best_epoch": 1}],
    )
    document = ReportDocument(**{**vars(document), "symbols": (HOSTILE, "B")})
    text = render(document)
    assert "<script" not in text.lower()
    assert {tag for tag, _ in Page(text).elements} >= {"svg", "table"}
    assert unescape(text).count(HOSTILE) > 20


def blank(value: Any) -> Any:
    """The same part of a judgement with every number with a fraction unknown."""
    if isinstance(value, dict):
        return {key: blank(item) for key, item in value.items()}
    if isinstance(value, list):
        return [blank(item) for item in value]
    return None if isinstance(value, float) else value


def test_what_is_unknown_is_a_dash() -> None:
    base = stored()
    values = {**blank(base), "sample": base["sample"]}
    page = Page(render(minimal(judgement=Judgement.from_dict(values))))
    assert page.text.count(UNKNOWN) > 50
    assert "nan" not in page.text


def test_alarms_ruin_and_zero_costs_are_branded() -> None:
    alarmed = judgement(alarms=[{"name": "a", "sentence": "Look for a leak first."}], ruined=True, zero_cost=True)
    text = Page(render(minimal(judgement=alarmed))).text
    for words in ("Alarm. Look for a leak first.", "Ruined.", "Without costs."):
        assert words in text
    assert not any(words in Page(render(minimal())).text for words in ("Alarm.", "Ruined.", "Without costs."))
    assert text.index("Without costs.") < text.index("No evidence")


def test_the_same_document_gives_the_same_bytes() -> None:
    assert render(full()) == render(full())


def test_a_million_bars_stay_a_small_file(tmp_path: Path) -> None:
    write(full(1_000_000), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 2_000_000


def test_months_compound_to_years_and_years_to_the_whole() -> None:
    time = np.array(["2003-11-28", "2003-12-31", "2004-01-30", "2004-02-27"], dtype="datetime64[ns]")
    document = minimal(time=time, equity={"policy": np.array([1.1, 0.99, 1.485, 1.188])})
    page = Page(render(document))
    for change in ("+10.0", "−10.0", "+50.0", "−20.0"):
        assert change in page.words
    assert "−1.0\u202f%" in page.words  # 2003: 0.99 − 1
    assert "+20.0\u202f%" in page.words  # 2004: 1.188 / 0.99 − 1


def test_drawdown_counts_from_the_starting_equity() -> None:
    none: dict[str, Any] = {"time": [], "equity": {}, "drawdown": {}}
    time = np.array(["2003-11-28", "2003-12-31"], dtype="datetime64[ns]")
    values = {"policy": np.array([0.9, 0.95])}
    document = minimal(time=time, equity=values, judgement=judgement(curves=none))
    assert "policy −10.0" not in render(document)
    assert "Deepest fall below an earlier maximum: policy 10.0\u202f%." in render(document)


def test_calendar_sums_add_up_and_choose_a_readable_unit() -> None:
    values = np.arange(4000.0)
    time = np.datetime64("1999-01-04", "ns") + np.arange(4000) * np.timedelta64(1, "D")
    for length, unit in ((30, "day"), (300, "week"), (2000, "month"), (4000, "quarter")):
        chosen, labels, sums = calendar_sums(time[:length], values[:length])
        assert chosen == unit
        assert sums.sum() == values[:length].sum()
        assert len(sums) <= 84
        assert labels
    chosen, labels, sums = calendar_sums(time, values)
    assert (0.5, "1999") in labels
    assert sums[0] == values[time < np.datetime64("1999-04-01")].sum()


def test_a_real_judgement_is_shown_whole() -> None:
    rng = np.random.default_rng(5)
    price = np.asarray(100 * np.cumprod(1 + 0.01 * rng.standard_normal(400)), dtype=np.float64)
    time = np.datetime64("2020-01-01", "ns") + np.arange(400) * np.timedelta64(1, "D")
    bars = Bars(
        time,
        ("X",),
        price,
        price * 1.01,
        price * 0.99,
        price,
        np.ones(400),
        86_400_000_000_000,
        Calendar("24/7"),
    )
    costs = Costs(commission_bps=1.0, stamp_duty_bps=5.0)
    ledger = Market(costs=costs).backtest(bars, rng.choice([-1.0, 0.0, 1.0], size=(400, 1)))
    values = judge(ledger, Trials(count=3, sharpe_variance=0.001), seed=0)
    assert values.charged is not None
    assert values.charged.rates["stamp_duty_bps"] == 5.0
    page = Page(render(ReportDocument.of(ledger, values, title="t", run="r", created="2026-01-01T00:00:00Z")))
    assert values.verdict.sentence in page.text
    for words in ("5 bp stamp duty on sales", "of which stamp duty", "Stamp duty"):
        assert words in page.text
    for row in values.rows:
        assert row.label in page.text
        assert number(row.sharpe) in page.text
    for picture in (
        "Equity of the policy",
        "Drawdown of the policy",
        "Exposure",
        "Distribution of the targets",
    ):
        assert picture in render(ReportDocument.of(ledger, values, title="t", run="r", created=""))


def test_the_books_of_a_backtest_become_a_document() -> None:
    from types import SimpleNamespace

    ledger = SimpleNamespace(
        time=np.array(["2003-11-28", "2003-12-31"], dtype="datetime64[ns]"),
        start_equity=100.0,
        equity=np.array([50.0, 200.0]),
        exposure=np.ones((2, 1)),
        symbols=("A",),
        turnover=np.ones(2),
        costs={"commission": np.array([1.0, 1.0]), "borrow": np.zeros(2)},
    )
    check = {
        "source": "btc.csv",
        "rows": 90_210,
        "symbols": ["BTC"],
        "bar_length": 3_600_000_000_000,
        "findings": [
            {"name": "gaps", "severity": "refuse", "count": 1, "stamps": ["2020-01-02"], "sentence": "A gap."}
        ],
        "applied": [{"name": "duplicates", "policy": "first", "count": 2, "sentence": "2 rows were dropped."}],
    }
    document = ReportDocument.of(
        ledger,  # type: ignore[arg-type]
        judgement(),
        title="t",
        run="r",
        created="",
        check=check,
        seed=3,
    )
    np.testing.assert_array_equal(document.equity["policy"], [0.5, 2.0])
    np.testing.assert_array_equal(document.costs["commission"], [0.01, 0.02])
    assert set(document.costs) == {"commission"}
    assert document.seed == 3
    text = Page(render(document)).text
    for words in ("btc.csv", "90,210", "1 hour", "A gap.", "2020-01-02", "✕ refused", "2 rows were dropped."):
        assert words in text


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(minimal(), path)
    assert path.read_text(encoding="utf-8") == render(minimal())
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(RunError, match="must be writable"):
        write(minimal(), path / "report.html")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(1234.5), "1,234.50"),
        (number(-0.004), "0.00"),
        (number(-0.3), "−0.30"),
        (number(float("inf")), UNKNOWN),
        (number(None), UNKNOWN),
        (number(True), UNKNOWN),
        (percent(0.1234, plus=True), "+12.3\u202f%"),
        (percent(float("nan")), UNKNOWN),
        (basis_points(6.31), "6.3\u202fbp"),
        (count(1_048_576), "1,048,576"),
        (span([-0.32, 1.1]), "−0.32 to 1.10"),
        (span([None, 1.1]), UNKNOWN),
        (span(None), UNKNOWN),
        (significant(0.0021), "0.002100"),
        (significant(1.5e-7, 2), "1.5e−07"),
        (significant("text"), "text"),
        (significant(True), "yes"),
        (duration(86_400_000_000_000), "1 day"),
        (duration(900_000_000_000), "15 minutes"),
        (duration(1_500_000_000), "1.5 seconds"),
        (duration(None), UNKNOWN),
        (day("2001-03-05T00:00:00Z"), "2001-03-05"),
        (day("2001-03-05T12:30:00Z"), "2001-03-05\u00a012:30"),
        (day(None), UNKNOWN),
    ],
)
def test_numbers_are_written_one_way(written: str, expected: str) -> None:
    assert written == expected


def test_long_spans_are_written_without_the_hour_so_that_the_table_fits() -> None:
    from regimen.reporting.report.sections import _window_rows

    long = replace(judgement().periods[0], start="2020-01-01T07:00:00Z", end="2020-03-31T23:00:00Z")
    window = TrainedWindow(long, 1, "2019-01-01T04:00:00Z", "2020-01-01T07:00:00Z")
    (row,) = _window_rows([window])
    assert (row["trained"], row["start"], row["end"]) == ("2019-01-01 – 2020-01-01", "2020-01-01", "2020-03-31")
    (row,) = _window_rows([replace(window, row=replace(long, end="2020-01-03T02:00:00Z"))])
    assert row["end"] == "2020-01-03\u00a002:00"


def test_a_ruined_account_ends_at_its_size_and_not_at_zero() -> None:
    from regimen.charts.figure import multiple

    assert [multiple(value) for value in (1.234, 0.5, 3e-9, 0.0, None)] == ["1.23×", "0.50×", "3.0e−09×", "0.00×", "–"]


def test_nothing_is_listed_that_the_judgement_does_not_say() -> None:
    values = stored()
    values["trials"]["count"], values["trials"]["effective"] = 1, None
    del values["behaviour"]["changes"]
    text = Page(render(minimal(judgement=Judgement.from_dict(values)))).text
    assert "Changes of target" not in text
    assert "1 trials" not in text


def test_a_panel_shows_what_each_symbol_brought() -> None:
    bars = two_volatilities(600, 3)
    targets = np.repeat(np.random.default_rng(0).choice([-0.3, 0.3], (120, 3)), 5, axis=0)
    ledger = Market(costs=Costs(commission_bps=5.0)).backtest(bars, targets)
    document = ReportDocument.of(ledger, judgement(), title="panel", run="r-1", created="2026-01-02T03:04:05Z")
    assert document.profits is not None
    page = Page(render(document))
    for row in document.profits.rows:
        assert percent(row.pnl, 2, plus=True) in page.text
        assert percent(row.costs, 2) in page.text
    gained = sum(row.pnl > 0 for row in document.profits.rows)
    assert f"{gained} of 3 symbols gained" in page.text
    alone = Market(costs=Costs(commission_bps=5.0)).backtest(two_volatilities(300), np.ones((300, 1)))
    assert ReportDocument.of(alone, judgement(), title="one", run="r-2", created="2026-01-02").profits is None


def test_several_seeds_show_a_fan_and_their_windows() -> None:
    bars, market = two_volatilities(600), Market(costs=Costs(commission_bps=1.0))
    ledgers = [market.backtest(bars, np.roll(np.where(np.arange(600) % 9 < 5, 1.0, -1.0), k)) for k in range(3)]
    seeds, _ = judge_seeds([SeedRow.of(seed, ledger) for seed, ledger in enumerate(ledgers)], 0, draws=20)
    own = replace(judgement(), seeds=replace(seeds, fan=Fan.of(ledgers, [0, 250, 600])))
    page = Page(render(minimal(judgement=own)))
    assert "Equity over all seeds" in page.text
    assert "Net return of each seed in each window" in page.text
    assert number(100 * own.seeds.fan.windows[2][1], 1, plus=True) in page.text  # type: ignore[union-attr]
    former = Page(render(minimal(judgement=replace(own, seeds=seeds))))
    assert "Equity over all seeds" not in former.text
    assert "Net return of each seed in each window" not in former.text
