"""What one experiment is: a market, an agent, how long it learns, and what it must reach."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from regimen.agents import OwnAgentConfig
from regimen.envs import Wraps
from regimen.learning import AgentSettings
from regimen.proving.known_market import PlayableMarket

Mode = Literal["deterministic", "drawn"]
MODES: tuple[Mode, ...] = ("deterministic", "drawn")
SIDES = (-1.0, 0.0, 1.0)


@dataclass(frozen=True)
class Demand:
    """A bound on one measure over the seeds.

    Attributes:
        measure: its name, one of those that `fits.measures` gives for the market.
        statistic: ``iqm`` over the seeds, or the ``worst`` of them.
        low, high: what it must lie between.
        modes: where it is demanded; the measure is reported in both.
    """

    measure: str
    statistic: Literal["iqm", "worst"]
    low: float = -math.inf
    high: float = math.inf
    modes: tuple[Mode, ...] = MODES

    @property
    def rule(self) -> str:
        """The bound in words."""
        if math.isinf(self.high):
            return f"must be at least {self.low:g}"
        if math.isinf(self.low):
            return f"must be at most {self.high:g}"
        return f"must lie between {self.low:g} and {self.high:g}"

    def margin(self, value: float) -> float:
        """Returns how far inside the bound a value is; negative outside, −inf for NaN."""
        return -math.inf if math.isnan(value) else min(value - self.low, self.high - value)


@dataclass(frozen=True)
class Arena:
    """A market, the positions that may be held on it, and what whoever learns on it must reach.

    Attributes:
        name: as on the command line.
        market: with a known optimum.
        demands: in order.
        levels: positions to choose from; None: any in [−reach, reach].
        reach: of a continuous position.
        show_position: whether the agent sees its position; on a market whose state is hidden, one bit of memory.
    """

    name: str
    market: PlayableMarket
    demands: tuple[Demand, ...]
    levels: tuple[float, ...] | None = SIDES
    reach: float = 1.0
    show_position: bool = True

    def continuous(self) -> Arena:
        """Returns the same market for agents that choose any position in [−reach, reach]."""
        return replace(self, levels=None)

    def demanding(self, *demands: Demand) -> Arena:
        """Returns the same market with other demands."""
        return replace(self, demands=demands)


@dataclass(frozen=True)
class Experiment:
    """An agent on a market.

    Attributes:
        arena: the market.
        agent: config of the agent.
        steps: environment steps to learn from, over all lanes.
        lanes: side by side.
        bars: length of the path that they walk.
        episode_length: steps until a lane begins anew elsewhere.
        walks: fresh paths of an evaluation, for each mode.
        walk_bars: length of each; 512,000 decisions in all unless told otherwise.
        wrappers: around the lanes that it learns in, the last outside; it is evaluated without them.
        name: of the agent on the command line; its kind unless given, and of one of the user's own its class.
    """

    arena: Arena
    agent: AgentSettings
    steps: int
    lanes: int = 512
    bars: int = 200_000
    episode_length: int = 256
    walks: int = 256
    walk_bars: int = 2000
    wrappers: tuple[Wraps, ...] = ()
    name: str = field(default="")

    def __post_init__(self) -> None:
        if not self.name:
            own = self.agent.name if isinstance(self.agent, OwnAgentConfig) else None
            object.__setattr__(self, "name", own or type(self.agent).model_fields["kind"].default)

    def __str__(self) -> str:
        return f"{self.name} on {self.arena.name}"

    def shortened(self, *demands: Demand) -> Self:
        """Returns the same experiment with fewer and shorter walks, and demands that few steps can meet."""
        return replace(self, walks=64, walk_bars=1000, arena=self.arena.demanding(*demands))
