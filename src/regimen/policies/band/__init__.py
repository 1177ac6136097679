"""A no-trade band around any policy: its width by the theory of proportional costs, and what is held within it."""

from __future__ import annotations

from regimen.policies.band.no_trade import Banded, NoTradeBand, NoTradeConfig

__all__ = ["Banded", "NoTradeBand", "NoTradeConfig"]
