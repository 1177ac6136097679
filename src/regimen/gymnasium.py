"""Importing this makes the environments of Regimen known to Gymnasium: ``gymnasium.make("regimen/Hysteresis-v0")``.

Gymnasium 1.0 no longer asks installed packages for their environments: whoever makes one imports the package that
registers it, or names it, ``gymnasium.make("regimen.gymnasium:regimen/Hysteresis-v0")``. What is registered here are
names; an environment is imported when it is made.
"""

from __future__ import annotations

import gymnasium

KNOWN_MARKETS = {
    "Martingale": "martingale",
    "Ar1": "ar1",
    "OrnsteinUhlenbeck": "ou",
    "Hysteresis": "hysteresis",
    "GarleanuPedersen": "garleanu-pedersen",
    "HiddenRegime": "hidden",
    "Kelly": "kelly",
    "Merton": "merton",
}
"""The markets with a known optimum: by the name of the environment, what ``regimen prove --market`` calls them."""


def register() -> None:
    """Makes ``regimen/Market-v0`` and an environment of each known market known to Gymnasium, once."""
    if "regimen/Market-v0" in gymnasium.registry:
        return
    gymnasium.register("regimen/Market-v0", entry_point="regimen.envs.adapters.market_env:MarketEnv")
    for name, market in KNOWN_MARKETS.items():
        gymnasium.register(
            f"regimen/{name}-v0",
            entry_point="regimen.proving.gymnasium_env:KnownOptimumEnv",
            vector_entry_point="regimen.proving.gymnasium_env:KnownOptimumVectorEnv",
            kwargs={"market": market},
        )


register()
