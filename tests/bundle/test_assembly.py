"""`inside_of`: members with a graph and members without are one mixture, and each is asked once for all symbols."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.contracts.test_bar_by_bar import COLUMNS, COSTS, START, moments, panel

from regimen.bundle.assembly import inside_of
from regimen.bundle.manifest import Combined, Decider, Observed, ServedPart
from regimen.errors import RunError
from regimen.execution import MarketConfig, Moment
from regimen.features import FeatureSet
from regimen.observation import ObservationSchema
from regimen.policies.ensemble import HedgeConfig

FEATURES = FeatureSet.indicators().select(COLUMNS)
SCHEMA = ObservationSchema(features=FEATURES.hash, inputs=len(COLUMNS))


class Half:
    """A graph that wants half of what there is, and counts the rows that it is asked for."""

    name, width, memory, details = "decision-0.onnx", len(COLUMNS), 0, 3

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, rows: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, ...]:
        self.asked.append(len(rows))
        return np.full(len(rows), 0.5), np.ones(len(rows)), state, np.full((len(rows), 3), 1.0 / 3.0)


class Whole:
    """A policy without a graph that wants all of it, and counts the symbols that it is asked for."""

    schema = SCHEMA

    def __init__(self) -> None:
        self.asked: list[int] = []

    def initial_state(self, symbols: int) -> np.ndarray:
        return np.zeros((symbols, 0))

    def watch(self, moment: Moment, state: np.ndarray) -> np.ndarray:
        del moment
        return state

    def act(self, moment: Moment, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        del moment
        self.asked.append(len(state))
        return np.ones(len(state)), state


def decider() -> Decider:
    observed = Observed.of(SCHEMA)
    details = ("probability SELL", "probability HOLD", "probability BUY")
    return Decider(
        members=(
            ServedPart(served="classifier", graph="decision-0.onnx", details=details, observation=observed),
            ServedPart(served="python", details=("exposure",), observation=observed, settings={"most": 1.0}),
        ),
        combine=Combined(config=HedgeConfig(), costs=COSTS, latency=1, seed=0, titles=("half", "whole"), most=1.0),
        details=("exposure half", "exposure whole"),
    )


def test_every_member_is_asked_once_a_bar_for_all_symbols() -> None:
    graph, own = Half(), Whole()
    asked: Any = {"decision-0.onnx": graph}
    served = inside_of(decider(), asked, COLUMNS, {1: own})
    state = served.initial_state(3)
    steps = list(moments(panel(), MarketConfig(costs=COSTS), FEATURES))[START : START + 20]
    for moment in steps:
        decided = served.decided(moment, state)
        state = decided.state
    np.testing.assert_array_equal(decided.details, [[0.5, 1.0]] * 3)
    assert ((decided.exposures > 0.5) & (decided.exposures < 1.0)).all()
    assert own.asked == [3] * len(steps)
    assert graph.asked == [int(moment.present.sum()) for moment in steps]


def test_a_member_that_is_not_there_is_named() -> None:
    with pytest.raises(RunError, match=r"bundle: must hold the graph of its policy; got 'decision-0.onnx'"):
        inside_of(decider(), {}, COLUMNS, {1: Whole()})
