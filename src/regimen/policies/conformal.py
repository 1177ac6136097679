"""A policy that knows how wide the next move may be, and trades less where that is wide: conformal intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.errors import RunError
from regimen.execution import alone
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.execution import History, Moment, Policy
    from regimen.observation import ObservationSchema
    from regimen.policies.conformal_step import ConformalStep, Intervals
    from regimen.policies.wrapping import Fitting, State

Floats = NDArray[np.float64]
_FITTED = ("horizon", "typical", "widest")


class ConformalConfig(BaseModel):
    """Intervals that hold the next ``horizon`` bars' move with a stated coverage, whatever the market does.

    Gibbs and Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021; see
    `regimen.policies.conformal_step` for the formula and the deviations. On their own they change no exposure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["conformal"] = Field("conformal", description="Adaptive conformal inference, one stream a symbol.")
    coverage: float = Field(0.9, gt=0.0, lt=1.0, description="Share of moves that the intervals hold, in the long run.")
    rate: float = Field(
        0.02,
        ge=0.0,
        lt=1.0,
        description="How far a miss moves the level, shared among the horizon's bars; 0: it stays where it is.",
    )
    scores: int = Field(2000, ge=1, le=100_000, description="Latest moves of a symbol that the quantile is taken of.")
    horizon: int | None = Field(None, ge=1, description="Bars that an interval is about; null: those of the labels.")
    volatility_bars: int = Field(
        50, ge=2, description="Span in bars of the trailing volatility that moves are divided by."
    )
    size_by: Literal["none", "width"] = Field(
        "none", description="width: exposure times typical width / width where that is below 1."
    )
    abstain: float | None = Field(
        None,
        gt=0.0,
        lt=1.0,
        description="Flat while the interval is wider than this quantile of the training slice's; null: never.",
    )

    @model_validator(mode="after")
    def _scores_reach_the_coverage(self) -> Self:
        if math.ceil(self.coverage * (self.scores + 1.0)) > self.scores:
            least = math.ceil(round(self.coverage / (1.0 - self.coverage), 6))
            rule = f"scores must be at least coverage / (1 − coverage), {least} for {self.coverage:g}"
            raise ValueError(f"{rule}; got {self.scores}")
        return self

    def step(self, horizon: int) -> ConformalStep:
        """Returns the step of these settings; ``horizon`` is that of the labels, for a config without one.

        The intervals of h neighbouring bars are about one move and are missed together, so each moves the level by
        ``rate / h``. (By ``rate`` each, a third of the intervals of 20 hours of Bitcoin would have no end.)
        """
        from regimen.policies.conformal_step import ConformalStep

        horizon = self.horizon or horizon
        return ConformalStep(horizon, self.scores, 1.0 - self.coverage, self.rate / horizon, self.volatility_bars)

    def fit(self, fitting: Fitting) -> ConformalIntervals:
        """Finds on the training slice how wide an interval is as a rule, and from where on it is too wide.

        Raises:
            RunError: the training slice has no interval, or most have no end.
        """
        step = self.step(fitting.labels.horizon)
        intervals = step.scan(
            fitting.history.tape, step.initial_state(len(fitting.history.bars.symbols)), fitting.train.stop
        )
        rows = fitting.train
        widths = np.sort(intervals.widths[rows.start : rows.stop][rows.usable])
        widths = widths[~np.isnan(widths)]
        if not len(widths):
            rule = "need training bars behind which there are enough bars for a volatility and scores"
            raise RunError("intervals", rule, f"{rows.rows} rows without")
        if widths[len(widths) // 2] == np.inf:
            raise RunError("intervals.rate", "must be lower: half the training intervals have no end", self.rate)
        return ConformalIntervals(self, step.horizon, float(np.median(widths)), self._widest(widths))

    def from_state(self, state: State) -> ConformalIntervals:
        """Returns the intervals that gave this state.

        Raises:
            RunError: a number is missing.
        """
        try:
            return ConformalIntervals(self, *(float(state[name]) for name in _FITTED))
        except (KeyError, TypeError):
            raise RunError("run", f"holds damaged intervals: must have {', '.join(_FITTED)}", sorted(state)) from None

    def _widest(self, widths: Floats) -> float:
        """Returns the widest half width that is traded on; what has no end never is."""
        most = float(np.finfo(np.float64).max)
        if self.abstain is None:
            return most
        return min(float(widths[math.ceil(self.abstain * len(widths)) - 1]), most)


@final
class ConformalIntervals:
    """Intervals fitted on a training slice, ready to go around a policy.

    Args:
        config: the settings.
        horizon: bars that an interval is about.
        typical: median half width on the training slice, a fraction of the price.
        widest: half width beyond which nothing is traded, the largest number for never.
    """

    def __init__(self, config: ConformalConfig, horizon: float, typical: float, widest: float) -> None:
        self.config, self.horizon, self.typical, self.widest = config, int(horizon), typical, widest
        self.step = config.step(self.horizon)

    def __repr__(self) -> str:
        return short(self, f"coverage {self.config.coverage:g} of {self.horizon} bars, typically ±{self.typical:.2%}")

    def around(self, policy: Policy) -> ConformalPolicy:
        """Returns the policy with intervals."""
        return ConformalPolicy(policy, self)

    def state(self) -> State:
        """Returns what was fitted."""
        return {name: np.array(float(getattr(self, name))) for name in _FITTED}

    def shares(self, widths: Floats) -> Floats:
        """Returns what is kept of an exposure at each half width, 0 to 1.

        1 where neither ``size_by`` nor ``abstain`` is set. Else 0 where there is no interval, or one without end: a
        risk that is not known is not taken.
        """
        if self.config.size_by == "none" and self.config.abstain is None:
            return np.ones(widths.shape)
        kept = np.where(widths <= self.widest, 1.0, 0.0)
        if self.config.size_by == "width":
            wide = widths > self.typical
            kept *= np.where(wide, self.typical / np.where(wide, widths, 1.0), 1.0)
        return kept


@final
class ConformalPolicy:
    """``policy -> exposure x share kept at the width of the interval``.

    What it remembers is the intervals' memory beside the policy's. *Timing:* the interval at bar t uses bars <= t, and
    of earlier intervals only those whose outcome is known by then.

    Args:
        below: whose exposures are made smaller, or left.
        intervals: fitted on the policy's training slice.
    """

    def __init__(self, below: Policy, intervals: ConformalIntervals) -> None:
        self.below, self.fitted = below, intervals

    @property
    def schema(self) -> ObservationSchema:
        """That of the policy."""
        return self.below.schema

    def __repr__(self) -> str:
        return short(self, f"{self.below!r}, {self.fitted!r}")

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar."""
        step = self.fitted.step
        return np.concatenate([step.initial_state(symbols), self.below.initial_state(symbols)], axis=1)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        following = state.copy()
        memory = self.fitted.step.memory
        self.fitted.step.push(moment.tape, following)
        following[:, memory:] = self.below.watch(moment, state[:, memory:])
        return following

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) that are kept, and what is remembered."""
        following = state.copy()
        memory = self.fitted.step.memory
        widths = self.fitted.step.push(moment.tape, following)
        exposures, following[:, memory:] = self.below.act(moment, state[:, memory:])
        return exposures * self.fitted.shares(widths), following

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop); the intervals begin at the first bar."""
        widths = self.intervals(history, start, stop).widths
        return alone(self.below, history, start, stop) * self.fitted.shares(widths)

    def intervals(self, history: History, start: int, stop: int) -> Intervals:
        """Returns the intervals of bars [start, stop), with what became of them where the history shows it."""
        step = self.fitted.step
        last = min(stop + step.horizon + 1, len(history.bars))
        whole = step.scan(history.tape, step.initial_state(len(history.bars.symbols)), last)
        return type(whole)(whole.widths[start:stop], whole.misses[start:stop])
