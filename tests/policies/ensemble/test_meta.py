"""A second model's say over a first one's decisions: the formula, what is not known, and both memories."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import random_walk

from regimen import Market
from regimen.errors import ConfigError
from regimen.execution import History, decide, targets
from regimen.policies import ClassifierPolicy, ExposureConfig, Momentum
from regimen.policies.ensemble import MetaPolicy
from regimen.policies.ensemble.meta import paying_probability

Floats = np.ndarray
RULE = ExposureConfig(dead_band=0.0)


class Plain:
    """A scaler that only rounds, as those of networks do."""

    names = ("a", "b", "primary")

    def transform(self, values: Floats, _names: tuple[str, ...]) -> Floats:
        return values.astype(np.float32)


class Certain:
    """A classifier of rows or windows: P(BUY) is the first column of the last row, P(HOLD) a tenth."""

    inputs, schema = 3, ""

    def __init__(self, context: int = 1, weight: float = 0.0) -> None:
        self.context, self.weight = context, weight

    def predict_proba(self, x: object) -> Floats:
        rows = np.asarray(x[:] if self.context > 1 else x, np.float32)  # type: ignore[index]
        last, older = (rows[:, -1], rows[:, :-1, 2].sum(axis=1)) if rows.ndim == 3 else (rows, 0.0)
        p = np.clip(last[:, 0] + 0.01 * last[:, 2] + self.weight * older, 0.0, 0.9)
        return np.stack([0.9 - p, np.full(len(p), 0.1), p], axis=1)


def history(bars: int = 120, symbols: int = 2) -> History:
    market = random_walk(bars, symbols)
    features = np.random.default_rng(1).uniform(0.2, 0.7, (bars, symbols, 2))
    features[:10] = np.nan
    features[50, 0] = np.nan
    return Market().history(market, features)


def walked(policy: MetaPolicy, seen: History, start: int, stop: int) -> Floats:
    state, rows = policy.initial_state(len(seen.bars.symbols)), []
    for t in range(stop):
        if t < start:
            state = policy.watch(seen.at(t), state)
        else:
            row, state = decide(policy, seen.at(t), state)
            rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("size", [False, True])
def test_the_primary_acts_where_the_probability_that_it_pays_is_above_the_threshold(size: bool) -> None:
    seen, primary = history(), Momentum(5, RULE)
    policy = MetaPolicy(primary, ClassifierPolicy(Certain(), RULE), 0.5, size)
    alone = primary.exposures(seen, 0, 120)
    found = policy.exposures(seen, 0, 120)
    p = (seen.features[..., 0] + 0.01 * alone) / 0.9
    expected = np.where(p > 0.5, alone * ((p - 0.5) / 0.5 if size else 1.0), 0.0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found[:10] == 0.0).all()
    assert found[50, 0] == 0.0  # it does not know
    assert 0.2 < np.mean(found != 0.0) < 0.8


@pytest.mark.parametrize("context", [1, 4])
def test_many_bars_at_once_are_those_bars_one_after_the_other(context: int) -> None:
    seen = history()
    policy = MetaPolicy(
        Momentum(5, RULE), ClassifierPolicy(Certain(context, weight=0.03), RULE, Plain()), 0.55, size=True
    )
    for start in (0, 40):
        np.testing.assert_array_equal(targets(policy, seen, start, 110), walked(policy, seen, start, 110))
    widths = [each.initial_state(2).shape[1] for each in (policy, policy.primary, policy.secondary)]
    assert widths[0] == widths[1] + widths[2]


class Keeps:
    """Keeps the first symbol, and is long the second."""

    schema = Momentum(5, RULE).schema

    def initial_state(self, symbols: int) -> Floats:
        return np.zeros((symbols, 0))

    def watch(self, _moment: object, state: Floats) -> Floats:
        return state

    def act(self, _moment: object, state: Floats) -> tuple[Floats, Floats]:
        return np.array([np.nan, 1.0]), state


def test_a_primary_that_keeps_is_kept_and_is_shown_as_nothing() -> None:
    seen = history()
    policy = MetaPolicy(Keeps(), ClassifierPolicy(Certain(), RULE), 0.0)
    found = policy.exposures(seen, 20, 30)
    assert np.isnan(found[:, 0]).all()
    assert (found[:, 1] == 1.0).all()


def test_hold_says_nothing_and_nothing_known_is_nan() -> None:
    nan = np.nan
    rows = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [nan, nan, nan], [0.0, 0.2, 0.8]])
    np.testing.assert_allclose(paying_probability(rows), [0.6, nan, nan, 1.0])


def test_models_of_other_features_are_refused() -> None:
    class Wide(Certain):
        inputs = 5

    with pytest.raises(
        ConfigError, match=r"^model\.primary: must read the 4 columns that the second model reads; got 3"
    ):
        MetaPolicy(ClassifierPolicy(Certain(), RULE), ClassifierPolicy(Wide(), RULE))
