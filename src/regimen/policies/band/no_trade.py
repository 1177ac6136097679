"""A no-trade band around any policy: what is held stays while it is near enough to the aim, since trading costs."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from regimen.errors import RunError
from regimen.execution import alone
from regimen.policies.band.width import Motion, bound_of, expected_returns, motion_of, next_returns, slope
from regimen.policies.wrapping import innermost
from regimen.reprs import short, short_config

if TYPE_CHECKING:
    from regimen.execution import History, Moment, Policy
    from regimen.observation import ObservationSchema
    from regimen.policies.wrapping import Fitting, State

Floats = NDArray[np.float64]
_BAND = ("width", "low", "high", "bound")
_log = logging.getLogger("regimen.runs")


class NoTradeConfig(BaseModel):
    """``x_t = clip(clamp(x_{t−1}, aim − width, aim + width), ± max_exposure)``: to the nearer edge, or not at all.

    The best rule under a cost in proportion to what is traded. *Optimal*: an aim A = f/κ, where f is the return
    expected of the next bar and being off by x costs κx²/2, moves by β a bar and trading costs c a unit:
    ``width = (3cβ²/2κ)^{1/3} − .583β``. The first term is the limit of small costs, the second what is too much of it
    where decisions fall once a bar.

    The cap comes after the band, so that an exposure rule is read without its cap, its ``long_only`` and its
    ``dead_band`` here. Where nothing but the cap limits a position (κ → 0) every aim is far beyond it, and what is left
    is the hysteresis of a risk-neutral trader: all in one direction until the signal is well against it.

    Two things a policy says are taken at their word: an aim of exactly 0 (nothing is known, or a gate is shut) is
    nothing held, and an aim at the bound that a policy has of its own, as agents have, is that bound, since how far
    beyond it the policy would go is not known.

    Sources: R. Martin and T. Schöneborn, arXiv 1103.4934 (2011), for the cube root; J. de Lataillade et al., arXiv
    1203.5957 (2012), for capped positions; M. Broadie, P. Glasserman and S. Kou, Mathematical Finance 7 (1997), for
    .583.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["no_trade"] = Field("no_trade", description="No trade within a distance of the aim.")
    width: Literal["optimal"] | float = Field(
        "optimal", description="Largest distance from the aim, as a fraction of equity; optimal: by theory."
    )
    target: Literal["edge", "aim"] = Field(
        "edge", description="Where a trade goes: to the nearer edge, best for proportional costs, or all the way."
    )

    @field_validator("width", mode="before")
    @classmethod
    def _optimal_or_a_number(cls, value: object) -> object:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value < math.inf
        if value != "optimal" and not is_number:
            raise ValueError("must be optimal, or a number of at least 0")
        return value

    def __repr__(self) -> str:
        return short_config(self)

    def fit(self, fitting: Fitting) -> NoTradeBand:
        """Returns the band of a window.

        β and φ come from the aims on the validation slice. κ comes from what the policy's probabilities expect there,
        with the returns that the classes had in the training slice, spread over the bars that a label is held; of a
        policy without probabilities from the training slice, by the slope of the next bar's return on the aim.

        Args:
            fitting: the policy, and the slices that may teach something.
        """
        policy, sight = innermost(fitting.policy, fitting.history)
        says = getattr(policy, "probabilities", None)
        start = fitting.validation.start if says is not None else fitting.train.start
        stop = fitting.validation.stop
        aims = np.full(fitting.history.bars.shape, np.nan)
        aims[start:stop] = alone(fitting.policy, fitting.history, start, stop)
        low, high = fitting.limits
        bound = math.inf if says is not None else bound_of(aims[start:stop])
        if self.width != "optimal":
            return NoTradeBand(self, self.width, low, high, bound)
        part = fitting.validation
        if says is not None:
            returns = np.full(aims.shape, np.nan)
            returns[start:stop] = expected_returns(
                says(sight, start, stop), getattr(policy, "rule", None), fitting.labels, fitting.train
            )
        else:
            part, returns = fitting.train, next_returns(fitting.history.bars, fitting.train)
        known = part.mask & np.isfinite(aims) & np.isfinite(returns)
        motion = motion_of(
            aims,
            fitting.validation.mask & np.isfinite(aims),
            slope(aims[known], returns[known]),
            0.5 * fitting.market.costs.round_trip,
            bound,
        )
        if not motion.worth > 0.0:
            end = str(fitting.history.bars.time[fitting.validation.stop - 1])[:10]
            rule = "nothing is traded in the window behind it: the aims expect no return where the policy was fitted"
            _log.warning("band: fitted up to %s: %s", end, rule)
        return NoTradeBand(self, motion.width, low, high, bound, motion)

    def from_state(self, state: State) -> NoTradeBand:
        """Returns the band that gave a state; NaN stands for infinite.

        Raises:
            RunError: a number is missing.
        """
        fitted = ("persistence", "innovation", "worth", "cost") if self.width == "optimal" else ()
        try:
            numbers = {name: float(np.asarray(state[name], np.float64)) for name in (*_BAND, *fitted)}
        except (KeyError, TypeError, ValueError):
            names = ", ".join((*_BAND, *fitted))
            raise RunError("run", f"holds a damaged band: must have {names}", sorted(state)) from None
        width, low, high, bound = (numbers[name] for name in _BAND)
        width, high, bound = (math.inf if math.isnan(value) else value for value in (width, high, bound))
        motion = Motion(*(numbers[name] for name in fitted)) if fitted else None
        return NoTradeBand(self, width, -math.inf if math.isnan(low) else low, high, bound, motion)


@final
@dataclass(frozen=True)
class NoTradeBand:
    """The band of one window.

    Attributes:
        config: what is asked for.
        width: largest distance from the aim that is not traded; infinite: nothing is ever traded.
        low, high: the cap.
        bound: size of aim that the policy itself does not go beyond; infinite where it has none.
        motion: that the width comes from; None where it is given.
    """

    config: NoTradeConfig
    width: float
    low: float = -math.inf
    high: float = math.inf
    bound: float = math.inf
    motion: Motion | None = None

    def __repr__(self) -> str:
        return short(self, "never trades" if math.isinf(self.width) else f"± {self.width:.3g}")

    def around(self, policy: Policy) -> Banded:
        """Returns the policy behind the band."""
        return Banded(policy, self)

    def scan(self, aims: Floats, present: NDArray[np.bool_], last: Floats) -> Floats:
        """Returns the targets (time, symbol) of aims (time, symbol); ``last`` (symbol,) is taken on to the last bar's.

        A symbol without a bar keeps its target, and so does one whose aim is NaN (keep).
        """
        from regimen.policies.band.holding import hold  # with its compiler, which no config needs

        out = np.empty(aims.shape)
        all_the_way = self.config.target == "aim"
        hold(aims, present, self.width, self.low, self.high, self.bound, all_the_way, last, out)
        return out

    def state(self) -> dict[str, Floats]:
        """Returns what was fitted, by name; NaN stands for infinite."""
        values = {name: getattr(self, name) for name in _BAND}
        if self.motion is not None:
            values |= vars(self.motion)
        return {name: np.array(value if math.isfinite(value) else math.nan) for name, value in values.items()}


@final
class Banded:
    """``policy -> band``. What it remembers is each symbol's last target beside the policy's memory.

    Before trading begins nothing is held: the targets begin at 0.

    Args:
        below: says the aims.
        band: decides what of them is traded.
    """

    def __init__(self, below: Policy, band: NoTradeBand) -> None:
        self.below = below
        self.band = band

    def __repr__(self) -> str:
        return short(self, f"{self.below!r}, {self.band!r}")

    @property
    def schema(self) -> ObservationSchema:
        """That of the policy."""
        return self.below.schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, 1 + memory) before the first bar."""
        return np.concatenate([np.zeros((symbols, 1)), self.below.initial_state(symbols)], axis=1)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        return np.concatenate([state[:, :1], self.below.watch(moment, state[:, 1:])], axis=1)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the targets (symbol,), and what is remembered."""
        aims, following = self.below.act(moment, state[:, 1:])
        last = state[:, 0].copy()
        targets = self.band.scan(aims[None], moment.present[None], last)[0]
        return targets, np.concatenate([last[:, None], following], axis=1)

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the targets (stop − start, symbol) of bars [start, stop)."""
        aims = alone(self.below, history, start, stop)
        return self.band.scan(aims, history.bars.present[start:stop], np.zeros(aims.shape[1]))
