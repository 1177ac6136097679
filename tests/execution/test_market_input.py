"""Bad input ends in one line that names the field, the rule and the value; configs survive a round trip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.execution import Costs, Market, MarketConfig, Tape
from regimen.features import FeatureSet
from regimen.observation import Observation


def flat_bars(**changes: Any) -> Bars:
    columns = {name: np.full(5, 10.0) for name in ("open", "high", "low", "close")}
    extras = {name: changes.pop(name) for name in ("adjustment", "funding_rate") if name in changes}
    columns |= {"volume": np.full(5, 100.0), **changes}
    return Bars.from_arrays(np.datetime64("2020-01-01") + np.arange(5), extras=extras, **columns, checked=False)


def with_value(value: float, at: int = 2, rest: float = 10.0) -> np.ndarray:
    column = np.full(5, rest)
    column[at] = value
    return column


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (
            lambda: Costs(commission_bps=-1.0),
            "costs.commission_bps: must be greater than or equal to 0; got -1.0",
        ),
        (
            lambda: Costs(impact_coefficient=float("inf")),
            "costs.impact_coefficient: must be a finite number; got inf",
        ),
        (
            lambda: Costs(comission_bps=1.0),
            "costs.comission_bps: is not a known key (did you mean 'commission_bps'?); got 1.0",
        ),
        (
            lambda: Costs(commission_bps=0.0, half_spread_bps=0.0),
            "costs: all-zero costs need the explicit flag zero_costs=true",
        ),
        (
            lambda: Costs(zero_costs=True, borrow_annual=0.1),
            "costs: zero_costs must not be set together with a positive borrow_annual",
        ),
        (lambda: Market(latency_bars=0), "market.latency_bars: must be greater than or equal to 1; got 0"),
        (
            lambda: Market(leverage=4.0),
            "market: leverage × maintenance_margin must be below 1, or a position at the limit is liquidated "
            "at once; got 4 × 0.25",
        ),
        (
            lambda: Market(rebalance_band=0.1),
            "market: rebalance_band needs rebalance: every_bar; got 0.1 with on_change",
        ),
        (
            lambda: Market(participation_cap=0.0),
            "market.participation_cap: must be greater than 0; got 0.0",
        ),
        (lambda: Market(delisting=11.0), "market.delisting: must be less than or equal to 10; got 11.0"),
        (lambda: Market(delisting=True), "market.delisting: must be a valid number; got True"),
        (lambda: Market(costs={"spread": 1.0}), "market.costs.spread: is not a known key; got 1.0"),
    ],
)
def test_an_impossible_config_is_one_line(make: Any, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value) == line


class Decides:
    """Returns whatever it was given."""

    def __init__(self, row: object) -> None:
        self.row = row

    def __call__(self, observation: np.ndarray) -> object:
        assert observation.shape == (1, 3)
        return self.row


@pytest.mark.parametrize(
    ("targets", "changes", "line"),
    [
        (np.ones(4), {}, "targets: must have the shape of the bars, (time, symbol) = (5, 1); got (4,)"),
        (
            np.ones((5, 2)),
            {},
            "targets: must have the shape of the bars, (time, symbol) = (5, 1); got (5, 2)",
        ),
        (with_value(np.inf), {}, "targets: must be finite, or NaN to keep; row 2, symbol asset; got inf"),
        (with_value(-np.inf), {}, "targets: must be finite, or NaN to keep; row 2, symbol asset; got -inf"),
        (["a"] * 5, {}, "targets: must be numbers of shape (time, symbol); got 'list'"),
        (Decides([1.0, 2.0]), {}, "policy: must return the shape (1,) at bar 0; got (2,)"),
        (Decides(np.inf), {}, "policy: must return finite targets, or NaN to keep, at bar 0; got [inf]"),
        (Decides(None), {}, None),
        (
            np.ones(5),
            {"low": with_value(-1.0)},
            "bars.open/high/low/close: must be positive and finite at row 2",
        ),
        (
            np.ones(5),
            {"high": with_value(np.inf)},
            "bars.high: must be finite, or NaN where there is none; row 2 is not",
        ),
        (
            np.ones(5),
            {"volume": with_value(-1.0)},
            "bars.volume: must be finite and not negative, or NaN at row 2",
        ),
        (
            np.ones(5),
            {"volume": with_value(np.inf)},
            "bars.volume: must be finite, or NaN where there is none; row 2 is not",
        ),
        (
            np.ones(5),
            {"adjustment": with_value(0.0)},
            "bars.adjustment: must be positive and finite, or NaN, at row 2",
        ),
        (
            np.ones(5),
            {"funding_rate": with_value(np.inf)},
            "bars.funding_rate: must be finite, or NaN where there is none; row 2 is not",
        ),
        (
            np.ones(5),
            {"volume": np.full(5, np.nan)},
            "costs.impact_coefficient: must be 0 for asset, whose bars have",
        ),
    ],
)
def test_bad_targets_and_bars_are_one_line(targets: Any, changes: dict[str, Any], line: str | None) -> None:
    market = Market(costs=Costs(impact_coefficient=1.0))
    if line is None:  # a None is numpy's NaN: it keeps
        assert market.backtest(flat_bars(**changes), targets).fills.num_rows == 0
        return
    with pytest.raises(DataError) as caught:
        market.backtest(flat_bars(**changes), targets)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_equity_that_overflows_is_refused() -> None:
    close = np.cumprod(np.full(800, 1.5)) ** 0.9
    bars = bars_of(close, close)
    market = Market(costs=Costs.none(), leverage=50.0, maintenance_margin=0.0, rebalance="every_bar")
    with pytest.raises(DataError, match="equity overflows at row"):
        market.backtest(bars, np.full(800, 50.0))


def test_no_costs_need_the_flag_and_are_branded() -> None:
    assert Costs.none().is_free
    assert Costs(zero_costs=True) == Costs.none()
    assert not Costs().is_free
    assert not Costs(borrow_annual=0.1, commission_bps=0.0, half_spread_bps=0.0).is_free
    ledger = Market(costs=Costs.none()).backtest(flat_bars(), np.ones(5))
    assert ledger.to_dict()["free"] is True


@pytest.mark.parametrize("costs", [Costs.none(), Costs(), Costs(impact_coefficient=1.0, funding=False)])
def test_a_config_survives_a_round_trip(costs: Costs) -> None:
    config = MarketConfig(costs=costs, lot_size=0.1, participation_cap=0.2)
    assert MarketConfig.model_validate_json(config.model_dump_json()) == config
    assert MarketConfig(**config.model_dump()) == config
    assert Market(config).config == config.build().config == Market(**dict(config)).config
    assert Market(config, latency_bars=3).config.latency_bars == 3


def test_every_setting_of_the_costs_changes_the_books() -> None:
    rng = np.random.default_rng(0)
    close = 10.0 * np.exp(np.cumsum(0.02 * rng.standard_normal(60)))
    bars = bars_of(close, close, volume=np.full(60, 1e5), extras={"funding_rate": np.full(60, 1e-4)})
    targets = np.tile([2.0, -1.0, 1.0], 20)
    usual = {"impact_coefficient": 0.5, "borrow_annual": 0.1, "financing_annual": 0.1}
    final = {"usual": Market(costs=Costs(**usual), leverage=2.0).backtest(bars, targets).equity[-1]}
    changes = dict.fromkeys(("commission_bps", "commission_fixed", "half_spread_bps", *usual), 0.77)
    for name, value in {**changes, "impact_span": 7, "funding": False}.items():
        market = Market(costs=Costs(**{**usual, name: value}), leverage=2.0)
        final[name] = market.backtest(bars, targets).equity[-1]
    assert len(set(final.values())) == len(final), final


def test_a_tape_saves_work_and_changes_no_bit() -> None:
    bars, market = flat_bars(close=np.array([10.0, 11.0, 10.0, 12.0, 12.5]), high=np.full(5, 13.0)), Market()
    targets = np.array([0.0, 1.0, -1.0, 0.5, 0.5])
    with_tape = market.backtest(bars, targets, tape=market.tape(bars))
    np.testing.assert_array_equal(with_tape.equity, market.backtest(bars, targets).equity)


@pytest.mark.parametrize(
    ("tape", "line"),
    [
        (Market().tape(flat_bars()), "tape: must be made of the bars that are traded; got (5, 1)"),
        (None, "tape: must be made for the same impact_coefficient; got 1.0"),
    ],
)
def test_a_foreign_tape_is_refused(tape: Tape | None, line: str) -> None:
    bars = flat_bars()
    with pytest.raises(ConfigError) as caught:
        Market(costs=Costs(impact_coefficient=1.0)).backtest(bars, np.zeros(5), tape=tape or Market().tape(bars))
    assert str(caught.value) == line


def test_a_tape_of_other_delistings_is_refused() -> None:
    bars = flat_bars()
    with pytest.raises(ConfigError) as caught:
        Market(delisting=0.3).backtest(bars, np.zeros(5), tape=Market().tape(bars))
    assert str(caught.value) == "tape: must be made for the same delisting; got 0.3"


def test_a_function_asks_for_the_columns_of_a_frame_by_name() -> None:
    """Features by the names of the frame, then those of the account."""
    close = np.full(60, 100.0)
    time = np.datetime64("2024-01-01") + np.arange(60)
    bars = Bars.from_arrays(time, open=close, high=close, low=close, close=close, volume=np.ones(60))
    frame = FeatureSet.indicators().select(("return_5d", "rsi_14")).compute(bars)
    seen = []

    def decide(observation: Observation) -> float:
        seen.append((observation.columns, observation["return_5d"].tolist(), observation["cash"].tolist()))
        return 0.5

    Market().backtest(bars, decide, features=frame)
    assert seen[0][0] == ("return_5d", "rsi_14", "position", "cash", "drawdown")
    assert seen[-1][1] == [0.0]
    assert seen[-1][2] == pytest.approx([0.5], abs=0.01)
