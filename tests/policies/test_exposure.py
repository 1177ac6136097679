"""The exposure rule: by hand, its bounds and symmetries, and what happens to rows that are not known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from regimen.bars import listed
from regimen.errors import RunError
from regimen.policies import ExposureConfig, ExposureRule, exposure, lean, share

unit = st.floats(0.0, 1.0)
configs = st.builds(
    ExposureConfig,
    dead_band=st.floats(0.0, 0.9),
    scale=st.floats(0.01, 50.0),
    max_exposure=st.floats(0.01, 5.0),
    long_only=st.booleans(),
    volatility_target=st.none() | st.floats(0.01, 2.0),
)


@st.composite
def markets(draw: st.DrawFn) -> tuple[ExposureConfig, np.ndarray, np.ndarray | None, np.ndarray]:
    config = draw(configs)
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    parts = draw(arrays(np.float64, (*shape, 3), elements=st.floats(0.001, 1.0)))
    volatility = None
    if config.volatility_target is not None:
        volatility = draw(arrays(np.float64, shape, elements=st.floats(0.0, 3.0)))
    return config, parts / parts.sum(axis=-1, keepdims=True), volatility, draw(arrays(np.bool_, shape))


def test_the_rule_by_hand() -> None:
    probabilities = np.array([[[0.2, 0.3, 0.5]], [[0.5, 0.3, 0.2]], [[0.32, 0.32, 0.36]], [[0.0, 0.0, 1.0]]])
    config = ExposureConfig(dead_band=0.05, scale=2.0, max_exposure=1.5)
    np.testing.assert_allclose(exposure(config, probabilities)[:, 0], [0.6, -0.6, 0.0, 1.5])
    long_only = config.model_copy(update={"long_only": True})
    np.testing.assert_allclose(exposure(long_only, probabilities)[:, 0], [0.6, 0.0, 0.0, 1.5])


def test_volatility_target_by_hand() -> None:
    config = ExposureConfig(dead_band=0.0, max_exposure=2.0, volatility_target=0.2)
    probabilities = np.tile([0.2, 0.3, 0.5], (6, 1, 1))
    volatility = np.array([[0.2], [0.4], [0.1], [0.01], [0.0], [np.nan]])
    expected = [0.3, 0.15, 0.6, 2.0, 0.0, 0.0]  # the cap; a price that does not move; unknown
    np.testing.assert_allclose(exposure(config, probabilities, volatility)[:, 0], expected)


def test_the_config_is_its_own_rule_and_its_kind_is_not_written() -> None:
    config = ExposureConfig(dead_band=0.1, volatility_target=0.2)
    rule: ExposureRule = config
    probabilities, volatility = np.array([[0.2, 0.3, 0.5], [0.3, 0.3, 0.4]]), np.array([0.1, 0.4])
    np.testing.assert_array_equal(rule.exposures(probabilities, volatility), lean(config, probabilities, volatility))
    assert "kind" not in ExposureConfig().model_dump()
    assert ExposureConfig.model_validate({"kind": "lean"}) == ExposureConfig()


def test_a_band_is_open_below() -> None:
    config = ExposureConfig(dead_band=0.25)
    got = lean(config, np.array([[0.25, 0.25, 0.5], [0.26, 0.24, 0.5]]))
    np.testing.assert_array_equal(got, [0.25, 0.0])


def test_not_warm_is_flat_and_no_bar_keeps() -> None:
    probabilities = np.tile([0.2, 0.3, 0.5], (1, 4, 1))
    probabilities[0, 1] = np.nan
    present = np.array([[True, True, False, True]])
    got = exposure(ExposureConfig(dead_band=0.0), probabilities, present=present)
    np.testing.assert_allclose(got, [[0.1, 0.0, np.nan, 0.1]])  # 0.3 / 3 symbols present


def test_a_bar_without_any_symbol_is_all_nan() -> None:
    got = share(np.ones((2, 3)), np.array([[False] * 3, [True] * 3]))
    assert np.isnan(got[0]).all()
    np.testing.assert_allclose(got[1], 1 / 3)


def test_a_closed_symbol_keeps_its_share_and_an_ended_one_gives_it_up() -> None:
    present = np.ones((8, 3), dtype=np.bool_)
    present[2:4, 0] = False  # closed
    present[5:, 1] = False  # ended
    present[:1, 2] = False  # not listed yet
    got = share(np.ones((8, 3)), present)
    parts = np.array([2, 3, 3, 3, 3, 2, 2, 2])
    np.testing.assert_array_equal(got, np.where(present, 1.0 / parts[:, None], np.nan))
    np.testing.assert_array_equal(share(np.ones(3), present[2], listed(present)[2]), got[2])
    np.testing.assert_array_equal(share(np.ones(3), present[2]), [np.nan, 0.5, 0.5])  # one bar cannot show it


@given(markets())
def test_gross_never_exceeds_the_cap(
    market: tuple[ExposureConfig, np.ndarray, np.ndarray | None, np.ndarray],
) -> None:
    config, probabilities, volatility, present = market
    got = exposure(config, probabilities, volatility, present)
    np.testing.assert_array_equal(np.isnan(got), ~present)
    assert np.nansum(np.abs(got), axis=1).max() <= config.max_exposure * (1 + 1e-12)
    assert np.nanmax(np.abs(np.append(got, 0.0))) <= config.max_exposure
    if config.long_only:
        assert np.nanmin(np.append(got, 0.0)) >= 0.0


@given(markets())
def test_swapping_buy_and_sell_flips_the_sign(
    market: tuple[ExposureConfig, np.ndarray, np.ndarray | None, np.ndarray],
) -> None:
    config, probabilities, volatility, present = market
    both_sides = config.model_copy(update={"long_only": False})
    straight = exposure(both_sides, probabilities, volatility, present)
    mirrored = exposure(both_sides, probabilities[..., ::-1], volatility, present)
    np.testing.assert_array_equal(straight, -mirrored)
    long = exposure(both_sides.model_copy(update={"long_only": True}), probabilities, volatility, present)
    np.testing.assert_array_equal(long, np.maximum(straight, 0.0))


@given(config=configs, sell=unit, low=unit, high=unit, volatility=st.floats(0.0, 3.0))
def test_more_buy_is_never_less_exposure(
    config: ExposureConfig, sell: float, low: float, high: float, volatility: float
) -> None:
    low, high = sorted((low, high))
    rows = np.array([[sell, 0.0, low], [sell, 0.0, high]])
    known = None if config.volatility_target is None else np.full(2, volatility)
    first, second = lean(config, rows, known)
    assert first <= second


@given(markets(), st.integers(0, 5))
def test_a_row_does_not_depend_on_later_rows(
    market: tuple[ExposureConfig, np.ndarray, np.ndarray | None, np.ndarray], cut: int
) -> None:
    """Whether a symbol that lacks a bar has ended is told by the listing, which is the market's and not the rule's."""
    config, probabilities, volatility, present = market
    listing = listed(present)
    whole = exposure(config, probabilities, volatility, present, listing)
    risk = None if volatility is None else volatility[:cut]
    part = exposure(config, probabilities[:cut], risk, present[:cut], listing[:cut])
    np.testing.assert_array_equal(whole[:cut], part)


def test_every_field_of_the_rule_acts() -> None:
    probabilities = np.array([[[0.5, 0.3, 0.2]], [[0.2, 0.3, 0.5]], [[0.3, 0.35, 0.35]]])
    plain = exposure(ExposureConfig(), probabilities)
    for change in ({"dead_band": 0.0}, {"scale": 2.0}, {"max_exposure": 0.1}, {"long_only": True}):
        assert not np.array_equal(plain, exposure(ExposureConfig(**change), probabilities)), change
    aimed = exposure(ExposureConfig(volatility_target=0.1), probabilities, np.full((3, 1), 0.2))
    assert not np.array_equal(plain, aimed)
    described = ExposureConfig.model_fields
    assert set(described) == {
        "kind",  # chooses the rule
        "dead_band",
        "scale",
        "max_exposure",
        "long_only",
        "volatility_target",
        "volatility_bars",  # read by whoever computes the volatility, see test_volatility
    }
    assert all(field.description for field in described.values())


def test_bad_input_is_one_line() -> None:
    three = np.full((4, 2, 3), 1 / 3)
    aimed = ExposureConfig(volatility_target=0.2)
    for call, line in (
        (lambda: exposure(ExposureConfig(), three[..., :2]), "probabilities: must be SELL, HOLD, BUY"),
        (lambda: exposure(aimed, three), "volatility: must be given with a volatility target"),
        (lambda: exposure(ExposureConfig(), three, np.ones((4, 2))), "volatility: must not be given"),
        (lambda: exposure(aimed, three, np.ones(4)), r"volatility: must have shape \(4, 2\); got \(4,\)"),
        (lambda: exposure(ExposureConfig(), three, None, np.ones(4, dtype=bool)), "present: must have shape"),
    ):
        with pytest.raises(RunError, match=line):
            call()


@pytest.mark.parametrize(
    "bad",
    [{"dead_band": -0.1}, {"dead_band": 1.0}, {"max_exposure": 0.0}, {"scale": math.inf}, {"smoothing": 1}],
)
def test_impossible_rules_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        ExposureConfig(**bad)  # type: ignore[arg-type]
