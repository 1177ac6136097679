"""A step that reads a table of numbers is named, wherever it has the table from; ordinary steps read none."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from regimen.features import Feature, FeatureSet
from regimen.jit import jit
from regimen.scan import TABLE, Bar, Stateless, tables

FUTURE = np.linspace(0.0, 1.0, 5031)
PAIRS = tuple(float(k) for k in range(40))
WEIGHTS = np.array([0.25, 0.5, 0.25])
OTHER = ModuleType("somebodys_numbers")
OTHER.VALUES = np.ones((10, 10))  # type: ignore[attr-defined]
sys.modules["somebodys_numbers"] = OTHER


@jit
def looked_up(time: int) -> float:
    return FUTURE[time % 5031]


@jit
def reads_an_array(state: Stateless, bar: Bar):
    return state, FUTURE[bar.time % 5031]


@jit
def reads_through_a_function(state: Stateless, bar: Bar):
    return state, looked_up(bar.time)


@jit
def reads_a_tuple(state: Stateless, bar: Bar):
    return state, PAIRS[bar.time % 40]


def reads_a_module(state: Stateless, bar: Bar):
    return state, OTHER.VALUES[0, bar.time % 10]  # type: ignore[attr-defined]


def reads_a_default(state: Stateless, bar: Bar, values: np.ndarray = FUTURE):
    return state, values[bar.time % 5031]


def closing_over(values: np.ndarray):
    @jit
    def reads_a_closure(state: Stateless, bar: Bar):
        return state, values[bar.time % len(values)]

    return reads_a_closure


@jit
def smooths(state: Stateless, bar: Bar):
    """A formula with constants: three weights are no table."""
    return state, WEIGHTS[0] * bar.open + WEIGHTS[1] * bar.close + WEIGHTS[2] * bar.high


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (reads_an_array, {"FUTURE": 5031}),
        (reads_through_a_function, {"FUTURE": 5031}),
        (reads_a_tuple, {"PAIRS": 40}),
        (reads_a_module, {"OTHER.VALUES": 100}),
        (reads_a_default, {"values": 5031}),
        (closing_over(np.zeros(99)), {"values": 99}),
        (smooths, {}),
    ],
)
def test_a_table_is_named_with_its_size(step: object, expected: dict[str, int]) -> None:
    assert tables(step) == expected  # type: ignore[arg-type]


def test_numbers_written_into_the_code_are_a_table() -> None:
    lines = "".join(f"    if t == {k}:\n        return {k * 0.37 + 0.1}\n" for k in range(1, 41))
    scope: dict[str, object] = {}
    exec(f"def rule(t):\n    'Knows forty days.'\n{lines}    return 0.0\n", scope)
    assert tables(scope["rule"]) == {"rule (code)": 81}  # type: ignore[arg-type]


def test_params_and_state_count_too() -> None:
    feature = Feature(names=("f",), group="mine", step=smooths, state=Stateless(), params=(0.5,) * TABLE)
    assert feature.tables == {"params": TABLE}


def test_no_feature_of_ours_reads_a_table() -> None:
    for features in (FeatureSet.standard(), FeatureSet.indicators()):
        assert [each.names for each in features.features if each.tables] == []
