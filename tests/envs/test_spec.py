"""`EnvSpec`: what is known of lanes before anything acts in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from regimen.agents import PPOConfig
from regimen.envs import EnvSpec, MarketGroup, VectorMarket, as_spec, require_shown, spec_of
from regimen.errors import ConfigError, RunError

Make = Callable[..., Any]


@pytest.fixture
def market(make_bars: Make, make_features: Make) -> Make:
    def make(symbols: int, actions: str) -> VectorMarket:
        bars = make_bars(symbols=symbols)
        return VectorMarket(bars, make_features(bars), n_envs=2, episode_length=5, actions=actions)

    return make


@pytest.mark.parametrize("actions", ["continuous", "levels"])
@pytest.mark.parametrize("symbols", [1, 3])
def test_a_spec_says_what_a_lane_shows_and_takes(market: Make, symbols: int, actions: str) -> None:
    env = market(symbols, actions)
    spec = spec_of(env)
    assert spec == spec_of(MarketGroup([env, market(symbols, actions)]))
    assert (spec.size, spec.choices is None) == (symbols, actions == "continuous")
    assert spec.width == symbols * len(env.columns)
    assert spec.columns[0] == ("" if symbols == 1 else "A.") + env.columns[0]


def test_no_agent_takes_choices_for_several_symbols(market: Make) -> None:
    env = market(3, "levels")
    with pytest.raises(RunError, match=r"^actions: must be continuous for a panel of symbols; got '\d choices each'$"):
        as_spec(env)
    with pytest.raises(RunError, match="must be continuous for a panel of symbols"):
        PPOConfig().build(EnvSpec(columns=("x", "y"), choices=3, size=2))
    assert as_spec(market(3, "continuous")).size == 3


def test_what_has_no_spec_is_refused() -> None:
    with pytest.raises(
        RunError, match=r"^env: must be a VectorMarket, a MarketGroup or lanes with a spec; got 'list'$"
    ):
        spec_of([])


def test_a_column_that_is_not_shown_is_refused_with_the_nearest_that_is() -> None:
    columns = ("return_1", "cash", "position")
    require_shown("field", ("cash", "position"), columns)
    for name, line in (
        ("positon", "field: must be of columns that lanes show (did you mean 'position'?); got 'positon'"),
        ("luck", "field: must be of columns that lanes show (as return_1, cash, position are); got 'luck'"),
    ):
        with pytest.raises(ConfigError) as caught:
            require_shown("field", ("cash", name), columns)
        assert str(caught.value) == line
