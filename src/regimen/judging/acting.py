"""How a policy acts: what its actions tell of the state, and drawn actions beside the deterministic ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from regimen.errors import ConfigError
from regimen.judging.document import read
from regimen.judging.growth import MATERIAL, Difference, annual_growth, difference

if TYPE_CHECKING:
    from regimen.execution import Ledger

SHARE = 0.10
"""Drawn and deterministic actions differ when the growth between them exceeds this share of the yardstick."""


@dataclass(frozen=True)
class Acting:
    """What the caller measured of a policy that can draw its actions as well as take the best one.

    In a panel both entropies are of the joint action, or both the mean over the symbols' own.

    Attributes:
        drawn: the same policy with drawn actions, on the same bars through the same market; None if not traded.
        action_entropy: H(A), nats: the entropy of the mixture of the policy's distributions over all judged states.
        conditional_entropy: H(A|S), nats: the mean over those states of the entropy of the distribution in each.
        kind: "continuous" entropies are differential and may be negative; their difference means the same.

    Raises:
        ConfigError: an entropy that is not finite, a negative one of discrete actions, an unknown kind.
    """

    drawn: Ledger | None
    action_entropy: float
    conditional_entropy: float
    kind: Literal["discrete", "continuous"]

    def __post_init__(self) -> None:
        if self.kind not in ("discrete", "continuous"):
            raise ConfigError("acting.kind", "must be discrete or continuous", self.kind)
        for name in ("action_entropy", "conditional_entropy"):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ConfigError(f"acting.{name}", "must be a finite number of nats", value)
            if self.kind == "discrete" and value < -1e-9:
                raise ConfigError(f"acting.{name}", "must not be negative: the actions are discrete", value)

    @property
    def information(self) -> Information:
        """I(S;A) of the drawn actions."""
        return Information(self.action_entropy, self.conditional_entropy, self.kind, "drawn actions")


@dataclass(frozen=True)
class Information:
    """The mutual information of state and action, I(S;A) = H(A) − H(A|S), in nats.

    Attributes:
        action_entropy, conditional_entropy: H(A) and H(A|S).
        kind: of the actions.
        source: "targets": from the ledger alone, as of a deterministic policy; "drawn actions": measured by
            the caller.
    """

    action_entropy: float
    conditional_entropy: float
    kind: Literal["discrete", "continuous"]
    source: Literal["targets", "drawn actions"]

    @property
    def nats(self) -> float:
        """I(S;A); estimates of the two entropies that cross by a little give 0."""
        return max(0.0, self.action_entropy - self.conditional_entropy)

    def to_dict(self) -> dict[str, object]:
        """Returns plain values."""
        return {"nats": self.nats, **vars(self)}


@dataclass(frozen=True)
class Modes:
    """The policy as it was judged, beside itself with drawn actions; growth is annual log growth.

    Attributes:
        judged, drawn: growth of the two.
        gap: of the judged above the drawn one.
        yardstick: a tenth of it is the largest gap that is no alarm.
        measured_by: what the yardstick is: the known optimum's growth, or the larger of the two in size.
        differ: see `differ`.
    """

    judged: float
    drawn: float
    gap: Difference
    yardstick: float
    measured_by: Literal["known optimum", "larger of the two"]
    differ: bool

    @classmethod
    def from_dict(cls, values: Mapping[str, object], at: str) -> Modes:
        """Reads what `to_dict` wrote; raises `RunError` for another shape."""
        return read(cls, {**values, "gap": {"annual": values.get("gap"), "error": values.get("gap_error")}}, at)

    def to_dict(self) -> dict[str, object]:
        """Returns plain values."""
        return {
            "judged": self.judged,
            "drawn": self.drawn,
            "gap": self.gap.annual,
            "gap_error": self.gap.error,
            "yardstick": self.yardstick,
            "measured_by": self.measured_by,
            "differ": self.differ,
        }


def differ(gap: Difference, yardstick: float) -> bool:
    """Whether the gap exceeds a tenth of the yardstick, its own noise, and 0.1 % a year."""
    large = abs(gap.annual) > max(SHARE * yardstick, MATERIAL) or math.isinf(gap.annual)
    return large and gap.beyond_noise


def compare(judged: Ledger, drawn: Ledger, optimum: Ledger | None) -> Modes:
    """Compares the judged ledger with the one of drawn actions.

    Args:
        judged: the policy.
        drawn: the same policy with drawn actions.
        optimum: of the known optimum, where the market is simulated. One that does not grow (a martingale, where
            the best is not to trade) is no yardstick.

    Raises:
        ConfigError: other bars or another market.
    """
    if drawn.symbols != judged.symbols or not np.array_equal(drawn.time, judged.time):
        raise ConfigError("acting.drawn", f"must cover the {len(judged)} judged bars", len(drawn))
    if drawn.market != judged.market:
        raise ConfigError("acting.drawn", "must be traded in the market of the judged ledger", drawn.market)
    ours, theirs = annual_growth(judged), annual_growth(drawn)
    best = -math.inf if optimum is None else annual_growth(optimum)
    known = best > MATERIAL
    larger = max((abs(value) for value in (ours, theirs) if math.isfinite(value)), default=0.0)
    gap = difference(judged.returns, drawn.returns, judged.bars.periods_per_year)
    yardstick = best if known else larger
    measured_by: Literal["known optimum", "larger of the two"] = "known optimum" if known else "larger of the two"
    return Modes(ours, theirs, gap, yardstick, measured_by, differ(gap, yardstick))
