"""Backtests, judgements, leaks and proofs, each in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.face.conftest import SMALL
from tests.markets import random_walk

import regimen as rg
from regimen.errors import ConfigError, DataError
from regimen.face import proof
from regimen.proving import FAST

BARS = random_walk(300)
RNG = np.random.default_rng(1)
TARGETS = np.sign(RNG.normal(size=300))
FEW: dict[str, Any] = {"draws": 20, "bootstrap_draws": 100}


def test_a_backtest_is_that_of_the_market() -> None:
    ledger = rg.backtest(TARGETS, BARS, costs="coinbase", latency_bars=2)
    market = rg.Market(costs=rg.Costs(venue="coinbase"), latency_bars=2)
    np.testing.assert_array_equal(ledger.equity, market.backtest(BARS, TARGETS).equity)
    assert rg.backtest(rg.Constant(1.0), BARS).market.costs.chosen_by == "calendar"


@pytest.mark.parametrize(
    "features", [["return_1", "return_5"], rg.FeatureSet.standard().select(["return_1", "return_5"])]
)
def test_a_function_sees_the_features_that_it_asks_for(features: Any) -> None:
    seen = []

    def decide(observation: np.ndarray) -> np.ndarray:
        seen.append(observation.shape[1])
        return np.zeros(1)

    rg.backtest(decide, BARS, features=features)
    assert set(seen) == {2 + 3}  # and position, cash, drawdown


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"bars": "btc.csv"}, r"bars: must be Bars: rg\.Bars\.read\(path\).*; got 'str'"),
        ({"costs": "coinbas"}, "costs: must be one of .*did you mean 'coinbase'"),
        ({"leverag": 2.0}, r"market\.leverag: is not a known key \(did you mean 'leverage'\?\)"),
        ({"policy": TARGETS[:-1]}, "targets: must have the shape of the bars"),
        ({"policy": "long"}, "targets: must be numbers of shape"),
        ({"features": "standrd", "policy": lambda row: row}, "features: must be a set, a column or a group"),
    ],
)
def test_a_mistake_in_a_backtest_is_one_line(arguments: dict[str, Any], line: str) -> None:
    with pytest.raises((ConfigError, DataError), match=line):
        rg.backtest(**{"policy": TARGETS, "bars": BARS, **arguments})


def test_a_run_is_no_policy(run: rg.Run) -> None:
    with pytest.raises(ConfigError, match=r"policy: must be one policy of the run, such as run\.policy\(\)"):
        rg.backtest(run, BARS)
    again = rg.backtest(run.ledger.targets, run.ledger.bars, costs="binance-spot")
    assert repr(again).startswith("Ledger(")


def test_every_ledger_that_is_judged_is_a_trial_and_the_same_one_is_no_second(tmp_path: Path) -> None:
    first, second = rg.backtest(TARGETS, BARS), rg.backtest(-TARGETS, BARS)
    assert rg.judge(first, runs=tmp_path, **FEW).trials.count == 1
    assert rg.judge(second, runs=tmp_path, **FEW).trials.count == 2
    again = rg.judge(rg.backtest(TARGETS, BARS), runs=tmp_path, **FEW)
    assert again.trials.count == 2
    dearer = rg.backtest(TARGETS, BARS, costs="coinbase")
    assert rg.judge(dearer, runs=tmp_path, **FEW).trials.count == 3
    assert rg.judge(rg.backtest(TARGETS, random_walk(300, seed=9)), runs=tmp_path, **FEW).trials.count == 1


def test_whoever_keeps_count_elsewhere_says_it(tmp_path: Path) -> None:
    ledger = rg.backtest(TARGETS, BARS)
    assert rg.judge(ledger, rg.Trials(count=7), runs=tmp_path, **FEW).trials.count == 7
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"trials": 5}, r"trials: must be Trials, such as rg\.Trials\(count=5\), or left out to be counted; got 5"),
        ({"sed": 3}, r"sed: is not an option of judge \(did you mean 'seed'\?\); got 3"),
        ({"moon": 3}, "moon: is not an option of judge; it has reference, .*; got 3"),
    ],
)
def test_a_mistake_in_a_judgement_is_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        rg.judge(rg.backtest(TARGETS, BARS), **{"trials": rg.Trials(count=1), **given})


def test_what_is_no_agent_is_not_proved() -> None:
    with pytest.raises(ConfigError, match="agent/market: must be names, or for an agent one config; got 5"):
        rg.prove(5)  # type: ignore[arg-type]


def test_a_run_is_judged_already(run: rg.Run) -> None:
    assert rg.judge(run) is run.judgement
    with pytest.raises(ConfigError, match=r"judge: must be given a Ledger, .* or a Run; got 'ndarray'"):
        rg.judge(TARGETS)  # type: ignore[arg-type]


def test_leaks_of_a_config(market: Path) -> None:
    values: dict[str, Any] = {
        "data": {"path": str(market)},
        "model": {"kind": "momentum", "lookback": 20},
        "features": {"kind": "indicators", "columns": ["rsi_14"]},
        "labels": SMALL["labels"],
        "splits": {"train": 300, "test": 400},
    }
    report = rg.leaks(rg.RunConfig.model_validate(values))
    assert report.passed
    assert repr(report).startswith("LeakReport(")
    assert set(report.to_frame()["verdict"]) == {"clean"}
    with pytest.raises(ConfigError, match="leaks: must be given a Run, a RunConfig, or the path of its YAML file"):
        rg.leaks("btc.csv")


def test_a_proof_shows_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    small = [each.shortened() for each in FAST if each.arena.name == "ou"]
    quick = [type(each)(**{**vars(each), "steps": 4096, "walks": 4, "walk_bars": 200, "bars": 2000}) for each in small]
    monkeypatch.setattr(proof, "FAST", tuple(quick))
    said: list[str] = []
    found = rg.prove("ppo", "ou", fast=True, seeds=1, progress=lambda _done, _total, message: said.append(message))
    assert found.met
    assert said
    assert repr(found) == "Proof(ppo on ou: every demand is met)"
    assert list(found.to_frame()["mode"]) == ["deterministic", "drawn"]
    ElementTree.fromstring(found._repr_html_())


def test_the_config_of_an_agent_is_proved_with_its_own_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []
    monkeypatch.setattr(proof, "run_experiments", lambda experiments, *_: tried.extend(experiments) or ())
    rg.prove(rg.SACConfig(gamma=0.5), ["ou", "hysteresis"])
    assert [(str(each), each.agent.gamma) for each in tried] == [("sac on ou", 0.5), ("sac on hysteresis", 0.5)]
    assert {each.lanes for each in tried} == {32}  # as other agents of its kind have
    with pytest.raises(ConfigError, match=r"agent: must be one of .*; got 'pop'"):
        rg.prove("pop")
    with pytest.raises(ConfigError, match=r"market: must be one of .*; got 'oo'"):
        rg.prove("ppo", "oo")
