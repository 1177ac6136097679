"""Limits of an account that trades unattended: one pure step between a policy's targets and the account's orders."""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.safeguards.backtest import GuardRecord, guarded
    from regimen.safeguards.config import LIMITS, SafeguardsConfig
    from regimen.safeguards.effects import LimitEffect, LimitEffects, limit_effects
    from regimen.safeguards.guard import ALARMS, Guard, Operator, Ruling, Sighting, Standing, missing_bars

__all__ = [
    "ALARMS",
    "LIMITS",
    "Guard",
    "GuardRecord",
    "LimitEffect",
    "LimitEffects",
    "Operator",
    "Ruling",
    "SafeguardsConfig",
    "Sighting",
    "Standing",
    "guarded",
    "limit_effects",
    "missing_bars",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "ALARMS": ".guard",
        "Guard": ".guard",
        "GuardRecord": ".backtest",
        "guarded": ".backtest",
        "limit_effects": ".effects",
        "LimitEffect": ".effects",
        "LimitEffects": ".effects",
        "LIMITS": ".config",
        "missing_bars": ".guard",
        "Operator": ".guard",
        "Ruling": ".guard",
        "SafeguardsConfig": ".config",
        "Sighting": ".guard",
        "Standing": ".guard",
    },
)
