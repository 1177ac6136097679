"""Class probabilities become target exposure: the documented rule, as plain functions on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import RunError, SplitError
from regimen.execution import share
from regimen.settings import FORMER_NAMES

if TYPE_CHECKING:
    from regimen.labels import Labels
    from regimen.policies.kelly import KellyRule
    from regimen.splits import Slice

SELL, HOLD, BUY = 0, 1, 2
FLAT_VOLATILITY = 1e-9  # an annual volatility below this is a price that does not move, not a small risk


class ExposureRule(Protocol):
    """How probabilities become an exposure: the config of the plain rule itself, or what a rule was fitted to."""

    @property
    def volatility_target(self) -> float | None:
        """Annual volatility aimed at; None: the rule sees no volatility."""

    @property
    def volatility_bars(self) -> int:
        """Returns in the trailing volatility that it sees."""

    @property
    def max_exposure(self) -> float:
        """Largest exposure of either sign."""

    def exposures(
        self, probabilities: NDArray[np.float64], volatility: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Returns the exposure of each row on its own, (...), before the equity is shared among symbols.

        Rows do not see each other: one row alone gives the same bits as among others.

        Args:
            probabilities: (..., 3) SELL, HOLD, BUY.
            volatility: (...), annualised, known at the row's own bar; needed exactly with a volatility target.

        Returns:
            (...), within ± max_exposure; 0 where something is not known.
        """


class Limits(Protocol):
    """What every config of exposure has: how large a target may be, and of which side."""

    @property
    def max_exposure(self) -> float:
        """Largest exposure of either sign."""

    @property
    def long_only(self) -> bool:
        """Whether none is below 0."""


class ExposureConfig(BaseModel):
    """``target = clip(scale x (p_buy - p_sell) x vol_target / vol, ± max_exposure) / symbols listed``."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=FORMER_NAMES, validate_by_name=True)

    kind: Literal["lean"] = Field(
        "lean",
        exclude_if=lambda kind: kind == "lean",  # it is written, and hashed, as before there were others
        description="Exposure in proportion to p_buy - p_sell; nothing is fitted.",
    )
    dead_band: float = Field(
        0.05, ge=0.0, lt=1.0, description="Flat while |p_buy - p_sell| is below this (a probability, 0 to 1)."
    )
    scale: float = Field(
        1.0,
        gt=0.0,
        allow_inf_nan=False,
        description="Exposure for p_buy - p_sell = 1, before volatility and cap.",
    )
    max_exposure: float = Field(
        1.0, gt=0.0, allow_inf_nan=False, description="Largest gross target, as a fraction of equity."
    )
    long_only: bool = Field(False, description="No short targets: a negative one becomes 0.")
    volatility_target: float | None = Field(
        None,
        gt=0.0,
        allow_inf_nan=False,
        description="Annual volatility aimed at (0.2: 20 %); null: no target.",
    )
    volatility_bars: int = Field(
        20,
        ge=2,
        le=100_000,
        description="Returns in the trailing volatility; read only with a volatility target.",
    )

    def exposures(
        self, probabilities: NDArray[np.float64], volatility: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Returns the exposure of each row on its own, see `lean`."""
        return lean(self, probabilities, volatility)


class FractionalKellyConfig(BaseModel):
    """``target = clip(fraction x shrinkage x f*, ± max_exposure)``, f* the exposure of the fastest expected growth.

    ``f* = argmax Σ_k p_k E_k[log(1 + f r)]``: p the calibrated probabilities, E_k the mean over training rows of class
    k, r their forward return; for small returns it is Merton's ``μ / σ²`` with ``μ = Σ_k p_k m_k``. A fraction of it
    keeps ``2 x fraction − fraction²`` of the growth at that part of the risk.

    The ``shrinkage`` is for what an estimated edge is worth: measured on the validation slice, 0 where that does not
    confirm it; see `confirm`. A round trip at the run's costs is taken from the edge, see `KellyRule`.

    Sources: J. L. Kelly, "A new interpretation of information rate", Bell System Technical Journal 35 (1956); L. C.
    MacLean, E. O. Thorp and W. T. Ziemba, "Good and bad properties of the Kelly criterion", Quantitative Finance 10
    (2010), on fractions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["kelly"] = Field("kelly", description="The exposure of the fastest growth, or a fraction of it.")
    fraction: float = Field(
        0.5, gt=0.0, le=1.0, description="Part of the growth-optimal exposure that is taken; half keeps 3/4 of growth."
    )
    shrink: bool = Field(
        True, description="Exposure is shrunk by how far the validation slice confirms the edge; 0 where it does not."
    )
    max_exposure: float = Field(1.0, gt=0.0, description="Largest gross target, as a fraction of equity.")
    long_only: bool = Field(False, description="No short targets: a negative one becomes 0.")
    volatility_target: float | None = Field(
        None, gt=0.0, description="Largest annual volatility of a position (0.2: 20 %); null: no limit."
    )
    volatility_bars: int = Field(
        20, ge=2, le=100_000, description="Returns in the trailing volatility; read only with a volatility target."
    )

    def fit(self, labels: Labels, part: Slice, round_trip: float = 0.0) -> KellyRule:
        """Returns the rule with what each class paid in a training slice, not shrunk yet.

        Args:
            labels: of the whole series.
            part: the training slice of a window.
            round_trip: what opening and closing a position costs, as a fraction of its notional; 0 where something
                behind the rule weighs costs against edges, as a no-trade band does.

        Raises:
            SplitError: a slice that is not for training.
        """
        from regimen.policies.kelly import KellyRule, class_returns

        if part.role != "train":
            raise SplitError("exposure", "must be fitted on a training slice", part.role)
        return KellyRule(self, *class_returns(labels, part), round_trip)


def lean(
    config: ExposureConfig, probabilities: NDArray[np.float64], volatility: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Returns the exposure of each row on its own, before the equity is shared among symbols.

    ``raw = p_buy - p_sell``, 0 inside the dead band, never negative when long only; times ``scale``; with a
    volatility target times ``target / volatility``; cut at ``± max_exposure``.

    Args:
        config: the rule.
        probabilities: (..., 3) SELL, HOLD, BUY.
        volatility: (...), annualised, known at the row's own bar; needed exactly with a volatility target.

    Returns:
        (...), within ± max_exposure. 0 where a probability is NaN, or where the volatility is NaN or
        below 1e-9 (a price that does not move): an unknown risk is not taken.

    Raises:
        RunError: there are not three classes, or volatility is missing or not asked for.
    """
    measured = checked(config, probabilities, volatility)
    raw = probabilities[..., BUY] - probabilities[..., SELL]
    known = np.isfinite(probabilities).all(axis=-1)
    active = known & (np.abs(raw) >= config.dead_band)
    size = config.scale * np.where(active, raw, 0.0)
    if config.volatility_target is not None and measured is not None:
        moving = np.isfinite(measured)
        size = np.where(moving, size * (config.volatility_target / np.where(moving, measured, 1.0)), 0.0)
    return capped(config, size)


def checked(
    rule: ExposureRule, probabilities: NDArray[np.float64], volatility: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """Returns the volatility, NaN where it is no risk that can be divided by; for the rules of this room.

    Raises:
        RunError: there are not three classes, or volatility is missing, not asked for or of another shape.
    """
    if probabilities.shape[-1:] != (3,):
        raise RunError("probabilities", "must be SELL, HOLD, BUY on the last axis", probabilities.shape)
    if rule.volatility_target is not None and volatility is None:
        raise RunError("volatility", "must be given with a volatility target")
    if rule.volatility_target is None and volatility is not None:
        raise RunError("volatility", "must not be given without a volatility target")
    if volatility is None:
        return None
    if volatility.shape != probabilities.shape[:-1]:
        raise RunError("volatility", f"must have shape {probabilities.shape[:-1]}", volatility.shape)
    return np.where(volatility > FLAT_VOLATILITY, volatility, np.nan)


def capped(limits: Limits, size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns sizes within ``± max_exposure``, none below 0 where limits are long only."""
    low = 0.0 if limits.long_only else -limits.max_exposure
    return np.clip(size, low, limits.max_exposure)


def exposure(
    rule: ExposureRule,
    probabilities: NDArray[np.float64],
    volatility: NDArray[np.float64] | None = None,
    present: NDArray[np.bool_] | None = None,
    listing: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Returns target exposures: the rule, then `share`.

    *Timing:* row t uses probabilities and volatility known at the close of bar t; it is traded at t+1 or
    later.

    Args:
        rule: how probabilities become an exposure.
        probabilities: (time, symbol, 3); a row of NaN (not warm) gives target 0.
        volatility: (time, symbol), annualised; see `ExposureRule.exposures`.
        present: (time, symbol), whether the bar exists; None: all do. False gives NaN: keep the position.
        listing: (time, symbol), whether the symbol is listed; see `share`.

    Returns:
        (time, symbol) signed fractions of equity; ``Σ |target| <= max_exposure`` over each bar's listed
        symbols.
    """
    alone = rule.exposures(probabilities, volatility)
    return share(alone, np.ones(alone.shape, dtype=np.bool_) if present is None else present, listing)
