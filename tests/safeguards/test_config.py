"""The limits as they are written."""

from __future__ import annotations

import pytest

from regimen.errors import ConfigError
from regimen.safeguards import LIMITS, SafeguardsConfig
from regimen.settings import validated


def test_defaults_are_those_of_the_page() -> None:
    config = SafeguardsConfig()
    assert (config.trades, config.position, config.daily_loss, config.drawdown) == (100, 0.10, 0.02, 0.15)
    assert (config.drawdown_warning, config.correlated_exposure, config.confidence) == (0.10, 0.7, 0.6)
    assert config.limits == LIMITS


def test_each_limit_is_a_field_and_can_be_left_out() -> None:
    for name in LIMITS:
        assert name in SafeguardsConfig.model_fields
        assert SafeguardsConfig().without(name).limits == tuple(each for each in LIMITS if each != name)
    with pytest.raises(ConfigError, match="limit: must be one of trades"):
        SafeguardsConfig().without("luck")


def test_a_warning_that_could_never_ring_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"drawdown_warning must be below drawdown \(0.15\)"):
        validated(SafeguardsConfig, {"drawdown_warning": 0.2}, "safeguards.")
    with pytest.raises(ConfigError, match="safeguards: drawdown_warning must be below"):
        SafeguardsConfig(drawdown=0.1)
    assert SafeguardsConfig(drawdown=None, drawdown_warning=0.2).drawdown_warning == 0.2


def test_mistakes_name_their_field() -> None:
    with pytest.raises(ConfigError, match=r"safeguards\.daily_loss"):
        validated(SafeguardsConfig, {"daily_loss": 2}, "safeguards.")
    with pytest.raises(ConfigError, match=r"safeguards\.dayly_loss"):
        validated(SafeguardsConfig, {"dayly_loss": 0.02}, "safeguards.")


def test_it_shows_what_differs() -> None:
    assert repr(SafeguardsConfig(position=None)) == "SafeguardsConfig(position=None)"
