"""`MarketConfig`: how orders become fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.execution.costs import Costs
from regimen.reprs import short_config
from regimen.settings import one_line

if TYPE_CHECKING:
    from regimen.execution.market import Market

MOST_PAID = 10.0
"""Largest fraction of its last price that a delisted symbol may be paid out at: more is a price, not a fraction."""


class MarketConfig(BaseModel):
    """How orders become fills.

    A *target exposure* is a signed fraction of the account's equity: 1 is long with everything, -0.5 short
    with half. It becomes units once, at the first open at which it can be traded: ``target × equity at this
    open / open``.

    Raises:
        ConfigError: a value out of its range, or a leverage that the maintenance margin would liquidate at
        once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    costs: Costs = Field(
        default_factory=lambda: Costs.of_calendar("24/7"),
        description="what trading and holding cost: rates or a venue; if left out, the venue of the bars' calendar",
    )
    initial_cash: float = Field(
        default=1_000_000.0, ge=1e-6, le=1e15, description="equity at the start, quote currency"
    )
    latency_bars: int = Field(
        default=1, ge=1, description="a target decided with bar t fills at the open of t + latency_bars"
    )
    rebalance: Literal["on_change", "every_bar"] = Field(
        default="on_change",
        description="on_change: only a changed target trades; every_bar: exposure is restored at every open",
    )
    rebalance_band: float = Field(
        default=0.0, ge=0.0, description="every_bar: no trade within this distance from the target exposure"
    )
    participation_cap: float | None = Field(
        default=None,
        gt=0.0,
        le=1.0,
        description="largest share of a bar's volume that one fill takes; the rest waits; null: no limit",
    )
    lot_size: float = Field(
        default=0.0, ge=0.0, le=1e15, description="smallest tradable unit, positions round towards zero; 0: divisible"
    )
    leverage: float = Field(
        default=1.0, ge=1e-6, le=1000.0, description="largest gross target exposure; larger targets are scaled down"
    )
    maintenance_margin: float = Field(
        default=0.25,
        ge=0.0,
        lt=1.0,
        description="equity below this share of the gross notional closes everything at the next open",
    )
    intrabar_margin: bool = Field(
        default=False, description="check the margin at each bar's worst price too, not only at the close"
    )
    delisting: Annotated[float, Field(ge=0.0, le=MOST_PAID, strict=True)] | Annotated[str, Field(min_length=1)] = Field(
        default=1.0,
        union_mode="left_to_right",
        description="what a position in a symbol that ends is paid out at: a fraction of its last price, or the "
        "extra column whose last value is that fraction",
    )

    if not TYPE_CHECKING:  # type checkers keep the signature that the fields make

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise one_line(error, type(self), values, "market.") from None
            except ConfigError as error:  # the costs inside check themselves
                raise error.within("market.") from None

    def __repr__(self) -> str:
        return short_config(self)

    @model_validator(mode="after")
    def _can_hold_what_it_allows(self) -> Self:
        if self.leverage * self.maintenance_margin >= 1.0:
            raise ValueError(
                f"leverage × maintenance_margin must be below 1, or a position at the limit is liquidated at "
                f"once; got {self.leverage:g} × {self.maintenance_margin:g}"
            )
        if self.rebalance_band > 0.0 and self.rebalance == "on_change":
            raise ValueError(f"rebalance_band needs rebalance: every_bar; got {self.rebalance_band:g} with on_change")
        return self

    def at(self, bars: Bars) -> Self:
        """Returns the config for these bars: where nobody chose the costs, those that go with the bars' calendar."""
        if self.costs.chosen_by == "config":
            return self
        return self.model_copy(update={"costs": Costs.of_calendar(bars.calendar.name)})

    def build(self) -> Market:
        """Returns the market of this config."""
        from regimen.execution.market import Market

        return Market(self)
