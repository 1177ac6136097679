"""A run that sizes by Kelly and trades within a band: fitted, kept, loaded, repeated, refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.execution import decide, targets
from regimen.policies import KellyRule
from regimen.records import RunConfig, read_json
from regimen.runs import find_run_leaks, reproduce_run, start
from regimen.runs.backtests import backtest_run
from regimen.runs.prepare import prepare
from regimen.runs.signals import signal_of
from regimen.runs.window import load_policy

from .conftest import silent

Configured = Callable[..., RunConfig]
KELLY = "exposure={kind: kelly, shrink: false, fraction: 0.25}"
COMMITTEE = "model={kind: ensemble, members: [{kind: logistic}, {kind: baseline, hidden: [8]}]}"
BAND = "band={kind: no_trade}"


@pytest.mark.parametrize(
    "words",
    [
        (KELLY.replace("false", "true"), COMMITTEE),
        pytest.param((KELLY, BAND), marks=pytest.mark.slow),
        pytest.param((BAND, "exposure.long_only=true"), marks=pytest.mark.slow),
    ],
)
def test_a_run_trades_what_it_would_trade_bar_by_bar_and_after_loading(
    configured: Configured, tmp_path: Path, words: tuple[str, ...]
) -> None:
    config = configured("training.epochs=2", *words)
    directory, _ = start(config, tmp_path / "runs", silent)
    prepared = prepare(config)
    window, folder = prepared.windows[1], directory.window(1)
    policy = load_policy(folder, config, prepared.features.hash)
    kept = np.load(folder / "exposures.npy")
    np.testing.assert_array_equal(targets(policy, prepared.history, window.test.start, window.test.stop), kept)
    state = policy.initial_state(1)
    for t in range(window.test.start):
        state = policy.watch(prepared.history.at(t), state)
    for t in range(window.test.start, window.test.start + 30):
        row, state = decide(policy, prepared.history.at(t), state)
        np.testing.assert_array_equal(row, kept[t - window.test.start])
    assert np.abs(kept).max() <= 1.0
    if "exposure.long_only=true" in words:
        assert kept.min() >= 0.0
    assert not reproduce_run(directory, silent).differing


def test_what_kelly_was_fitted_to_is_kept(configured: Configured, tmp_path: Path) -> None:
    config = configured("training.epochs=2", "exposure={kind: kelly}")
    directory, _ = start(config, tmp_path / "runs", silent)
    prepared, folder = prepare(config), directory.window(0)
    names = {"means", "deviations", "round_trip", "slope", "standard_error", "shrinkage"}
    assert set(read_json(folder / "exposure.json")) == names
    policy = load_policy(folder, config, prepared.features.hash)
    rule = getattr(policy, "rule", None)
    assert isinstance(rule, KellyRule)
    assert rule.round_trip == prepared.config.market.costs.round_trip
    train = prepared.windows[0].train
    buys = train.take(prepared.labels.forward_return)[train.take(prepared.labels.y) == 2]
    assert rule.means[2] == buys.mean()
    (folder / "exposure.json").write_text(json.dumps({"means": [1.0]}))
    with pytest.raises(RunError, match="exposure: must have the means that the rule was fitted to"):
        load_policy(folder, config, prepared.features.hash)


def test_a_band_that_was_changed_is_damage(configured: Configured, tmp_path: Path) -> None:
    directory, _ = start(configured("training.epochs=2", BAND), tmp_path / "runs", silent)
    file = directory.window(0) / "band.json"
    file.write_text(file.read_text().replace("width", "breadth"))
    with pytest.raises(RunError, match=r"band\.json"):
        backtest_run(directory, None, (), silent)
    with pytest.raises(RunError, match=r"band\.json"):
        signal_of(directory, None, (), silent)


def test_before_there_were_others_a_run_had_the_same_hash(configured: Configured) -> None:
    plain = configured()
    assert configured("exposure.kind=lean").hash == plain.hash
    assert "kind" not in plain.as_dict()["exposure"]
    assert "band" not in plain.as_dict()
    others = [configured("exposure={kind: kelly}"), configured(BAND), configured("band.width=0.2")]
    assert len({plain.hash, *(config.hash for config in others)}) == 4
    assert all(RunConfig.model_validate(config.as_dict()) == config for config in others)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("exposure={kind: kelly}", "calibration=none"), "exposure.kind must be lean with calibration none"),
        (
            ("exposure={kind: kelly}", "model={kind: momentum}", "training={}"),
            "exposure.kind must be lean with a model of kind momentum, which says no probabilities of the classes",
        ),
        (
            ("exposure={kind: kelly}", "model={kind: ppo}", "training={}"),
            "exposure.kind must be lean with a model of kind ppo, which says no probabilities of the classes",
        ),
        (
            ("exposure={kind: kelly}", "model={kind: ensemble, members: [{kind: logistic}, {kind: momentum}]}"),
            "exposure.kind must be lean with a model of kind ensemble, which says no probabilities of the classes",
        ),
        (("exposure={kind: kelly, fraction: 1.5}",), r"^exposure\.fraction: must be less than or equal to 1"),
        (("exposure={kind: kelly, dead_band: 0.1}",), r"^exposure\.dead_band: is not a known key"),
        (
            ("exposure={kind: keli}",),
            r"^exposure\.kind: must be one of 'lean', 'kelly' \(did you mean 'kelly'\?\); got 'keli'",
        ),
        (("band.width=-1",), r"^band\.width: must be optimal, or a number of at least 0; got -1"),
        (("band.width=wide",), r"^band\.width: must be optimal, or a number of at least 0; got 'wide'"),
        (("band.target=middle",), r"^band\.target: must be 'edge' or 'aim'"),
        (("band={kind: tradeless}",), r"^band\.kind: must be 'no_trade'"),
    ],
)
def test_bad_input_is_one_line(configured: Configured, words: tuple[str, ...], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        configured("exposure={}", *words)


def test_the_leak_search_finds_the_sizes_clean(configured: Configured) -> None:
    report = find_run_leaks(configured("training.epochs=2", "exposure={}", KELLY, BAND), silent)
    assert report.leaks == ()


def test_kelly_bets_nothing_on_what_could_not_be_calibrated(
    configured: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regimen.runs.families.calibrated_rule.FEWEST", 10**9)
    config = configured("training.epochs=2", KELLY)
    directory, _ = start(config, tmp_path / "runs", silent)
    prepared, folder = prepare(config), directory.window(0)
    policy = load_policy(folder, config, prepared.features.hash)
    assert not np.load(folder / "exposures.npy").any()
    assert not targets(policy, prepared.history, *(prepared.windows[0].test.start, prepared.windows[0].test.stop)).any()
