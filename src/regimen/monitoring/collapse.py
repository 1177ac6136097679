"""Does the policy still choose? The share of its commonest action, beside that of its own windows in training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.errors import DataError, RunError
from regimen.jit import jit
from regimen.monitoring.bounds import upper_bound
from regimen.reprs import many, short
from regimen.settings import validated

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

FEWEST = 6
"""Windows that the decisions on the training slice must fill."""


class CollapseConfig(BaseModel):
    """How the variety of decisions is watched."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["share"] = Field("share", description="Share of the commonest action in a window.")
    window: int | None = Field(None, ge=8, description="Bars of a window; null: those of a month.")
    checks: int = Field(4, ge=1, le=64, description="Looks at the latest window while a window passes.")
    step: float = Field(0.1, gt=0.0, le=2.0, description="Exposures this far apart are different actions.")
    most: float = Field(1.0, gt=0.0, description="Exposures beyond this, on either side, count as it.")
    level: float = Field(0.01, gt=0.0, lt=0.5, description="Share of windows that ring while nothing changes.")

    @model_validator(mode="after")
    def _checks_share_the_window(self) -> Self:
        if self.window is not None and self.window % self.checks:
            raise ValueError(f"window must be a multiple of checks, {self.checks}; got {self.window}")
        return self

    def bars(self, periods_per_year: float) -> int:
        """Returns the bars of a window: ``window``, or those of a month, as a multiple of the checks."""
        if self.window is not None:
            return self.window
        return max(round(periods_per_year / 12.0 / self.checks), -(-8 // self.checks)) * self.checks

    @property
    def actions(self) -> int:
        """How many actions there are, the last one being "leave everything as it is"."""
        return 2 * math.ceil(round(self.most / self.step, 9)) + 2


class CollapseMemory(NamedTuple):
    """What is remembered of the decisions so far; a step gives another one and changes none."""

    current: Counts
    """(action,) decisions since the last check."""
    earlier: Counts
    """(check, action) those between the checks before, the oldest first."""
    bars: NDArray[np.int64]
    """() bars observed."""


class CollapseReading(NamedTuple):
    """What the latest complete window shows."""

    share: float
    """Of the commonest action."""
    threshold: float
    """Share beyond which it rings; 1 or more: it never does."""
    entropy: float
    """Of the actions, 0 to 1: −Σ p log p / log(number of actions)."""
    rings: bool


@dataclass(frozen=True, eq=False)
class CollapseReference:
    """How uniform a policy's decisions were on its training slice.

    The statistic is the share of the commonest action among the decisions of W bars, all symbols together. The
    threshold is `upper_bound` of what the slice's own windows have: of the largest share of each group of checks that
    fill one window, on the scale −log(1 − share). A policy that was of one mind for whole windows of its training
    slice has a threshold of 1 and cannot ring.

    Timing: a reading after bar t uses decisions at the closes of bars <= t.

    Attributes:
        config: the settings.
        window: W.
        threshold: of the share.
    """

    config: CollapseConfig
    window: int
    threshold: float

    @classmethod
    def of(
        cls, exposures: Floats, config: CollapseConfig | None = None, periods_per_year: float = 8766.0
    ) -> CollapseReference:
        """Fits the reference on a policy's decisions.

        Args:
            exposures: (time, symbol) what it wanted on the training slice; NaN leaves everything as it is.
            config: the settings; the usual ones unless given.
            periods_per_year: bars a year, which say how long a month is.

        Raises:
            DataError: fewer than six windows.
        """
        config = config or CollapseConfig()
        window = config.bars(periods_per_year)
        if len(exposures) < FEWEST * window:
            rule = f"needs decisions on {FEWEST} windows of {window} bars (monitoring.collapse.window sets it)"
            raise DataError("collapse", rule, many(len(exposures), "bar"))
        shares = _window_shares(exposures[len(exposures) % (window // config.checks) :], config, window)
        groups = len(shares) // config.checks
        largest = shares[: groups * config.checks].reshape(groups, config.checks).max(axis=1)
        with np.errstate(divide="ignore"):
            scores = -np.log1p(-largest)
        if np.isinf(scores).any():
            return cls(config, window, 1.0)
        return cls(config, window, -math.expm1(-upper_bound(scores, config.level)))

    def __repr__(self) -> str:
        return short(self, f"windows of {many(self.window, 'bar')}, rings above {self.threshold:.1%} of one action")

    def initial(self) -> CollapseMemory:
        """Returns the state before the first decision."""
        empty = np.zeros(self.config.actions, np.int64)
        return CollapseMemory(empty, np.zeros((self.config.checks, len(empty)), np.int64), np.zeros((), np.int64))

    def observe(self, state: CollapseMemory, exposures: Floats) -> CollapseMemory:
        """Returns the state after the decisions (symbol,) of one more bar."""
        following = CollapseMemory(*(part.copy() for part in state))
        self.advance(following, exposures)
        return following

    def advance(self, state: CollapseMemory, exposures: Floats) -> bool:
        """Takes the decisions (symbol,) of one more bar into a memory, in place.

        Returns:
            Whether it completed a check: a reading is new.
        """
        row = np.ascontiguousarray(exposures, np.float64).reshape(-1)
        return _take(
            row, self._step, self.window, self._stretch, state.current, state.earlier, state.bars.reshape(1)
        )  # fmt: skip

    @cached_property
    def _step(self) -> float:
        return self.config.step

    @cached_property
    def _stretch(self) -> int:
        return self.window // self.config.checks

    def is_due(self, state: CollapseMemory) -> bool:
        """Whether the last bar completed a check: a reading is new."""
        bars = int(state.bars)
        return bars >= self.window and bars % self._stretch == 0

    def reading(self, state: CollapseMemory) -> CollapseReading | None:
        """Returns what the latest check showed; None before the first window is complete."""
        if int(state.bars) < self.window:
            return None
        counts = state.earlier.sum(axis=0)
        p = counts[counts > 0] / counts.sum()
        entropy = float(-(p * np.log(p)).sum()) / math.log(self.config.actions)
        share = float(p.max())
        return CollapseReading(share, self.threshold, max(entropy, 0.0), share > self.threshold)

    def shares(self, exposures: Floats) -> tuple[Counts, Floats]:
        """Returns what all checks of some decisions show, as `reading` has it after each.

        Args:
            exposures: (time, symbol) what the policy wanted; NaN leaves everything as it is.

        Returns:
            (check,) position of the bar at whose close it is, and the share of the commonest action in its window.
        """
        shares = _window_shares(exposures, self.config, self.window)
        return self.window - 1 + self._stretch * np.arange(len(shares)), shares

    def to_dict(self) -> dict[str, object]:
        """Returns the reference as what JSON can hold; `of_dict` gives the same bits back."""
        return {
            "config": self.config.model_dump(mode="json"),
            "window": self.window,
            "threshold": self.threshold,
        }

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> CollapseReference:
        """Returns the reference that `to_dict` gave.

        Raises:
            RunError: something is missing.
            ConfigError: its settings are not those of this version.
        """
        try:
            config = validated(CollapseConfig, dict(values["config"]), "collapse.")
            return cls(config, int(values["window"]), float(values["threshold"]))
        except (KeyError, TypeError, ValueError) as error:
            raise RunError("collapse reference", f"is damaged: {error}") from None


def _window_shares(exposures: Floats, config: CollapseConfig, window: int) -> Floats:
    """Returns (check,) the share of the commonest action in the window that ends with each check of exposures."""
    stretch, decisions = window // config.checks, math.prod(exposures.shape[1:])
    checks = len(exposures) // stretch
    parts = np.ascontiguousarray(exposures[: checks * stretch], np.float64).reshape(checks, stretch * decisions)
    sums = np.zeros((checks + 1, config.actions), np.int64)
    for part, counts in zip(parts, sums[1:], strict=True):
        _count(part, config.step, counts)
    sums.cumsum(axis=0, out=sums)
    return np.asarray((sums[config.checks :] - sums[: -config.checks]).max(axis=1) / (window * decisions))


@jit
def _count(exposures: Floats, step: float, counts: Counts) -> None:
    middle = len(counts) // 2 - 1
    for exposure in exposures:
        if exposure != exposure:
            counts[-1] += 1
        else:
            counts[int(min(max(np.rint(exposure / step), -middle), middle)) + middle] += 1


@jit
def _take(row: Floats, step: float, window: int, stretch: int, current: Counts, earlier: Counts, bars: Counts) -> bool:
    _count(row, step, current)
    bars[0] += 1
    if bars[0] % stretch:
        return False
    earlier[:-1] = earlier[1:].copy()
    earlier[-1] = current
    current[:] = 0
    return bool(bars[0] >= window)
