"""Whatever a user meets in a notebook shows itself on one line of at most 200 characters, as frames and in pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from pydantic import BaseModel
from tests.judgements import judgement
from tests.markets import bars_of, random_walk

import regimen as rg
from regimen.bars import Sketch
from regimen.envs import EnvSpec, VectorMarketConfig
from regimen.errors import ConfigError
from regimen.judging import Judgement, judge_seeds
from regimen.judging.seeds import SeedRow
from regimen.labels import FixedHorizonConfig, label
from regimen.leakage import LeakReport, LeakRow
from regimen.own import OwnSource
from regimen.policies import AgentPolicy, ClassifierPolicy, ExposureConfig, Momentum, OwnRule
from regimen.predictors import LogisticConfig
from regimen.preprocess import StandardScaler
from regimen.records import RunDirectory, TrialLedger
from regimen.records.models import ModelConfig
from regimen.reprs import LONGEST
from regimen.settings import members
from regimen.simulators import OrnsteinUhlenbeckConfig
from regimen.splits import WalkForwardConfig, walk_forward

BARS = random_walk(400)
PANEL = random_walk(60, symbols=20)
FEATURES = rg.FeatureSet.standard()
FRAME = FEATURES.compute(BARS)
LABELS = label(FixedHorizonConfig(), BARS)
WINDOW = walk_forward(WalkForwardConfig(embargo=5), BARS, LABELS)[0]
MARKET = rg.Market(costs=rg.Costs(venue="coinbase", borrow_annual=0.333), latency_bars=2)
LEDGER = rg.Market(costs=rg.Costs(venue="coinbase")).backtest(BARS, np.sign(FRAME.column("macd_26")))
HISTORY = MARKET.history(BARS, FRAME)
SPEC = EnvSpec(columns=("x", "position", "cash", "drawdown"))
CLASSIFIER = LogisticConfig().build(60, 3)
JUDGEMENT = judgement()
SEEDS, _ = judge_seeds([SeedRow.of(seed, LEDGER) for seed in (0, 1)], 0, draws=100)
THINGS: dict[str, object] = {
    "bars": BARS,
    "panel": PANEL,
    "features": FEATURES,
    "frame": FRAME,
    "stream": FEATURES.stream(),
    "feature": FEATURES.features[0],
    "labels": LABELS,
    "window": WINDOW,
    "slice": WINDOW.train,
    "market": MARKET,
    "costs": MARKET.costs,
    "market config": MARKET.config,
    "history": HISTORY,
    "moment": HISTORY.at(5),
    "ledger": LEDGER,
    "trials": rg.Trials(123_456, 1 / 7e5, None, 123_455, 1 / 3e5),
    "trial ledger": TrialLedger(Path("runs/trials.sqlite")),
    "run directory": RunDirectory(Path("runs/abcdefgh")),
    "judgement": JUDGEMENT,
    "verdict": JUDGEMENT.verdict,
    "row": JUDGEMENT.policy,
    "curves": JUDGEMENT.curves,
    "random control": JUDGEMENT.random,
    "conduct": JUDGEMENT.behaviour,
    "sample": JUDGEMENT.sample,
    "seeds": SEEDS,
    "leaks": LeakReport((LeakRow("feature", "x" * 300, "leak", "noise", 5, 4, 1.0),), (5,), 0),
    "simulation": OrnsteinUhlenbeckConfig().simulate(100, 0),
    "scaler": StandardScaler.fit(FRAME.values, WINDOW.train, FRAME.names),
    "sketch": Sketch.of(BARS),
    "predictor": CLASSIFIER,
    "classifier policy": ClassifierPolicy(CLASSIFIER, ExposureConfig()),
    "agent": rg.PPOConfig().build(SPEC),
    "agent policy": AgentPolicy(rg.PPOConfig().build(SPEC), VectorMarketConfig()),
    "own rule": OwnRule(np.sign, {}, "my_rule.py:decide", ExposureConfig()),
    "constant": rg.Constant(0.5),
    "momentum": Momentum(20, ExposureConfig()),
    "run config": rg.RunConfig.model_validate({"data": {"path": "folder/" * 60 + "x.csv"}}),
    "data config": rg.DataConfig(path="folder/" * 60 + "x.csv"),
}


@pytest.mark.parametrize("name", THINGS)
def test_an_object_shows_itself_on_one_short_line(name: str) -> None:
    line = repr(THINGS[name])
    assert len(line) <= LONGEST
    assert line.isprintable()
    assert line.startswith(type(THINGS[name]).__name__)


@pytest.mark.parametrize("config", members(ModelConfig), ids=lambda config: config.__name__)
def test_the_config_of_a_model_shows_what_is_not_its_default(config: type[BaseModel]) -> None:
    own = {"source": "mine.py:Mine", "digest": "0123456789abcdef"}  # with a digest no file is looked at
    given = {"algorithm": "dqn"} if config.__name__ == "SB3Config" else own if issubclass(config, OwnSource) else {}
    shown = ", ".join(f"{name}={value!r}" for name, value in given.items())
    assert repr(config(**given)) == f"{config.__name__}({shown})"


def test_a_config_shows_the_fields_that_were_chosen() -> None:
    assert repr(rg.Costs(commission_bps=2.0)) == "Costs(commission_bps=2.0)"
    assert repr(rg.Market(latency_bars=2)) == "Market(latency_bars=2)"


def test_a_repr_says_what_tells_the_object_from_others() -> None:
    assert repr(BARS) == "Bars(memory: 400 bars of 1d, 2001-01-01 to 2002-02-04)"
    assert repr(PANEL) == "Bars(memory: 60 bars of 1d, 20 symbols, 2001-01-01 to 2001-03-01)"
    assert repr(WINDOW) == "Window(0: bars of train 0 to 165, validation 165 to 195, test 200 to 240)"
    assert repr(JUDGEMENT.verdict) == (
        "Verdict('no evidence', 'No evidence of an edge: the Deflated Sharpe Ratio is 0.41.')"
    )
    assert str(JUDGEMENT.verdict) == JUDGEMENT.verdict.sentence


def hostile() -> dict[str, Callable[[], str]]:
    """What is shown in HTML, with markup where names and sentences are."""
    nasty = "<script>alert('&')</script>"
    close = np.linspace(100.0, 120.0, 30)
    bars = bars_of(close, symbols=(nasty,), source=nasty, extras={nasty: close})
    panel = bars_of(np.stack([close] * 20, axis=1), symbols=tuple(f"{nasty}{n}" for n in range(20)), source=nasty)
    ledger = rg.Market().backtest(bars, np.ones(30))
    verdict = {"level": "no evidence", "sentence": nasty, "rules": []}
    judged: Judgement = judgement(verdict=verdict, alarms=[{"name": "a", "sentence": nasty}])
    leaks = LeakReport((LeakRow("feature", nasty, "leak", "noise", 5, 4, 1.0),), (5,), 0)
    things = {"bars": bars, "panel": panel, "ledger": ledger, "judgement": judged, "leaks": leaks}
    return {name: thing._repr_html_ for name, thing in things.items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", hostile())
def test_html_is_whole_escaped_and_asks_for_nothing(name: str) -> None:
    html = hostile()[name]()
    ElementTree.fromstring(html)
    assert "<script" not in html
    assert not re.search(r"(src|href)=|url\(|@import", html)
    assert "&lt;script" in html


def test_a_judgement_shows_its_sentence_its_table_and_its_equity() -> None:
    html = JUDGEMENT._repr_html_()
    assert JUDGEMENT.verdict.sentence in html
    assert all(row.label in html for row in JUDGEMENT.rows)
    assert "Equity of the policy and its controls" in html


def test_frames_hold_what_the_objects_hold() -> None:
    features = FRAME.to_frame()
    assert list(features.columns) == ["timestamp", *FRAME.names]
    np.testing.assert_array_equal(features["macd_26"], FRAME.column("macd_26")[:, 0])
    account = LEDGER.to_frame()
    np.testing.assert_array_equal(account["equity"], LEDGER.equity)
    np.testing.assert_array_equal(account["exposure"], LEDGER.exposure[:, 0])
    assert str(account["timestamp"].dt.tz) == "UTC"
    assert len(LEDGER.fills_frame()) == LEDGER.fills.num_rows
    rows = JUDGEMENT.to_frame()
    assert rows.loc["buy_and_hold", "sharpe"] == JUDGEMENT.row("buy_and_hold").sharpe
    assert rows.loc["policy", "sharpe_high"] == JUDGEMENT.policy.sharpe_interval[1]
    assert rg.Trials(3, 0.5).to_frame().loc[0, "count"] == 3


def test_the_frame_of_a_panel_has_its_symbols_side_by_side_in_time() -> None:
    close = np.cumprod(1.0 + np.random.default_rng(0).normal(0.0, 0.01, (80, 2)), axis=0)
    panel = bars_of(close, symbols=("A", "B"))
    frame = rg.FeatureSet.standard().select(columns=["return_1"]).compute(panel)
    table = frame.to_frame()
    assert list(table["symbol"][:2]) == ["A", "B"]
    np.testing.assert_array_equal(table.loc[table["symbol"] == "B", "return_1"], frame.column("return_1")[:, 1])


def test_pictures_are_drawn_and_written(tmp_path: Path) -> None:
    assert repr(LEDGER.plot()) == "Picture(equity, drawdown, exposure)"
    assert repr(JUDGEMENT.plot(tmp_path / "j.svg")) == "Picture(equity, drawdown)"
    assert (tmp_path / "j.svg").read_text(encoding="utf-8").startswith("<svg")
    with pytest.raises(ConfigError, match=r"path: must end in \.svg"):
        LEDGER.plot(tmp_path / "l.png")
