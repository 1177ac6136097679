"""What stands around a served policy hands on what the policy inside says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bundle import Decided
from regimen.bundle.classifier import ServedClassifier
from regimen.bundle.rule import served_rule
from regimen.bundle.surrounding import surrounded_by
from regimen.execution import Moment, Policy
from regimen.observation import ObservationSchema
from regimen.policies import Banded, Constant, NoTradeBand, NoTradeConfig

Floats = NDArray[np.float64]
ALL = np.ones(3, np.bool_)


class Counting:
    """A graph that counts the bars of each symbol, and is as sure as its first column."""

    name, width, memory, details = "counting.onnx", 2, 1, 2

    def __call__(self, rows: Floats, state: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Returns the second column as exposure, and both as details."""
        return rows[:, 1], rows[:, 0], state + 1.0, rows.copy()


def _moment(features: Floats, present: NDArray[np.bool_] = ALL) -> Moment:
    return Moment(None, features, present, present)  # type: ignore[arg-type]


def _inside() -> ServedClassifier:
    return ServedClassifier(Counting(), ObservationSchema(inputs=2))


ROWS = np.array([[0.1, 0.5], [0.2, -0.5], [0.3, 0.0]])


def test_a_classifier_keeps_the_memory_of_what_it_does_not_see() -> None:
    served = _inside()
    state = served.decided(_moment(ROWS), served.initial_state(3)).state
    features = ROWS.copy()
    features[1, 0] = np.nan
    decided = served.decided(_moment(features, np.array([True, True, False])), state)
    np.testing.assert_array_equal(decided.state[:, 0], [2.0, 1.0, 1.0])
    np.testing.assert_array_equal(decided.exposures, [0.5, 0.0, 0.0])
    np.testing.assert_array_equal(decided.confidence, [0.1, np.nan, np.nan])
    np.testing.assert_array_equal(decided.details[0], [0.1, 0.5])
    assert np.isnan(decided.details[1:]).all()
    np.testing.assert_array_equal(served.watch(_moment(features, ~ALL), state), state)
    np.testing.assert_array_equal(served.watch(_moment(ROWS), state), state + 1.0)


def test_what_is_inside_is_heard_through_a_band() -> None:
    band = NoTradeBand(NoTradeConfig(width=0.1), 0.1)

    def around(policy: Policy) -> Policy:
        return Banded(policy, band)

    served = surrounded_by(_inside(), 2, around)
    plain = Banded(_inside(), band)
    mine, other = served.initial_state(3), plain.initial_state(3)
    assert np.isnan(mine[:, -3:]).all()
    for rows in (ROWS, ROWS + 0.03, -ROWS):
        expected, other = plain.act(_moment(rows), other)
        decided = served.decided(_moment(rows), mine)
        exposures, _ = served.act(_moment(rows), mine)
        np.testing.assert_array_equal(decided.exposures, expected)
        np.testing.assert_array_equal(exposures, expected)
        np.testing.assert_array_equal(decided.confidence, rows[:, 0])
        np.testing.assert_array_equal(decided.details, rows)
        np.testing.assert_array_equal(decided.state[:, :-3], other)
        mine = decided.state
    watched = served.watch(_moment(ROWS), mine)
    np.testing.assert_array_equal(watched[:, -3:], mine[:, -3:])
    assert (watched[:, 1] == mine[:, 1] + 1.0).all()


def test_a_rule_is_as_confident_as_its_exposure_is_large() -> None:
    served = served_rule(Constant(-0.5), 2.0)
    decided = served.decided(_moment(ROWS), served.initial_state(3))
    assert isinstance(decided, Decided)
    np.testing.assert_array_equal(decided.confidence, [0.25, 0.25, 0.25])
    np.testing.assert_array_equal(decided.details, np.full((3, 1), -0.5))
    assert served_rule(Constant(3.0), 2.0).decided(_moment(ROWS), np.zeros((3, 0))).confidence.max() == 1.0
