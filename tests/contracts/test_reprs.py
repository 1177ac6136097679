"""Whatever a user meets in a notebook shows itself on one line of at most 200 characters, as frames and in pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
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
from regimen.policies import (
    AgentPolicy,
    CalibratedClassifier,
    ClassifierPolicy,
    ConformalConfig,
    ExposureConfig,
    IsotonicConfig,
    Momentum,
    NoTradeBand,
    NoveltyConfig,
    OwnRule,
    TemperatureConfig,
    VectorConfig,
)
from regimen.policies.conformal import ConformalIntervals
from regimen.policies.mahalanobis import TrainingCloud
from regimen.policies.novelty import NoveltyGate
from regimen.predictors import LogisticConfig
from regimen.preprocess import StandardScaler
from regimen.records import RunDirectory, TrialLedger
from regimen.records.models import ModelConfig
from regimen.reporting.ablation import Ablation, Arm, Column
from regimen.reprs import LONGEST
from regimen.runs import Importance
from regimen.safeguards import Guard
from regimen.settings import members
from regimen.simulators import OrnsteinUhlenbeckConfig
from regimen.splits import WalkForwardConfig, walk_forward


@cache
def things() -> dict[str, Any]:
    """Returns one of each, made when the first test asks for them."""
    bars = random_walk(400)
    panel = random_walk(60, symbols=20)
    features = rg.FeatureSet.standard()
    frame = features.compute(bars)
    labels = label(FixedHorizonConfig(), bars)
    window = walk_forward(WalkForwardConfig(embargo=5), bars, labels)[0]
    market = rg.Market(costs=rg.Costs(venue="coinbase", borrow_annual=0.333), latency_bars=2)
    ledger = rg.Market(costs=rg.Costs(venue="coinbase")).backtest(bars, np.sign(frame.column("macd_26")))
    history = market.history(bars, frame)
    spec = EnvSpec(columns=("x", "position", "cash", "drawdown"))
    classifier = LogisticConfig().build(60, 3)
    forecasts = np.random.default_rng(0).dirichlet(np.ones(3), 90), np.arange(90) % 3
    judged = judgement()
    column = Column("skill", "log-loss skill", 1, 1, "nats")
    arms = [
        Arm("base", "", "run", {"skill": np.ones((1, 1))}),
        Arm("alone", "x" * 300, "run", {"skill": np.ones((1, 1))}),
    ]
    seeds, _ = judge_seeds([SeedRow.of(seed, ledger) for seed in (0, 1)], 0, draws=100)
    return {
        "bars": bars,
        "panel": panel,
        "features": features,
        "frame": frame,
        "stream": features.stream(),
        "feature": features.features[0],
        "labels": labels,
        "window": window,
        "slice": window.train,
        "market": market,
        "costs": market.costs,
        "market config": market.config,
        "history": history,
        "moment": history.at(5),
        "ledger": ledger,
        "trials": rg.Trials(123_456, 1 / 7e5, None, 123_455, 1 / 3e5),
        "trial ledger": TrialLedger(Path("runs/trials.sqlite")),
        "run directory": RunDirectory(Path("runs/abcdefgh")),
        "judgement": judged,
        "verdict": judged.verdict,
        "row": judged.policy,
        "curves": judged.curves,
        "random control": judged.random,
        "conduct": judged.behaviour,
        "sample": judged.sample,
        "seeds": seeds,
        "importance": Importance("logistic", (1,), 5, 100, 0.01, 0.001, (), (), f"1 of 60 mattered: {'x' * 300}.", ()),
        "ablation": Ablation("one", arms, (column,), "skill", 1, 1, 1),
        "leaks": LeakReport((LeakRow("feature", "x" * 300, "leak", "noise", 5, 4, 1.0),), (5,), 0),
        "simulation": OrnsteinUhlenbeckConfig().simulate(100, 0),
        "scaler": StandardScaler.fit(frame.values, window.train, frame.names),
        "sketch": Sketch.of(bars),
        "predictor": classifier,
        "calibrated classifier": CalibratedClassifier(classifier, VectorConfig().fit(*forecasts)),
        "temperature": TemperatureConfig().fit(*forecasts),
        "isotonic": IsotonicConfig().fit(*forecasts),
        "kelly": rg.FractionalKellyConfig().fit(labels, window.train),
        "band": NoTradeBand(rg.NoTradeConfig(), 0.1),
        "banded": NoTradeBand(rg.NoTradeConfig(), 0.1).around(rg.Constant(0.5)),
        "classifier policy": ClassifierPolicy(classifier, ExposureConfig()),
        "agent": rg.PPOConfig().build(spec),
        "agent policy": AgentPolicy(rg.PPOConfig().build(spec), VectorMarketConfig()),
        "own rule": OwnRule(np.sign, {}, "my_rule.py:decide", ExposureConfig()),
        "constant": rg.Constant(0.5),
        "momentum": Momentum(20, ExposureConfig()),
        "intervals": (intervals := ConformalIntervals(ConformalConfig(), 5, 0.02, 1.0)),
        "policy with intervals": intervals.around(Momentum(20, ExposureConfig())),
        "gate": (gate := NoveltyGate(NoveltyConfig(), TrainingCloud(*np.zeros((2, 60)), np.eye(60), np.zeros(5)))),
        "policy behind a gate": gate.around(Momentum(20, ExposureConfig())),
        "drift reference": rg.monitoring.DriftReference.of(np.eye(60, 4), "abcd", rg.DriftConfig(window=8)),
        "run config": rg.RunConfig.model_validate({"data": {"path": "folder/" * 60 + "x.csv"}}),
        "guard": Guard(
            rg.SafeguardsConfig(position=None), market.config, symbols=1, bar_length=1, calendar=bars.calendar
        ),
        "data config": rg.DataConfig(path="folder/" * 60 + "x.csv"),
    }


def test_an_object_shows_itself_on_one_short_line() -> None:
    lines = {name: (type(thing).__name__, repr(thing)) for name, thing in things().items()}
    assert {name: line for name, (_, line) in lines.items() if len(line) > LONGEST or not line.isprintable()} == {}
    assert {name: line for name, (kind, line) in lines.items() if not line.startswith(kind)} == {}


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
    assert repr(things()["bars"]) == "Bars(memory: 400 bars of 1d, 2001-01-01 to 2002-02-04)"
    assert repr(things()["panel"]) == "Bars(memory: 60 bars of 1d, 20 symbols, 2001-01-01 to 2001-03-01)"
    assert repr(things()["window"]) == "Window(0: bars of train 0 to 165, validation 165 to 195, test 200 to 240)"
    assert repr(things()["judgement"].verdict) == (
        "Verdict('no evidence', 'No evidence of an edge: the Deflated Sharpe Ratio is 0.41.')"
    )
    assert str(things()["judgement"].verdict) == things()["judgement"].verdict.sentence


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


@pytest.mark.parametrize("name", ["bars", "panel", "ledger", "judgement", "leaks"])
def test_html_is_whole_escaped_and_asks_for_nothing(name: str) -> None:
    html = hostile()[name]()
    ElementTree.fromstring(html)
    assert "<script" not in html
    assert not re.search(r"(src|href)=|url\(|@import", html)
    assert "&lt;script" in html


def test_a_judgement_shows_its_sentence_its_table_and_its_equity() -> None:
    html = things()["judgement"]._repr_html_()
    assert things()["judgement"].verdict.sentence in html
    assert all(row.label in html for row in things()["judgement"].rows)
    assert "Equity of the policy and its controls" in html


def test_frames_hold_what_the_objects_hold() -> None:
    features = things()["frame"].to_frame()
    assert list(features.columns) == ["timestamp", *things()["frame"].names]
    np.testing.assert_array_equal(features["macd_26"], things()["frame"].column("macd_26")[:, 0])
    account = things()["ledger"].to_frame()
    np.testing.assert_array_equal(account["equity"], things()["ledger"].equity)
    np.testing.assert_array_equal(account["exposure"], things()["ledger"].exposure[:, 0])
    assert str(account["timestamp"].dt.tz) == "UTC"
    assert len(things()["ledger"].fills_frame()) == things()["ledger"].fills.num_rows
    rows = things()["judgement"].to_frame()
    assert rows.loc["buy_and_hold", "sharpe"] == things()["judgement"].row("buy_and_hold").sharpe
    assert rows.loc["policy", "sharpe_high"] == things()["judgement"].policy.sharpe_interval[1]
    assert rg.Trials(3, 0.5).to_frame().loc[0, "count"] == 3


def test_the_frame_of_a_panel_has_its_symbols_side_by_side_in_time() -> None:
    close = np.cumprod(1.0 + np.random.default_rng(0).normal(0.0, 0.01, (80, 2)), axis=0)
    panel = bars_of(close, symbols=("A", "B"))
    frame = rg.FeatureSet.standard().select(columns=["return_1"]).compute(panel)
    table = frame.to_frame()
    assert list(table["symbol"][:2]) == ["A", "B"]
    np.testing.assert_array_equal(table.loc[table["symbol"] == "B", "return_1"], frame.column("return_1")[:, 1])


def test_pictures_are_drawn_and_written(tmp_path: Path) -> None:
    assert repr(things()["ledger"].plot()) == "Picture(equity, drawdown, exposure)"
    assert repr(things()["judgement"].plot(tmp_path / "j.svg")) == "Picture(equity, drawdown)"
    assert (tmp_path / "j.svg").read_text(encoding="utf-8").startswith("<svg")
    with pytest.raises(ConfigError, match=r"path: must end in \.svg"):
        things()["ledger"].plot(tmp_path / "l.png")
