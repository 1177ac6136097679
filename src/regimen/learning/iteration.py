"""The record of one iteration of learning, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Iteration:
    """One iteration of learning: some steps of the environment and the updates made with them.

    Attributes:
        iteration: its number since the agent was built, from 1.
        steps: environment steps of this call of `learn` so far, over all lanes.
        total: steps that the call will have made at its end.
        reward: mean reward of a step, in the environment's unit; NaN before the first step.
        entropy: of the policy where it was, mean, in nats (discrete) or of the density (continuous).
        numbers: what else the algorithm tells, by name; NaN where undefined.
        seconds: wall time of the iteration; two equal runs differ here only.
    """

    iteration: int
    steps: int
    total: int
    reward: float
    entropy: float
    numbers: Mapping[str, float]
    seconds: float = field(compare=False)


Progress = Callable[[Iteration], None]
