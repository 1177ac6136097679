"""The guard, one bar at a time: what each limit does, what latches, and that nothing crosses zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regimen.bars import Calendar
from regimen.errors import ConfigError, DataError
from regimen.execution import MarketConfig
from regimen.safeguards import Guard, Ruling, SafeguardsConfig, Sighting
from regimen.safeguards.rule import rule

HOUR = 3_600_000_000_000
NONE = SafeguardsConfig(drawdown_warning=None).without(
    "trades", "position", "daily_loss", "drawdown", "correlated_exposure", "confidence", "staleness"
).without("price_band", "feed_gap", "collapse", "drift")  # fmt: skip


def limits(**fields: Any) -> SafeguardsConfig:
    """Returns a config with these limits alone."""
    return NONE.model_copy(update=fields)


class Watch:
    """A guard and its state; each call is the next hour's bar."""

    def __init__(self, config: SafeguardsConfig, symbols: int = 1, calendar: str = "24/7", **market: Any) -> None:
        self.guard = Guard(
            config,
            MarketConfig(**market),
            symbols=symbols,
            bar_length=HOUR,
            calendar=Calendar(calendar),  # type: ignore[arg-type]
        )
        self.state = self.guard.initial(1e6)
        self.hour = 480_000  # 2024-10-04 00:00

    def bar(self, exposures: Any = 0.0, wanted: Any = np.nan, equity: float = 1e6, **fields: Any) -> Ruling:
        self.hour += fields.pop("hours", 1)

        def row(value: Any, kind: type = float) -> Any:
            return np.broadcast_to(np.asarray(value, kind), (self.guard.symbols,)).copy()

        close = row(fields.pop("close", 100.0))
        seen = Sighting(
            time=self.hour * HOUR,
            equity=equity,
            exposures=row(exposures),
            wanted=row(wanted),
            confidence=row(fields.pop("confidence", np.nan)),
            close=close,
            previous=row(fields.pop("previous", 100.0)),
            present=~np.isnan(close),
            waiting=row(fields.pop("waiting", False), bool),
            **fields,
        )
        ruling = self.guard.check(self.state, seen)
        self.state = ruling.state
        return ruling


def test_without_limits_every_target_passes() -> None:
    watch = Watch(NONE)
    for wanted in (1.0, -1.0, 0.3, 0.0):
        ruling = watch.bar(0.1, wanted, equity=100.0)
        assert ruling.allowed.tolist() == [wanted]
        assert (ruling.mode, ruling.reasons, ruling.warnings) == ("active", (), ())
    assert np.isnan(watch.bar(0.1, np.nan).allowed).all()


@pytest.mark.compiled
def test_bars_that_miss_and_bars_that_do_not_are_compiled_once() -> None:
    watch, compiled = Watch(SafeguardsConfig()), []
    for hours in (1, 1, 3):
        watch.bar(hours=hours)
        compiled.append(len(rule.signatures))
    assert set(compiled) == {compiled[0]}


def test_a_step_changes_neither_its_state_nor_what_it_sees() -> None:
    guard = Watch(SafeguardsConfig()).guard
    state, row = guard.initial(1e6), np.array([0.5])
    before = state.copy()
    flags = np.ones(1, np.bool_)
    seen = Sighting(HOUR, 1e6, row, row, row, row, row, flags, ~flags)
    one, two = guard.check(state, seen), guard.check(state, seen)
    np.testing.assert_array_equal(state, before)
    np.testing.assert_array_equal(row, [0.5])
    np.testing.assert_array_equal(one.state, two.state)
    assert one.state.shape == (guard.width,)


def test_the_position_limit_clips_and_does_not_block() -> None:
    watch = Watch(limits(position=0.1))
    up, down, inside = watch.bar(0.0, 0.5), watch.bar(0.1, -0.5), watch.bar(-0.1, 0.05)
    assert [each.allowed.tolist() for each in (up, down, inside)] == [[0.1], [-0.1], [0.05]]
    assert [each.reasons for each in (up, down, inside)] == [("position",), ("position",), ()]


def test_a_day_has_so_many_orders_and_the_next_day_as_many_again() -> None:
    watch = Watch(limits(trades=2))
    watch.hour = 480_000 - 480_000 % 24
    rulings = [watch.bar(held, wanted) for held, wanted in ((0, 0.1), (0.1, 0.2), (0.2, 0.3), (0.2, 0.1))]
    assert [each.allowed.tolist() for each in rulings[:2]] == [[0.1], [0.2]]
    assert np.isnan(rulings[2].allowed).all()
    assert rulings[2].reasons == ("trades",)
    assert rulings[3].allowed.tolist() == [0.1]  # a reduction passes
    assert watch.guard.standing(watch.state).trades == 3
    assert watch.bar(0.1, 0.3, hours=24).allowed.tolist() == [0.3]
    assert watch.guard.standing(watch.state).trades == 1


def test_an_order_below_the_least_size_is_no_trade() -> None:
    watch = Watch(limits(trades=1, least_trade=0.01))
    for wanted in (0.005, 0.009, 0.001):
        assert watch.bar(0.0, wanted).allowed.tolist() == [wanted]
    assert watch.guard.standing(watch.state).trades == 0
    assert watch.bar(0.0, 0.01).allowed.tolist() == [0.01]
    assert watch.guard.standing(watch.state).trades == 1


def test_a_daily_loss_reduces_until_an_operator_resumes() -> None:
    watch = Watch(limits(daily_loss=0.02))
    watch.hour = 480_000 - 480_000 % 24
    assert watch.bar(0.1, 0.1, equity=1e6).mode == "active"
    assert watch.bar(0.1, 0.1, equity=0.981e6).mode == "active"
    lost = watch.bar(0.1, 0.2, equity=0.98e6)
    assert (lost.mode, lost.reasons) == ("reducing", ("daily_loss",))
    assert np.isnan(lost.allowed).all()
    assert watch.bar(0.1, 0.2, equity=2e6, hours=48).mode == "reducing"  # neither a profit nor a new day unlatches
    assert watch.bar(0.1, -0.2, equity=2e6).allowed.tolist() == [0.0]
    assert watch.guard.standing(watch.state).cause == "daily_loss"
    resumed = watch.bar(0.0, 0.2, equity=1.5e6, operator="resume")
    assert (resumed.mode, resumed.allowed.tolist(), resumed.reasons) == ("active", [0.2], ("operator",))
    assert watch.guard.standing(watch.state).day_loss == 0.0


def test_the_loss_of_a_day_counts_from_the_end_of_the_day_before() -> None:
    watch = Watch(limits(daily_loss=0.02))
    watch.hour = 480_000 - 480_000 % 24 + 22
    assert watch.bar(equity=0.99e6).mode == "active"  # 22:00 to 23:00
    assert watch.bar(equity=0.985e6).mode == "active"  # 23:00 to 00:00: still that day's bar
    assert watch.bar(equity=0.97e6).mode == "active"  # 1.5 % below the day before, 3 % below the start
    assert watch.bar(equity=0.965e6).mode == "reducing"  # 2.03 %


def test_currencies_have_their_day_in_new_york() -> None:
    """In October a day ends at 21:00 UTC: the loss before it is yesterday's."""
    watch = Watch(limits(daily_loss=0.02), calendar="24/5")
    watch.hour = 480_000 - 480_000 % 24 + 20
    watch.bar(equity=0.985e6)  # closes at 21:00
    assert watch.bar(equity=0.975e6).mode == "active"
    utc = Watch(limits(daily_loss=0.02))
    utc.hour = watch.hour - 2
    utc.bar(equity=0.985e6)
    assert utc.bar(equity=0.975e6).mode == "reducing"


def test_a_drawdown_warns_then_halts_and_closes() -> None:
    watch = Watch(limits(drawdown=0.15, drawdown_warning=0.1))
    watch.bar(equity=2e6)
    assert watch.bar(0.1, 0.1, equity=1.81e6).warnings == ()
    near = watch.bar(0.1, 0.1, equity=1.8e6)
    assert (near.mode, near.warnings) == ("active", ("drawdown",))
    halted = watch.bar(0.1, 0.1, equity=1.7e6)
    assert (halted.mode, halted.reasons, halted.allowed.tolist()) == ("halted", ("drawdown",), [0.0])
    assert halted.warnings == ()  # there is nothing left to warn of
    assert watch.bar(0.0, 0.1, equity=3e6).allowed.tolist() == [0.0]
    assert watch.bar(0.0, 0.1, equity=3e6, operator="reduce").mode == "halted"  # no word but resume loosens
    assert watch.bar(0.0, 0.1, equity=1.7e6, operator="resume").mode == "active"
    assert watch.bar(0.1, 0.1, equity=1.5e6).mode == "active"  # the drawdown counts from there on
    assert watch.bar(0.1, 0.1, equity=1.4e6).mode == "halted"


def test_to_resume_after_a_day_forgets_no_drawdown() -> None:
    """Days that lose 3 %, resumed each time: the fifth makes 14.1 %, the sixth 16.7 %."""
    watch = Watch(limits(daily_loss=0.02, drawdown=0.15))
    watch.hour = 480_000 - 480_000 % 24
    modes = []
    for day in range(1, 7):
        modes.append(watch.bar(equity=1e6 * 0.97**day, hours=23 if day > 1 else 1).mode)
        watch.bar(equity=1e6 * 0.97**day, operator="resume")
    assert modes == ["reducing"] * 5 + ["halted"]


def test_to_resume_changes_nothing_of_an_active_account() -> None:
    watch = Watch(limits(daily_loss=0.02, drawdown=0.15))
    watch.bar(equity=1e6)
    ruling = watch.bar(0.0, 0.1, equity=0.99e6, operator="resume")
    assert (ruling.mode, ruling.reasons) == ("active", ())
    assert watch.guard.standing(watch.state).drawdown == pytest.approx(0.01)


def test_a_halt_that_holds_lets_reductions_pass() -> None:
    watch = Watch(limits(drawdown=0.15, drawdown_warning=None, halted="hold"))
    held = watch.bar(0.1, 0.1, equity=0.8e6)
    assert held.mode == "halted"
    assert np.isnan(held.allowed).all()
    assert watch.bar(0.1, 0.04, equity=0.8e6).allowed.tolist() == [0.04]


def test_ruin_halts() -> None:
    assert Watch(limits(drawdown=0.15)).bar(0.0, 0.1, equity=-5.0).mode == "halted"


@pytest.mark.parametrize(("word", "mode"), [("halt", "halted"), ("reduce", "reducing")])
def test_an_operator_stops_trading(word: Any, mode: str) -> None:
    watch = Watch(NONE)
    ruling = watch.bar(0.1, 0.2, operator=word)
    assert (ruling.mode, ruling.reasons) == (mode, ("operator",))
    assert watch.bar(0.1, 0.2).mode == mode
    assert watch.guard.standing(watch.state).cause == "operator"


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [(-0.5, 0.0), (0.0, 0.0), (0.2, 0.2), (0.49, 0.49), (0.5, None), (0.9, None), (np.nan, None)],
)
def test_while_reducing_a_target_comes_as_near_as_it_can_without_new_risk(wanted: float, allowed: float | None) -> None:
    """From +.5: a flip to -.5 is a reduction to 0 and no more."""
    for side in (1.0, -1.0):
        watch = Watch(NONE)
        watch.bar(0.0, 0.5 * side)
        ruling = watch.bar(0.5 * side, wanted * side, operator="reduce")
        expected = [np.nan if allowed is None else allowed * side]
        np.testing.assert_array_equal(ruling.allowed, expected)


def test_an_order_that_waits_is_stopped_where_it_is() -> None:
    """.5 was allowed and .2 of it is filled, then trading is reduced: the rest must not fill."""
    watch = Watch(NONE)
    watch.bar(0.0, 0.5)
    assert watch.bar(0.2, 0.5, waiting=True, operator="reduce").allowed.tolist() == [0.2]
    flip = Watch(NONE)
    flip.bar(0.4, -0.5)
    assert flip.bar(0.3, -0.5, waiting=True, operator="reduce").allowed.tolist() == [0.0]
    smaller = Watch(NONE)
    smaller.bar(0.4, 0.1)
    replaced = float(smaller.bar(0.3, np.nan, waiting=True, operator="reduce").allowed[0])
    assert replaced == np.nextafter(0.1, 0.0)  # another target, so that the account sizes the order anew
    assert np.isnan(smaller.bar(0.1, np.nan).allowed).all()
    closing = Watch(NONE)
    closing.bar(0.4, 0.0)
    assert np.isnan(closing.bar(0.3, np.nan, waiting=True, operator="reduce").allowed).all()  # to 0 it may go on


@pytest.mark.parametrize("latency", [1, 3])
def test_a_reduction_that_was_taken_back_passes_again(latency: int) -> None:
    """From .4 to .1, taken back before it fell due by whoever reduces: .1 has to be let through once more."""
    watch = Watch(NONE, latency_bars=latency)
    for _ in range(latency):
        watch.bar(0.4, 0.4)
    watch.bar(0.4, 0.1)
    watch.state = watch.guard.withdrawn(watch.state, np.full((latency, 1), 0.4))
    assert watch.bar(0.4, 0.1, operator="reduce").allowed.tolist() == [0.1]
    with pytest.raises(DataError, match=r"awaited: must have the shape \(\d, 1\)"):
        watch.guard.withdrawn(watch.state, np.zeros(2))


def test_rebalancing_at_every_bar_takes_no_new_risk_while_reducing() -> None:
    watch = Watch(NONE, rebalance="every_bar")
    watch.bar(0.0, 0.5)
    assert watch.bar(0.45, 0.5, operator="reduce").allowed.tolist() == [0.45]
    assert np.isnan(watch.bar(0.47, 0.5).allowed).all()  # .45 stands, and reduces .47
    assert watch.bar(0.43, 0.5).allowed.tolist() == [0.43]


def test_with_a_longer_latency_orders_on_their_way_count() -> None:
    """A position of 0 with .1 on its way is closed behind it; .1 with 0 on its way is not bought back."""
    entering = Watch(NONE, latency_bars=2)
    entering.bar(0.0, 0.0)
    entering.bar(0.0, 0.1)
    assert entering.bar(0.0, 0.1, operator="reduce").allowed.tolist() == [0.0]
    leaving = Watch(NONE, latency_bars=2)
    leaving.bar(0.0, 0.1)
    leaving.bar(0.0, 0.1)
    leaving.bar(0.1, 0.0)
    assert np.isnan(leaving.bar(0.1, 0.1, operator="reduce").allowed).all()  # 0, on its way, stays


def test_little_confidence_is_no_reason_to_stay() -> None:
    watch = Watch(limits(confidence=0.6))
    assert np.isnan(watch.bar(0.0, 0.1, confidence=0.59).allowed).all()
    assert watch.bar(0.0, 0.1, confidence=0.6).allowed.tolist() == [0.1]
    ruling = watch.bar(0.1, -0.1, confidence=0.1)
    assert (ruling.allowed.tolist(), ruling.reasons, ruling.changed) == ([0.0], ("confidence",), (1,))
    assert watch.bar(0.0, 0.1, confidence=np.nan).allowed.tolist() == [0.1]


def test_a_late_bar_takes_no_new_risk() -> None:
    watch = Watch(limits(staleness=0.5))
    late = (watch.hour + 1) * HOUR + HOUR // 2
    assert watch.bar(0.0, 0.1, at=late).allowed.tolist() == [0.1]
    late = (watch.hour + 1) * HOUR + HOUR // 2 + 1
    ruling = watch.bar(0.1, 0.2, at=late)
    assert np.isnan(ruling.allowed).all()
    assert ruling.reasons == ("staleness",)
    assert watch.bar(0.1, 0.2).allowed.tolist() == [0.2]


def test_a_jump_of_the_price_takes_no_new_risk_in_that_symbol() -> None:
    watch = Watch(limits(price_band=0.2), symbols=2)
    ruling = watch.bar(0.0, 0.1, close=[79.9, 119.9])
    np.testing.assert_array_equal(ruling.allowed, [np.nan, 0.1])
    assert ruling.reasons == ("price_band",)
    assert watch.bar(0.0, 0.1).allowed.tolist() == [0.1, 0.1]


def test_a_gap_in_the_feed_takes_no_new_risk_on_the_bar_after_it() -> None:
    watch = Watch(limits(feed_gap=3))
    watch.bar()
    assert watch.bar(0.0, 0.1, hours=4).reasons == ()
    assert watch.bar(0.1, 0.2, hours=5).reasons == ("feed_gap",)
    assert watch.bar(0.1, 0.2).allowed.tolist() == [0.2]


def test_a_market_that_closes_has_no_gap_over_its_weekend() -> None:
    watch = Watch(limits(feed_gap=3), calendar="24/5")
    watch.bar()
    assert watch.bar(0.0, 0.1, hours=65).reasons == ()
    assert watch.bar(0.0, 0.2, hours=24 * 8 + 2).reasons == ("feed_gap",)


def test_actions_that_collapse_reduce_and_alternating_ones_do_not() -> None:
    """One direction in 98.4 % of 500 bars: entropy .081 nats; the alternating policy has ln 2."""
    config = limits(collapse=0.1, collapse_bars=500)
    stuck, lively = Watch(config), Watch(config)
    for k in range(499):
        assert stuck.bar(0.1, 0.1).mode == "active"
        assert lively.bar(0.1, 0.1 if k % 20 else -0.1).mode == "active"
    assert stuck.bar(0.1, 0.1).reasons == ("collapse",)
    assert lively.bar(0.1, 0.1).mode == "active"
    assert stuck.bar(0.1, 0.1, operator="resume").mode == "active"
    for _ in range(498):
        assert stuck.bar(0.1, 0.1).mode == "active"  # it is counted anew
    assert stuck.bar(0.1, 0.1).mode == "reducing"


@pytest.mark.parametrize("alarm", ["drift", "collapse"])
def test_alarms_from_outside_reduce_where_their_limit_is_on(alarm: str) -> None:
    on, off = Watch(SafeguardsConfig()), Watch(SafeguardsConfig().without(alarm))
    assert on.bar(alarms=(alarm,)).reasons == (alarm,)
    assert off.bar(alarms=(alarm,)).mode == "active"


def correlated(watch: Watch, bars: int = 60, seed: int = 0) -> None:
    """Shows returns of three symbols: the second moves with the first, the third on its own."""
    rng = np.random.default_rng(seed)
    for _ in range(bars):
        one, other = rng.normal(0.0, 0.01, 2)
        watch.bar(0.0, 0.0, close=100.0 * (1.0 + np.array([one, 0.9 * one, other])))


def test_new_risk_in_symbols_that_move_together_is_scaled() -> None:
    watch = Watch(limits(correlated_exposure=0.7), symbols=3)
    correlated(watch)
    ruling = watch.bar(0.0, [0.6, 0.4, 0.6])
    first, second, third = ruling.allowed.tolist()
    assert third == 0.6
    assert first + second == pytest.approx(0.7, abs=1e-6)  # their correlation is 1
    assert first / second == pytest.approx(1.5)
    assert (ruling.reasons, ruling.changed) == (("correlated_exposure",), (2,))


def test_opposite_positions_in_symbols_that_move_together_are_not_one_risk() -> None:
    watch = Watch(limits(correlated_exposure=0.7), symbols=3)
    correlated(watch)
    assert watch.bar(0.0, [0.6, -0.4, 0.6]).allowed.tolist() == [0.6, -0.4, 0.6]


def test_reductions_pass_where_the_correlated_exposure_is_too_high_already() -> None:
    watch = Watch(limits(correlated_exposure=0.7), symbols=3)
    correlated(watch)
    ruling = watch.bar([0.6, 0.4, 0.0], [0.7, 0.3, 0.1])
    np.testing.assert_array_equal(ruling.allowed, [np.nan, 0.3, 0.1])


def test_unknown_symbols_count_as_moving_together() -> None:
    watch = Watch(limits(correlated_exposure=0.7), symbols=2)
    assert watch.bar(0.0, [0.7, 0.7]).allowed.tolist() == pytest.approx([0.35, 0.35])


def test_correlations_are_those_of_exponential_means() -> None:
    """Against numpy: products weighted 1/n first, 2/(span + 1) later."""
    from regimen.safeguards.rule import correlation

    config = limits(correlated_exposure=0.7, correlation_bars=20)
    watch, rng = Watch(config, symbols=2), np.random.default_rng(5)
    moves = rng.normal(0.0, 0.01, (80, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    mean = np.zeros((2, 2))
    for k, move in enumerate(moves):
        watch.bar(0.0, 0.0, close=100.0 * (1.0 + move))
        mean += max(1.0 / (k + 1.0), 2.0 / 21.0) * (np.outer(move, move) - mean)
    expected = mean[0, 1] / np.sqrt(mean[0, 0] * mean[1, 1])
    assert correlation(0, 1, watch.state, watch.guard._limits, 2) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"equity": np.nan}, "equity: must be finite"),
        ({"exposures": np.inf}, "exposures: must be finite"),
        ({"wanted": -np.inf}, "wanted: must be finite, or NaN to keep"),
        ({"alarms": ("fire",)}, "alarms: must be of drift, collapse"),
        ({"operator": "stop"}, "operator: must be one of halt, reduce, resume"),
        ({"hours": 0}, "time: must be after the last bar"),
    ],
)
def test_what_cannot_be_seen_is_one_clear_error(fields: dict[str, Any], rule: str) -> None:
    watch = Watch(SafeguardsConfig())
    watch.bar()
    before = watch.state.copy()
    with pytest.raises(DataError, match=rule):
        watch.bar(**fields)
    np.testing.assert_array_equal(watch.state, before)


def test_arrays_of_another_length_and_impossible_guards_are_refused() -> None:
    guard = Watch(SafeguardsConfig()).guard
    row, flags = np.zeros(2), np.zeros(2, np.bool_)
    with pytest.raises(DataError, match=r"exposures: must have the shape \(1,\)"):
        guard.check(guard.initial(1e6), Sighting(HOUR, 1e6, row, row, row, row, row, flags, flags))
    with pytest.raises(DataError, match="state: must have the shape"):
        guard.check(np.zeros(3), Sighting(HOUR, 1e6, row, row, row, row, row, flags, flags))
    with pytest.raises(DataError, match="equity: must be positive"):
        guard.initial(0.0)
    with pytest.raises(ConfigError, match="symbols: must be at least 1"):
        Guard(NONE, MarketConfig(), symbols=0, bar_length=HOUR, calendar=Calendar("24/7"))
