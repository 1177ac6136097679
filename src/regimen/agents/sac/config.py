"""`SACConfig`: every number that decides how soft actor-critic learns, once."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from regimen.agents.soft.settings import SoftSettings
from regimen.learning import BonusConfig, ReplayConfig


class SACConfig(SoftSettings):
    """Soft actor-critic (Haarnoja et al. 2018, arXiv 1801.01290 and 1812.05905) on a vector environment.

    Discrete actions: Christodoulou 2019, arXiv 1910.07207. The number of lanes is the environment's. Entropies are in
    nats for one number of a continuous action, whose unit is half the action's range, or for one choice.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    implementation: ClassVar[str] = "regimen.agents.sac.sac:SAC"
    kind: Literal["sac"] = Field(default="sac", description="the algorithm")
    actor_every: int = Field(default=1, ge=1, description="updates of the critics for one of actor and temperature")
    bonus: BonusConfig | None = Field(
        default=None,
        description="what is paid for seeing something new; null: nothing",
        exclude_if=lambda bonus: bonus is None,  # a config without one is written, and known, as before
    )
    replay: ReplayConfig | None = Field(
        default=None,
        description="how transitions are drawn, where lanes have a goal; null: as they were, uniformly",
        exclude_if=lambda replay: replay is None,  # likewise
    )
