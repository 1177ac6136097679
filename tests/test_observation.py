"""The observation: its columns, its schema, and the function that writes it."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.errors import RunError
from regimen.observation import Accounts, Observation, ObservationSchema, observations, observe_symbols

# SHA-256 of "observation 1||0|False|False" by `sha256sum`; saved policies carry it, so it may never drift.
GOLDEN = "f40b03afa5200afe891da16c90a9942fe5d4c1ea96f2d7977c5e3b25d9e6ae52"


def test_columns_in_their_order() -> None:
    schema = ObservationSchema(
        inputs=2, account=True, target=True, gain=True, context=2, precision="float32", names=("a", "b")
    )
    assert schema.columns == ("a[-1]", "b[-1]", "a", "b", "position", "cash", "drawdown", "target", "gain")
    assert schema.width == 9
    assert ObservationSchema("f", 2, volatility=True).columns == ("x0", "x1", "volatility")
    features = np.array([[[1.0, 2.0], [9.0, 9.0]], [[3.0, 4.0], [9.0, 9.0]]])
    one = np.ones(2)
    accounts = Accounts(50.0 * one, 75.0 * one, 100.0 * one, 125.0 * one, 0.25 * one, 1.5 * one)
    seen = observe_symbols(schema, features, np.array([True, False]), accounts)
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen[0], np.float32([1, 2, 3, 4, 0.5, 0.75, 0.2, 0.25, 0.5]))
    np.testing.assert_array_equal(seen[1], np.float32([0, 0, 0, 0, 0.5, 0.75, 0.2, 0.25, 0.5]))


def test_an_account_that_is_lost_shows_no_position() -> None:
    schema, one = ObservationSchema(account=True), np.ones(1)
    accounts = Accounts(50.0 * one, -60.0 * one, -10.0 * one, 125.0 * one, one, one)
    np.testing.assert_array_equal(observe_symbols(schema, np.empty((1, 1, 0)), one > 0, accounts), [[0.0, 0.0, 1.0]])


def test_volatility_follows_the_features() -> None:
    schema = ObservationSchema(features="f", inputs=2, volatility=True)
    row = observations(schema, np.array([1.0, 2.0]), np.array(0.3))
    np.testing.assert_array_equal(row, [1.0, 2.0, 0.3])
    batch = observations(schema, np.tile(row[:2], (4, 3, 1)), np.full((4, 3), 0.3))
    np.testing.assert_array_equal(batch, np.tile(row, (4, 3, 1)))
    features = np.array([[1.0, np.nan]])
    assert observations(ObservationSchema("f", 2), features) is features
    np.testing.assert_array_equal(observations(schema, features, np.array([np.nan])), [[1.0, np.nan, np.nan]])


def test_the_hash_sees_every_field_and_stays() -> None:
    schemas = [
        ObservationSchema(),
        ObservationSchema("f"),
        ObservationSchema("f", 2),
        ObservationSchema("f", 2, volatility=True),
        ObservationSchema("f", 2, account=True),
        ObservationSchema("f", 2, volatility=True, account=True),
        ObservationSchema("f", 2, target=True),
        ObservationSchema("f", 2, gain=True),
        ObservationSchema("f", 2, context=3),
        ObservationSchema("f", 2, precision="float32"),
        ObservationSchema(inputs=2),
        ObservationSchema(inputs=2, names=("a", "b")),
    ]
    assert len({schema.hash for schema in schemas}) == len(schemas)
    assert ObservationSchema().hash == GOLDEN
    assert ObservationSchema("f", 2, names=("a", "b")).hash == schemas[2].hash  # the hash of features names them
    with pytest.raises(RunError, match="must have the schema f of the policy; got 'g'"):
        schemas[2].require_features("g")


def test_what_does_not_fit_is_one_line() -> None:
    schema = ObservationSchema("f", 2, volatility=True)
    rows = np.ones((4, 2))
    for call, line in (
        (lambda: observations(schema, rows), "observation: volatility: must be given"),
        (lambda: observations(ObservationSchema("f", 2), rows, rows[:, 0]), "must not be given"),
        (lambda: observations(schema, np.ones((4, 3)), rows[:, 0]), "must have 2 columns"),
        (lambda: observations(schema, rows, rows), r"must have shape \(4,\)"),
        (lambda: observations(ObservationSchema("f", 2, account=True), rows), "of one row of features and volatility"),
        (lambda: ObservationSchema(inputs=2, names=("a",)), "observation: names: must be 2, one for each feature"),
        (lambda: ObservationSchema(context=0), "observation: context: must be at least 1"),
    ):
        with pytest.raises(RunError, match=line):
            call()


def test_a_function_may_ask_for_columns_by_name() -> None:
    rows = np.arange(6.0).reshape(2, 3)
    seen = Observation.of(rows, ("rsi_14", "cash", "drawdown"))
    np.testing.assert_array_equal(seen["cash"], [1.0, 4.0])
    np.testing.assert_array_equal(seen[:, 1], seen["cash"])
    assert type(seen["cash"]) is type(seen[:, 1]) is np.ndarray
    assert seen.shape == (2, 3)
    assert float((seen + 1.0)[1, 2]) == 6.0
    with pytest.raises(RunError, match=r"^observation: has no such column \(did you mean 'rsi_14'\?\); got 'rsi'$"):
        seen["rsi"]
