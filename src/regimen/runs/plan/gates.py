"""What a phase must pass: rules that the right answer passes on every market, the one that never trades too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.envs import ContinuousConfig, LevelsConfig
from regimen.errors import ConfigError
from regimen.numerals import number, percent
from regimen.records import RunConfig

Market = Literal["martingale", "ar1", "ou", "hysteresis", "garleanu-pedersen", "hidden"]


@dataclass(frozen=True)
class Measured:
    """What is known of an attempt; None: not measured, because no gate asks for it, or nothing there can be.

    Attributes:
        information: I(S;A), nats.
        right: whether holding is right there: nothing that was tried earns after costs.
        differ: whether deterministic and drawn actions differ in growth beyond noise.
        drawdown, reference_drawdown: deepest of the policy, and of buy and hold.
        regimes: profit and loss in each state of the market that occurred.
        windows: (policy, control) total return of each walk-forward window.
        shares: share of the optimum on known markets, by name; on a martingale 1 less the share of random turnover.
    """

    information: float | None = None
    right: bool = False
    differ: bool | None = None
    drawdown: float = 0.0
    reference_drawdown: float = 0.0
    regimes: tuple[float, ...] = ()
    windows: tuple[tuple[float, float], ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)


class _Gate(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OptimumGate(_Gate):
    """The phase's agent, trained on a known market, reaches a share of its optimum."""

    kind: Literal["optimum"] = Field("optimum", description="share of the optimum on a known market")
    market: Market = Field("hysteresis", description="the known market")
    least: float = Field(0.9, description="share of the optimum's reward over the baseline's")
    steps: int = Field(200_000, ge=1, description="environment steps to learn from there")


class InformationGate(_Gate):
    """Actions answer to what is seen, or holding is right."""

    kind: Literal["information"] = Field("information", description="I(S;A), where something can be earned")
    least: float = Field(0.02, description="nats")


class ModesGate(_Gate):
    """Deterministic and drawn actions earn the same."""

    kind: Literal["modes"] = Field("modes", description="deterministic against drawn actions")


class DrawdownGate(_Gate):
    """The deepest drawdown is bounded, or no deeper than that of buy and hold."""

    kind: Literal["drawdown"] = Field("drawdown", description="deepest drawdown, or that of buy and hold")
    most: float = Field(0.15, description="share of the peak")


class RegimesGate(_Gate):
    """Nothing is lost in several states of the market, or in all that occurred where there were fewer."""

    kind: Literal["regimes"] = Field("regimes", description="states of the market without a loss")
    least: int = Field(3, description="states")


class WindowsGate(_Gate):
    """Most windows end at or above what holding nothing would have."""

    kind: Literal["windows"] = Field("windows", description="walk-forward windows at or above their control")
    least: float = Field(0.7, description="share of the windows")


Gate = Annotated[
    OptimumGate | InformationGate | ModesGate | DrawdownGate | RegimesGate | WindowsGate, Field(discriminator="kind")
]
"""Every gate's config."""

_STATES = 4
"""States of the market that a report knows, at most."""


def require_passable(gate: Gate, config: RunConfig, at: str) -> None:
    """Refuses a gate that no policy can pass.

    Raises:
        ConfigError: it is one.
    """
    field_name, value, limit, why = "least", float(getattr(gate, "least", 0.0)), math.inf, ""
    if isinstance(gate, OptimumGate):
        limit, why = 1.0, "the optimum itself has a share of 1"
    elif isinstance(gate, WindowsGate):
        limit, why = 1.0, "there are no more windows than all"
    elif isinstance(gate, RegimesGate):
        limit, why = float(_STATES), "the market has no more states"
    elif isinstance(gate, InformationGate):
        limit, why = _most_information(config), "no policy tells more with these actions"
    elif isinstance(gate, DrawdownGate) and gate.most < 0.0:
        raise ConfigError(f"{at}.most", "must be at least 0, or no policy can pass this gate", gate.most)
    if value > limit:
        rule = f"must be at most {limit:.3g}, or no policy can pass this gate: {why}"
        raise ConfigError(f"{at}.{field_name}", rule, value)


def _most_information(config: RunConfig) -> float:
    actions = config.environment.actions
    if isinstance(actions, ContinuousConfig):
        return math.log(21.0)  # the bins that a continuous action is counted in
    choices = len(actions.levels) if isinstance(actions, LevelsConfig) else int(actions.high) + 1
    return math.log(choices)


def passes(gate: Gate, measured: Measured) -> tuple[bool, str]:
    """Returns whether an attempt passes, and what was measured, in words."""
    if isinstance(gate, OptimumGate):
        share = measured.shares.get(gate.market, -math.inf)
        return share >= gate.least, f"{percent(share)} of the optimum on {gate.market} (at least {percent(gate.least)})"
    if isinstance(gate, InformationGate):
        if measured.right:
            return True, "holding is right: nothing that was tried earns after costs"
        if measured.information is None:
            return True, "I(S;A) is not measured for this model"
        words = f"I(S;A) {number(measured.information, 3)} nats (at least {gate.least:g})"
        return measured.information >= gate.least, words
    if isinstance(gate, ModesGate):
        return (
            measured.differ is not True,
            f"deterministic and drawn actions {'differ' if measured.differ else 'agree'}",
        )
    if isinstance(gate, DrawdownGate):
        limit = max(gate.most, measured.reference_drawdown)
        return measured.drawdown <= limit, f"drawdown {percent(measured.drawdown)} (at most {percent(limit)})"
    if isinstance(gate, RegimesGate):
        without = sum(profit >= 0.0 for profit in measured.regimes)
        wanted = min(gate.least, len(measured.regimes))
        return without >= wanted, f"no loss in {without} of {len(measured.regimes)} states (at least {wanted})"
    above = sum(own >= control for own, control in measured.windows)
    share = above / len(measured.windows) if measured.windows else 1.0
    return (
        share >= gate.least,
        f"{percent(share, 0)} of windows not below their control (at least {percent(gate.least, 0)})",
    )
