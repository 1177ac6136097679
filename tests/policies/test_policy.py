"""Observations, policies, and the two ways of asking them that must agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from regimen.bars import listed
from regimen.errors import RunError
from regimen.policies import (
    ClassifierPolicy,
    Constant,
    ExposureConfig,
    ObservationSchema,
    Policy,
    decide,
    lean,
    observe,
    targets,
)
from regimen.predictors import BaselineConfig, LSTMConfig

# SHA-256 of "observation 1||0|False|False" by `sha256sum`; saved policies carry it, so it may never drift.
GOLDEN = "f40b03afa5200afe891da16c90a9942fe5d4c1ea96f2d7977c5e3b25d9e6ae52"


def _market(time: int = 40, symbols: int = 3, features: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(time, symbols, features))
    values[:5] = np.nan  # not warm
    values[20, 1, 3] = np.nan
    present = rng.random((time, symbols)) > 0.2
    values[~present] = np.nan
    return values, rng.uniform(0.05, 0.5, (time, symbols)), present


@dataclass(frozen=True)
class Twice:
    """A scaler that doubles."""

    names: tuple[str, ...] = tuple("abcdef")

    def transform(self, values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        assert names == self.names
        return values * 2.0


class Counter:
    """A policy with memory: its exposure is the number of bars it has seen, over 100."""

    schema = ObservationSchema(features="f", inputs=6)

    def initial_state(self, n: int) -> np.ndarray:
        return np.zeros((n, 1))

    def act(self, observation: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert np.isfinite(observation).all()
        following = state + 1.0
        return following[:, 0] / 100.0, following


def _policies() -> dict[str, Policy]:
    model = BaselineConfig(hidden=(8,), orthogonal=False).build(6, 3, schema="f")
    sequence = LSTMConfig(window=5, width=8, layers=1, heads=2).build(6, 3, schema="f")
    rule = ExposureConfig(dead_band=0.02, volatility_target=0.15)
    return {
        "classifier": ClassifierPolicy(model, ExposureConfig(dead_band=0.02), Twice()),
        "volatility": ClassifierPolicy(model, rule),
        "window": ClassifierPolicy(sequence, rule.model_copy(update={"dead_band": 0.0}), Twice()),
        "memory": Counter(),
        "constant": Constant(0.7),
    }


@pytest.mark.parametrize("name", ["classifier", "volatility", "window", "memory", "constant"])
def test_bar_by_bar_equals_all_at_once(name: str) -> None:
    policy = _policies()[name]
    features, volatility, present = _market()
    if policy.schema.inputs == 0:
        features = features[..., :0]
    observations = observe(policy.schema, features, volatility=volatility if policy.schema.volatility else None)
    whole = targets(policy, observations, present)
    state, listing = policy.initial_state(3), listed(present)
    rows = []
    for t in range(len(observations)):
        row, state = decide(policy, observations[t], present[t], state, listing[t])
        rows.append(row)
    np.testing.assert_allclose(whole, rows, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(np.isnan(whole), ~present)
    if name != "constant":
        assert (whole[:5][present[:5]] == 0.0).all()  # not warm
    assert np.nanmax(np.abs(whole)) > 0.0


def test_exposures_are_scaler_predictor_and_rule_by_hand() -> None:
    policy = _policies()["classifier"]
    assert isinstance(policy, ClassifierPolicy)
    features, _, present = _market()
    got = policy.exposures(features, present=present)
    t, symbol = 30, int(np.flatnonzero(present[30])[0])
    probabilities = policy.classifier.predict_proba(2.0 * features[t, symbol][None])
    expected = lean(policy.rule, probabilities)[0] / listed(present)[t].sum()
    assert got[t, symbol] == pytest.approx(expected, abs=1e-6)


def test_a_state_stands_still_while_there_is_nothing_to_see() -> None:
    features, _, present = _market()
    seen = present & np.isfinite(features).all(axis=-1)
    whole = targets(Counter(), features, present)
    expected = np.where(seen, np.cumsum(seen, axis=0) / 100.0, 0.0) / np.maximum(
        listed(present).sum(axis=1, keepdims=True), 1
    )
    np.testing.assert_allclose(whole[present], expected[present])


def test_the_future_does_not_matter() -> None:
    for policy in (_policies()["classifier"], Counter()):
        features, _, present = _market()
        poisoned = features.copy()
        poisoned[25:] = 1e3
        first, second = targets(policy, features, present), targets(policy, poisoned, present)
        np.testing.assert_array_equal(first[:25], second[:25])


def test_windows_all_at_once_equal_the_memory_bar_by_bar() -> None:
    policy = _policies()["window"]
    assert isinstance(policy, ClassifierPolicy)
    features, volatility, present = _market()
    bar_by_bar = targets(policy, observe(policy.schema, features, volatility=volatility), present)
    whole = policy.exposures(features, volatility=volatility, present=present)
    np.testing.assert_allclose(whole, bar_by_bar, rtol=0, atol=1e-6)
    later = policy.exposures(features, volatility=volatility, present=present, start=20)
    np.testing.assert_allclose(later, whole[20:], rtol=0, atol=1e-6)


def test_many_rows_go_in_blocks() -> None:
    policy = _policies()["classifier"]
    features = np.random.default_rng(0).normal(size=(70_000, 1, 6))
    present = np.ones((70_000, 1), dtype=bool)
    whole = targets(policy, features, present)
    np.testing.assert_allclose(whole[-10:], targets(policy, features[-10:], present[-10:]), rtol=0, atol=1e-6)


def test_inputs_stay_as_they_were() -> None:
    features, volatility, present = _market()
    copies = [array.copy() for array in (features, volatility, present)]
    policy = _policies()["volatility"]
    assert isinstance(policy, ClassifierPolicy)
    policy.exposures(features, volatility=volatility, present=present)
    for old, new in zip(copies, (features, volatility, present), strict=True):
        np.testing.assert_array_equal(old, new)


def test_constant_shares_among_the_symbols_present() -> None:
    present = np.array([[True, True], [True, False], [False, False]])
    got = targets(Constant(0.8), np.zeros((3, 2, 0)), present)
    np.testing.assert_array_equal(got, [[0.4, 0.4], [0.8, np.nan], [np.nan, np.nan]])
    with pytest.raises(RunError, match="exposure: must be finite; got nan"):
        Constant(float("nan"))


def test_observation_columns_in_their_order() -> None:
    schema = ObservationSchema(features="f", inputs=2, volatility=True, account=True)
    row = observe(schema, np.array([1.0, 2.0]), volatility=np.array(0.3), account=np.array([0.5, 0.6, 1.1]))
    np.testing.assert_array_equal(row, [1.0, 2.0, 0.3, 0.5, 0.6, 1.1])
    assert schema.width == 6
    batch = observe(
        schema,
        np.tile(row[:2], (4, 3, 1)),
        volatility=np.full((4, 3), 0.3),
        account=np.tile(row[3:], (4, 3, 1)),
    )
    np.testing.assert_array_equal(batch, np.tile(row, (4, 3, 1)))
    features = np.ones((5, 2))
    assert observe(ObservationSchema("f", 2), features) is features


def test_the_schema_hash_sees_every_field_and_stays() -> None:
    schemas = [
        ObservationSchema(),
        ObservationSchema("f"),
        ObservationSchema("f", 2),
        ObservationSchema("f", 2, volatility=True),
        ObservationSchema("f", 2, account=True),
        ObservationSchema("f", 2, volatility=True, account=True),
    ]
    assert len({schema.hash for schema in schemas}) == len(schemas)
    assert ObservationSchema().hash == GOLDEN
    with pytest.raises(RunError, match="must have the schema f of the policy; got 'g'"):
        schemas[2].require_features("g")


def test_bad_observations_are_one_line() -> None:
    schema = ObservationSchema("f", 2, volatility=True)
    rows = np.ones((4, 2))
    policy = Constant(1.0)
    for call, line in (
        (lambda: observe(schema, rows), "observation: volatility: must be given"),
        (lambda: observe(ObservationSchema("f", 2), rows, volatility=rows[:, 0]), "must not be given"),
        (lambda: observe(schema, np.ones((4, 3)), volatility=rows[:, 0]), "must have 2 columns"),
        (lambda: observe(schema, rows, volatility=rows), r"must have shape \(4,\)"),
        (
            lambda: targets(policy, np.ones((4, 2, 1)), np.ones((4, 2), dtype=bool)),
            r"must have shape \(4, 2, 0\)",
        ),
        (lambda: decide(policy, np.ones((2, 1)), np.ones(2, dtype=bool), np.zeros((2, 0))), r"\(2, 0\)"),
    ):
        with pytest.raises(RunError, match=line):
            call()


def test_a_policy_that_observes_its_account_runs_bar_by_bar_only() -> None:
    class Watcher(Counter):
        schema = ObservationSchema("f", 1, account=True)

    with pytest.raises(RunError, match="must not observe the account"):
        targets(Watcher(), np.zeros((4, 1, 4)), np.ones((4, 1), dtype=bool))
    row, _ = decide(Watcher(), np.zeros((1, 4)), np.ones(1, dtype=bool), np.zeros((1, 1)))
    np.testing.assert_array_equal(row, [0.01])
