"""Limits of an account that trades unattended: one pure step between a policy's targets and the account's orders."""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.safeguards.config import LIMITS, SafeguardsConfig
    from regimen.safeguards.guard import ALARMS, Guard, Ruling, Sighting, Standing

__all__ = ["ALARMS", "LIMITS", "Guard", "Ruling", "SafeguardsConfig", "Sighting", "Standing"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "ALARMS": ".guard",
        "Guard": ".guard",
        "LIMITS": ".config",
        "Ruling": ".guard",
        "SafeguardsConfig": ".config",
        "Sighting": ".guard",
        "Standing": ".guard",
    },
)
