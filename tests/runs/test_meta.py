"""Meta-labels in a run: a state that tells when a primary is right is found, noise is not, and nothing looks ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import ConfigError, RegimenError
from regimen.execution import decide, targets
from regimen.labels import BUY, SELL, UNDEFINED, FixedHorizonConfig, label
from regimen.numerals import number, percent
from regimen.records import MetaConfig, RunConfig, choose_model, parts_of, read_json, resolve, unread_by
from regimen.records.layout import EXPOSURES
from regimen.runs import find_run_leaks, reproduce_run, start
from regimen.runs.families.ensembles.members import inside
from regimen.runs.families.meta import family
from regimen.runs.families.meta.decisions import decided_by, meta_labels
from regimen.runs.families.meta.family import MetaFit, _stages
from regimen.runs.prepare import Prepared, prepare
from regimen.runs.window import fit_model, load_policy, read_exposures
from regimen.splits import WalkForwardConfig

from .conftest import silent

Configured = Callable[..., RunConfig]
BARS = 3_000
LEARNED = "model={kind: meta, primary: {kind: logistic}, secondary: {kind: logistic}, folds: 3}"
RULE = "model={kind: meta, primary: {kind: momentum, lookback: 3}, secondary: {kind: logistic}}"


def planted(right: float, seed: int = 0) -> Bars:
    """Bars of ± 1 %, each in the direction of the last with probability ``right`` where volume is large, else 1 − that.

    So the sign of the last bar is right half of the time, and the volume at its close says when.
    """
    rng = np.random.default_rng(seed)
    large = rng.random(BARS) < 0.5
    same = rng.random(BARS) < np.where(np.roll(large, 1), right, 1.0 - right)
    signs = np.cumprod(np.where(same, 1.0, -1.0))
    close = 100.0 * np.cumprod(1.0 + 0.01 * signs)
    opens = np.concatenate([[100.0], close[:-1]])
    return Bars.from_arrays(
        np.datetime64("2021-01-01T00", "h") + np.arange(BARS), open=opens, high=np.maximum(opens, close),
        low=np.minimum(opens, close), close=close, volume=np.where(large, 300.0, 100.0), checked=False
    )  # fmt: skip


def simulated(bars: Bars, **model: object) -> RunConfig:
    return RunConfig.model_validate(
        {
            "data": bars,
            "features": {"kind": "indicators", "columns": ["volume_sma_ratio", "rsi_14"]},
            "labels": {"horizon": 1, "dead_band": 0.0, "volatility_bars": 10},
            "splits": {"train": 2_000, "test": 900, "embargo": 5},
            "model": {"kind": "meta", "primary": {"kind": "momentum", "lookback": 1}, **model},
            "training": {"epochs": 20, "patience": None, "batch_size": 256, "learning_rate": 0.01},
            "market": {"costs": {"commission_bps": 1.0, "half_spread_bps": 1.0}},
        }
    )


def precision(prepared: Prepared, exposures: np.ndarray) -> tuple[float, int]:
    """At what share of the bars at which a policy acts it is on the right side, and how many these are."""
    window = prepared.windows[0].test
    earned = exposures * prepared.labels.forward_return[window.start : window.stop]
    acts = (exposures != 0.0) & np.isfinite(earned)
    return float(np.mean(earned[acts] > 0.0)), int(acts.sum())


@pytest.mark.parametrize(("right", "least", "most"), [(0.9, 0.86, 0.94), (0.7, 0.65, 0.75)])
def test_the_state_in_which_the_primary_is_right_is_found(right: float, least: float, most: float) -> None:
    prepared = prepare(simulated(planted(right)))
    window = prepared.windows[0]
    fit = fit_model(prepared, window, 0)
    assert isinstance(fit, MetaFit)
    alone = fit.primary.policy.exposures(prepared.history, window.test.start, window.test.stop)  # type: ignore[attr-defined]
    share, acted = precision(prepared, alone)
    assert acted == 900
    assert share == pytest.approx(0.5, abs=0.05)
    share, acted = precision(prepared, targets(fit.policy, prepared.history, window.test.start, window.test.stop))
    assert 380 < acted < 520  # the half of the bars at which volume is large
    assert least < share < most
    assert fit.paid == pytest.approx(0.5, abs=0.05)


def test_on_noise_nothing_is_found() -> None:
    right = total = 0.0
    for seed in range(3):
        prepared = prepare(simulated(planted(0.5, seed), threshold=0.48))
        window = prepared.windows[0]
        policy = fit_model(prepared, window, 0).policy
        share, acted = precision(prepared, targets(policy, prepared.history, window.test.start, window.test.stop))
        right, total = right + share * acted, total + acted
    assert total > 300
    assert abs(right / total - 0.5) < 3 * 0.5 / np.sqrt(total)


def test_the_report_says_what_the_second_model_made_of_the_signals(tmp_path: Path) -> None:
    """Counted again from the targets that were traded, and the labels."""
    config = simulated(planted(0.9)).model_copy(update={"splits": WalkForwardConfig(train=2_000, test=450, embargo=5)})
    directory, _ = start(config, tmp_path / "runs", silent)
    (shown,) = (each for each in read_json(directory.path / "exhibits.json")["exhibits"] if each["key"] == "meta")
    prepared = prepare(config)
    before, after, total = [], [], np.zeros(2)
    for window, row in zip(prepared.windows, shown["rows"], strict=False):
        span = slice(window.test.start, window.test.stop)
        forward = prepared.labels.forward_return[span, 0]
        signs = np.sign(np.diff(prepared.bars.close[:, 0], prepend=np.nan))[span]  # of a momentum of one bar
        traded = read_exposures(directory.window(window.number) / EXPOSURES, (len(forward), 1))
        assert traded is not None
        known = np.isfinite(forward)
        acted, paid = known & (traded[:, 0] != 0.0), known & (signs * forward > config.market.costs.round_trip)
        before.append(paid[known].mean())
        after.append(paid[acted].mean())
        total += known.sum(), acted.sum()
        share = [percent(each) for each in (acted.sum() / known.sum(), before[-1], after[-1])]
        assert row == [row[0], str(known.sum()), *share]
    assert shown["rows"][-1][:3] == ["all windows", str(int(total[0])), percent(total[1] / total[0])]
    assert min(after) > 0.8 > 0.6 > max(before)
    gain = number(100.0 * float(np.mean(np.subtract(after, before))), 1, plus=True)
    assert f"It chose better than at random in {len(after)} of {len(after)} windows" in " ".join(shown["sentences"])
    assert f"is {gain} ± " in " ".join(shown["sentences"])
    assert [len(curve["y"]) for curve in shown["drawings"][0]["curves"]] == [len(after)] * 2


def test_a_decision_paid_where_its_side_earned_more_than_a_round_trip() -> None:
    bars = planted(0.6)
    labels = label(FixedHorizonConfig(horizon=3, volatility_bars=5), bars)
    decided = np.random.default_rng(0).choice([-0.7, 0.0, 0.3, np.nan], labels.shape)
    found = meta_labels(labels, decided, 0.012)
    for t in range(len(bars)):
        side, r = decided[t, 0], labels.forward_return[t, 0]
        if not side or np.isnan(side) or np.isnan(r):
            assert (found.y[t, 0], found.t_end[t, 0]) == (UNDEFINED, UNDEFINED)
            continue
        earned = r if side > 0 else -r
        assert found.y[t, 0] == (BUY if earned > 0.012 else SELL)
        assert found.t_end[t, 0] == labels.t_end[t, 0]
        assert found.forward_return[t, 0] == earned
    assert set(found.counts) == {"SELL", "HOLD", "BUY"}
    assert found.counts["HOLD"] == 0


def _decisions(prepared: Prepared, model: MetaConfig) -> np.ndarray:
    window = prepared.windows[0]
    policy = fit_model(replace(prepared, config=inside(prepared.config, model.primary)), window, 0).policy
    stages = _stages(None, None, model.folds)
    own = replace(prepared, config=inside(prepared.config, model.primary))
    return decided_by(model, own, window, policy, 0, stages)


def test_what_decides_a_part_of_the_training_slice_has_not_learned_from_it(configured: Configured) -> None:
    prepared = prepare(configured(LEARNED, "training.epochs=2", "splits.embargo=5"))
    model: Any = prepared.config.model
    window, labels = prepared.windows[0], prepared.labels
    before = _decisions(prepared, model)
    span = window.train.stop - window.train.start
    first, last = window.train.start + span // 3, window.train.start + 2 * span // 3
    mask = window.train.mask[:, 0]
    edges = np.flatnonzero(mask)
    first, last = int(edges[len(edges) // 3]), int(edges[2 * len(edges) // 3])
    # the second third says the opposite, and so does every label that shares a bar with it
    y = labels.y.copy()
    looked = labels.t_end[:, 0]
    touches = (np.arange(len(y)) < last + 5) & (looked >= first)
    y[touches & mask, 0] = 2 - y[touches & mask, 0]
    poisoned = replace(prepared, labels=replace(labels, y=y))
    after = _decisions(poisoned, model)
    np.testing.assert_array_equal(before[first:last], after[first:last])
    assert not np.array_equal(before[window.train.start : first], after[window.train.start : first])
    assert not np.array_equal(before[last : window.train.stop], after[last : window.train.stop])
    later = window.train.stop, window.validation.stop
    assert not np.array_equal(before[slice(*later)], after[slice(*later)])  # those of the whole slice
    assert (before[: window.train.start] == 0.0).all()
    assert (before[window.validation.stop :] == 0.0).all()


def test_an_agent_decides_a_part_having_learned_from_those_before(configured: Configured) -> None:
    agent = "{kind: ppo, hidden: [8], rollout_steps: 8, minibatch_size: 64}"
    prepared = prepare(
        configured(
            f"model={{kind: meta, primary: {agent}, folds: 3}}",
            "environment={steps: 512, n_envs: 16, episode_length: 40, evaluations: 0}",
        )
    )
    window, model = prepared.windows[0], prepared.config.model
    assert isinstance(model, MetaConfig)
    before = _decisions(prepared, model)
    edges = np.flatnonzero(window.train.mask[:, 0])
    first, last = int(edges[len(edges) // 3]), int(edges[2 * len(edges) // 3])
    assert (before[:first] == 0.0).all()
    bars = prepared.bars
    wild = np.where(np.arange(len(bars))[:, None] > first + 10, 1.5, 1.0)  # all that it earns from there on
    prices = {name: getattr(bars, name) * wild for name in ("open", "high", "low", "close")}
    poisoned = replace(prepared, loaded=replace(prepared.loaded, bars=replace(bars, **prices)))
    after = _decisions(poisoned, model)
    np.testing.assert_array_equal(before[first : first + 10], after[first : first + 10])
    assert before[first:last].any()
    assert before[last : window.train.stop].any()


@pytest.mark.parametrize(
    "words",
    [
        (RULE, "preprocess=[{kind: running, half_life: 100}]"),
        (
            LEARNED,
            "labels={weights: {uniqueness: true}, dead_band: .2, volatility_bars: 20}",
            "exposure.volatility_target=.5",
        ),
        pytest.param(
            (
                "model={kind: meta, primary: {kind: momentum, lookback: 3}, size: true, secondary: "
                "{kind: cnn, context: 8, width: 4, kernels: [3], dilations: [1]}}",
            ),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_trades_what_it_would_trade_bar_by_bar_and_after_loading(
    configured: Configured, tmp_path: Path, words: tuple[str, ...]
) -> None:
    config = configured("training.epochs=2", *words)
    directory, _ = start(config, tmp_path / "runs", silent)
    prepared = prepare(config)
    window = prepared.windows[1]
    kept = np.load(directory.window(1) / "exposures.npy")
    policy = load_policy(directory.window(1), prepared.config, prepared.features.hash)
    span = window.test.start, window.test.stop
    np.testing.assert_array_equal(targets(policy, prepared.history, *span), kept)
    state = policy.initial_state(1)
    for t in range(window.test.stop):
        moment = prepared.history.at(t)
        if t < window.test.start:
            state = policy.watch(moment, state)
        else:
            row, state = decide(policy, moment, state)
            np.testing.assert_array_equal(row, kept[t - window.test.start])
    assert 0.0 < np.mean(kept != 0.0) < 1.0
    facts = read_json(directory.window(1) / "history.json")
    assert 0 < facts["acted"] <= facts["rows"]
    assert 0.0 < facts["paid"] < 1.0
    assert read_json(directory.window(1) / "secondary" / "calibration.json")["state"] is not None  # of two classes
    assert not reproduce_run(directory, silent).differing


def test_a_fit_that_was_stopped_goes_on_to_the_same_bytes(configured: Configured, tmp_path: Path) -> None:
    prepared = prepare(configured("training.epochs=2", LEARNED))
    window = prepared.windows[0]

    def stop(part: int, of: int, message: str, numbers: Any) -> None:
        del numbers
        if part > of // 2 and "epoch" not in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_model(prepared, window, 0, tmp_path / "checkpoint", stop)
    assert len(list((tmp_path / "checkpoint").iterdir())) > 1
    exposures = [
        targets(fit_model(prepared, window, 0, folder).policy, prepared.history, window.test.start, window.test.stop)
        for folder in (tmp_path / "checkpoint", None)
    ]
    np.testing.assert_array_equal(exposures[0], exposures[1])


@pytest.mark.slow
def test_a_short_run_has_two_short_models(configured: Configured) -> None:
    short = family.short(configured("model={kind: meta, primary: {kind: lightgbm}, secondary: {kind: logistic}}"))
    assert isinstance(short.model, MetaConfig)
    assert short.model.primary.n_estimators == 10  # type: ignore[union-attr]
    assert short.model.folds == 2
    assert short.training.epochs == 2


def test_no_leak_is_found(configured: Configured) -> None:
    report = find_run_leaks(configured(LEARNED), silent)
    assert not report.leaks


def test_it_reads_what_its_models_read(configured: Configured) -> None:
    sections = ("preprocess", "scaler", "labels.weights", "training", "calibration", "exposure")
    assert set(MetaConfig().sections()) == set(MetaConfig.reads) == set(sections)
    assert unread_by(MetaConfig()) == ("augment", "environment")
    config = choose_model("meta", None, ["data.sample=sp500", "model.primary={kind: ppo}"]).config
    assert "environment" not in unread_by(config.model)
    places = [name for name, _ in parts_of(config)]
    assert places[places.index("model") + 1 :][:2] == ["model.primary", "model.secondary"]
    assert configured(RULE).hash != configured(RULE, "model.threshold=0.6").hash


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ({"primary": {"kind": "meta"}}, r"model\.primary\.kind: must be one of .*; got 'meta'"),
        ({"primary": {"kind": "ensemble"}}, r"model\.primary\.kind: must be one of .*; got 'ensemble'"),
        ({"secondary": {"kind": "momentum"}}, r"model\.secondary: .*must say probabilities, .*; got momentum"),
        ({"secondary": {"kind": "ppo"}}, r"model\.secondary: .*must say probabilities, .*; got ppo"),
        ({"exposure": {"kind": "kelly"}}, "exposure.kind must be lean with a model of kind meta"),
        ({"threshold": 1.0}, r"model\.threshold: must be less than 1; got 1"),
        ({"folds": 1}, r"model\.folds: must be greater than or equal to 2; got 1"),
    ],
)
def test_a_mistake_in_the_config_is_one_line(model: dict[str, Any], line: str) -> None:
    given = {"kind": "meta", **{name: value for name, value in model.items() if name != "exposure"}}
    with pytest.raises(ConfigError, match=line) as caught:
        resolve({"data": {"sample": "sp500"}, "exposure": model.get("exposure", {}), "model": given})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("exposure={dead_band: .99}", LEARNED),
            r"model\.primary: must act somewhere in window 1's training slice, but its exposure is 0 at all \d+ rows",
        ),
        (
            (RULE, "market.costs={commission_bps: 5000}"),
            r"model\.primary: must both pay and lose in window 1's training .* at which it acts it lost after costs",
        ),
        ((RULE, "training={select: sharpe, epochs: 2}"), r"training\.select: must be loss where a second model says"),
        ((RULE, "augment=[{kind: block_bootstrap}]"), "augment is not read by a model of kind meta: leave it out"),
        ((LEARNED, "splits.embargo=160"), r"folds \(fold \d of 3, .*must leave rows beside it"),
    ],
)
def test_what_cannot_be_learned_is_one_line(configured: Configured, words: tuple[str, ...], line: str) -> None:
    def attempt() -> None:
        prepared = prepare(configured("training.epochs=1", *words))
        fit_model(prepared, prepared.windows[0], 0)

    with pytest.raises(RegimenError, match=line) as caught:
        attempt()
    assert "\n" not in str(caught.value)
