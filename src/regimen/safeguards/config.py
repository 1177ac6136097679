"""`SafeguardsConfig`: the limits of an account that trades unattended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from regimen.errors import ConfigError
from regimen.reprs import short_config
from regimen.settings import one_line

LIMITS = (
    "trades",
    "position",
    "daily_loss",
    "drawdown",
    "correlated_exposure",
    "confidence",
    "staleness",
    "price_band",
    "feed_gap",
    "collapse",
    "drift",
)
"""The limits, each a field of `SafeguardsConfig` by the same name."""


class SafeguardsConfig(BaseModel):
    """The limits of an account. Whatever they do, an order that reduces a position passes.

    Exposures are signed fractions of the account's equity. A limit of null is off.

    Raises:
        ConfigError: a value out of its range, or a warning that could never ring.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trades: int | None = Field(100, ge=1, description="orders a trading day; after them only reducing orders pass")
    least_trade: float = Field(
        0.001, ge=0.0, le=1.0, description="smallest order that counts as a trade, fraction of equity"
    )
    position: float | None = Field(
        0.10, gt=0.0, le=1000.0, description="largest exposure of a symbol; a larger target is clipped to it"
    )
    daily_loss: float | None = Field(
        0.02, gt=0.0, lt=1.0, description="loss since the end of the last trading day that switches to REDUCING"
    )
    drawdown: float | None = Field(0.15, gt=0.0, lt=1.0, description="fall from the highest equity that halts trading")
    drawdown_warning: float | None = Field(
        0.10, gt=0.0, lt=1.0, description="fall from the highest equity that warns, before it halts"
    )
    correlated_exposure: float | None = Field(
        0.7, gt=0.0, le=1000.0, description="largest exposure to symbols that move together; new orders are scaled"
    )
    correlation: float = Field(
        0.7, gt=0.0, le=1.0, description="correlation of returns, either sign, from which symbols move together"
    )
    correlation_bars: int = Field(250, ge=2, description="span of the exponential mean behind the correlations, bars")
    confidence: float | None = Field(
        0.6, gt=0.0, le=1.0, description="least confidence with which a symbol's exposure is raised"
    )
    staleness: float | None = Field(
        0.5, gt=0.0, description="most bar lengths between a bar's close and its arrival for new risk"
    )
    price_band: float | None = Field(
        0.20, gt=0.0, description="largest move from the last close after which a symbol's exposure is raised"
    )
    feed_gap: int | None = Field(3, ge=0, description="most bars that may be missing before a bar for new risk on it")
    collapse: float | None = Field(
        0.10,
        gt=0.0,
        lt=1.0986,
        description="entropy of short, flat and long (nats, at most 1.0986) below which REDUCING",
    )
    collapse_bars: int = Field(500, ge=2, description="span of the exponential mean behind that entropy, bars")
    drift: bool = Field(True, description="an alarm of drift switches to REDUCING")
    halted: Literal["close", "hold"] = Field(
        "close", description="close: HALTED closes every position; hold: it lets only the policy's reductions pass"
    )
    operator: Literal["next_day", "absent"] = Field(
        "next_day", description="in a backtest: who resumes after REDUCING, on the next trading day or never"
    )

    if not TYPE_CHECKING:  # type checkers keep the signature that the fields make

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise one_line(error, type(self), values, "safeguards.") from None

    def __repr__(self) -> str:
        return short_config(self)

    @model_validator(mode="after")
    def _warns_before_it_halts(self) -> Self:
        if self.drawdown is not None and self.drawdown_warning is not None and self.drawdown_warning >= self.drawdown:
            rule = f"drawdown_warning must be below drawdown ({self.drawdown:g}), or it could never warn"
            raise ValueError(f"{rule}; got {self.drawdown_warning:g}")
        return self

    def without(self, *limits: str) -> SafeguardsConfig:
        """Returns the config with these limits off.

        Raises:
            ConfigError: a name that is no limit.
        """
        for name in limits:
            if name not in LIMITS:
                raise ConfigError("limit", f"must be one of {', '.join(LIMITS)}", name)
        off: dict[str, Any] = {name: False if name == "drift" else None for name in limits}
        return self.model_copy(update=off)

    @property
    def limits(self) -> tuple[str, ...]:
        """The names of the limits that are on, in the order of `LIMITS`."""
        return tuple(name for name in LIMITS if getattr(self, name) not in (None, False))
