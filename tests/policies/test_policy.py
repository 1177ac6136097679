"""Policies, and the two ways of asking them that must agree to the last bit: bar by bar, and a span at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from regimen.bars import Bars, listed
from regimen.errors import DataError, RunError
from regimen.execution import Market, Moment
from regimen.policies import (
    ClassifierPolicy,
    Constant,
    ExposureConfig,
    History,
    ObservationSchema,
    Policy,
    Preprocessed,
    decide,
    lean,
    preprocessed,
    targets,
)
from regimen.predictors import BaselineConfig, LSTMConfig
from regimen.preprocess import Chain, RunningScaler


def _market(time: int = 40, symbols: int = 3, features: int = 6) -> History:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(time, symbols, features))
    values[:5] = np.nan  # not warm
    values[20, 1 % symbols, features // 2] = np.nan
    present = rng.random((time, symbols)) > 0.2
    values[~present] = np.nan
    return _history(values, present, rng.uniform(0.05, 0.5, (time, symbols)))


def _history(values: np.ndarray, present: np.ndarray, volatility: np.ndarray | None = None) -> History:
    close = np.where(present, 100.0, np.nan)
    bars = Bars.from_arrays(
        np.arange(len(close)) * 86_400 * 10**9, open=close, high=close, low=close, close=close,
        symbols=tuple(f"s{k}" for k in range(close.shape[1])), time_unit="ns", checked=False
    )  # fmt: skip
    return Market().history(bars, values, volatility)


@dataclass(frozen=True)
class Twice:
    """A scaler that doubles."""

    names: tuple[str, ...] = tuple("abcdef")

    def transform(self, values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        assert names == self.names
        return values * 2.0


WRAPPED = ("preprocessed", "preprocessed window", "preprocessed memory")
CHAIN = Chain((("running", RunningScaler(tuple("abcdef"), 0.9, 1.5)),))


class Counter:
    """A policy with memory: its exposure is the number of whole rows it has seen, over 100."""

    schema = ObservationSchema(features="f", inputs=6)

    def initial_state(self, symbols: int) -> np.ndarray:
        return np.zeros((symbols, 1))

    def watch(self, moment: Moment, state: np.ndarray) -> np.ndarray:
        return self.act(moment, state)[1]

    def act(self, moment: Moment, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen = moment.present & np.isfinite(moment.features).all(axis=1)
        following = state + seen[:, None]
        return np.where(seen, following[:, 0] / 100.0, 0.0), following


def _policies() -> dict[str, Policy]:
    model = BaselineConfig(hidden=(8,), orthogonal=False).build(6, 3, schema="f")
    sequence = LSTMConfig(context=5, width=8, layers=1, heads=2).build(6, 3, schema="f")
    rule = ExposureConfig(dead_band=0.02, volatility_target=0.15)
    return {
        "classifier": ClassifierPolicy(model, ExposureConfig(dead_band=0.02), Twice()),
        "volatility": ClassifierPolicy(model, rule),
        "window": ClassifierPolicy(sequence, rule.model_copy(update={"dead_band": 0.0}), Twice()),
        "memory": Counter(),
        "preprocessed": Preprocessed(ClassifierPolicy(model, rule), CHAIN),
        "preprocessed window": Preprocessed(
            ClassifierPolicy(sequence, rule.model_copy(update={"dead_band": 0.0})), CHAIN
        ),
        "preprocessed memory": Preprocessed(Counter(), CHAIN),
        "constant": Constant(0.7),
    }


@pytest.mark.parametrize("name", ["classifier", "volatility", "window", "memory", "constant", *WRAPPED])
def test_bar_by_bar_equals_all_at_once(name: str) -> None:
    policy, history = _policies()[name], _market()
    whole = targets(policy, history)
    state = policy.initial_state(3)
    rows = []
    for t in range(len(whole)):
        before = state.copy()
        row, following = decide(policy, history.at(t), state)
        np.testing.assert_array_equal(state, before)
        rows.append(row)
        state = following
    np.testing.assert_array_equal(whole, rows)
    present = history.bars.present
    np.testing.assert_array_equal(np.isnan(whole), ~present)
    if name != "constant":
        assert (whole[:5][present[:5]] == 0.0).all()  # not warm
    assert np.nanmax(np.abs(whole)) > 0.0
    np.testing.assert_array_equal(targets(policy, history, 17, 33), whole[17:33])


def test_exposures_are_scaler_predictor_and_rule_by_hand() -> None:
    policy, history = _policies()["classifier"], _market()
    assert isinstance(policy, ClassifierPolicy)
    present = history.bars.present
    t, symbol = 30, int(np.flatnonzero(present[30])[0])
    probabilities = policy.classifier.predict_proba(2.0 * history.features[t, symbol][None])
    expected = lean(policy.rule, probabilities)[0] / listed(present)[t].sum()
    assert targets(policy, history)[t, symbol] == pytest.approx(expected, abs=1e-6)


def test_a_preprocessed_policy_sees_what_the_chain_leaves() -> None:
    history = _market()
    below = _policies()["preprocessed"].policy  # type: ignore[attr-defined]
    scaled = _history(CHAIN.scan(history.features), history.bars.present, history.volatility)
    np.testing.assert_array_equal(targets(_policies()["preprocessed"], history), targets(below, scaled))
    np.testing.assert_array_equal(preprocessed(history, CHAIN).features, scaled.features)
    assert preprocessed(history, Chain()) is history
    ghost = history.features.copy()
    ghost[~history.bars.present] = 1e6  # features without a bar change nothing
    other = _history(ghost, history.bars.present, history.volatility)
    np.testing.assert_array_equal(preprocessed(other, CHAIN).features, scaled.features)
    policy, state = _policies()["preprocessed"], np.zeros((3, CHAIN.memory))
    for t in range(len(ghost)):
        row, state = decide(policy, other.at(t), state)
        np.testing.assert_array_equal(row, targets(policy, history)[t])


def test_a_state_stands_still_while_there_is_nothing_to_see() -> None:
    history = _market()
    present = history.bars.present
    seen = present & np.isfinite(history.features).all(axis=-1)
    expected = np.where(seen, np.cumsum(seen, axis=0) / 100.0, 0.0)
    expected /= np.maximum(listed(present).sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(targets(Counter(), history)[present], expected[present])


def test_the_future_does_not_matter() -> None:
    history = _market()
    poisoned = history.features.copy()
    poisoned[25:] = 1e3
    other = _history(poisoned, history.bars.present, history.volatility)
    for policy in _policies().values():
        np.testing.assert_array_equal(targets(policy, history)[:25], targets(policy, other)[:25])


def test_many_rows_go_in_blocks() -> None:
    features = np.random.default_rng(0).normal(size=(70_000, 1, 6))
    history = _history(features, np.ones((70_000, 1), dtype=bool))
    policy = _policies()["classifier"]
    np.testing.assert_array_equal(targets(policy, history)[-10:], targets(policy, history, 69_990))


def test_inputs_stay_as_they_were() -> None:
    history = _market()
    assert history.volatility is not None
    copies = history.features.copy(), history.volatility.copy()
    targets(_policies()["volatility"], history)
    for old, new in zip(copies, (history.features, history.volatility), strict=True):
        np.testing.assert_array_equal(old, new)


def test_constant_shares_among_the_symbols_present() -> None:
    present = np.array([[True, True], [True, False], [True, False]])
    got = targets(Constant(0.8), _history(np.zeros((3, 2, 0)), present))
    np.testing.assert_array_equal(got, [[0.4, 0.4], [0.8, np.nan], [0.8, np.nan]])
    with pytest.raises(RunError, match="exposure: must be finite; got nan"):
        Constant(float("nan"))


def test_a_backtest_of_a_policy_is_that_of_its_targets() -> None:
    history = _market()
    rng = np.random.default_rng(1)
    close = np.where(history.bars.present, 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (40, 3)), axis=0)), np.nan)
    bars = Bars.from_arrays(
        history.bars.time, open=close, high=close, low=close, close=close, symbols=history.bars.symbols, checked=False
    )
    market, policy = Market(), _policies()["volatility"]
    one = market.backtest(bars, policy, 10, 35, features=history.features, volatility=history.volatility)
    rows = np.full(bars.shape, np.nan)
    rows[10:35] = targets(policy, history, 10, 35)
    two = market.backtest(bars, rows, 10, 35)
    np.testing.assert_array_equal(one.equity, two.equity)
    assert one.equity[-1] != one.equity[0]
    with pytest.raises(RunError, match="features: must have the 6 columns of the policy; got 0"):
        market.backtest(bars, policy)
    with pytest.raises(RunError, match="volatility: must be given to a policy that observes it"):
        market.backtest(bars, policy, features=history.features)


def test_a_history_of_other_shapes_is_one_line() -> None:
    history = _market()
    for features, volatility, line in (
        (history.features[1:], None, r"features: must have the shape \(40, 3\) \+ \(feature,\) of the bars"),
        (history.features, np.ones((40, 2)), r"volatility: must have the shape \(40, 3\) of the bars"),
        ("none", None, "features: must be a frame or numbers"),
    ):
        with pytest.raises(DataError, match=line):
            Market().history(history.bars, features, volatility)
