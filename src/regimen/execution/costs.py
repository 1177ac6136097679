"""`Costs`: what trading and holding cost. All-zero costs need a flag, and the report brands them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from regimen.bars import CalendarName
from regimen.execution.columns import COST_KINDS
from regimen.execution.venues import DEFAULT, NAMES, VENUES, VenueName
from regimen.reprs import short_config
from regimen.settings import one_line

RATES = (
    "commission_bps",
    "commission_fixed",
    "half_spread_bps",
    "impact_coefficient",
    "borrow_annual",
    "financing_annual",
    "stamp_duty_bps",
)
"""The fields that charge something when they are positive; funding charges what the bars say."""

LATER = {"stamp_duty": "stamp_duty_bps"}
"""Kinds of cost that books had not from the first, by the rate that charges them. Where that is 0, no config, hash,
book or report names them, so that what was written before them stays what it is, to the byte."""


class Costs(BaseModel):
    """What an account pays, in the quote currency, on top of the reference price of a fill.

    For a fill of ``u`` units at the open ``p`` of a bar with volume ``V`` (notional ``n = |u|·p``):

    - commission ``n·commission_bps/10⁴ + commission_fixed``;
    - spread ``n·half_spread_bps/10⁴``;
    - stamp duty ``n·stamp_duty_bps/10⁴`` where units are sold, short ones too;
    - impact ``n·min(1, impact_coefficient·σ·√(|u|/V))``, the square-root law. ``σ`` is the root of an
      exponentially weighted mean of squared close-to-close bar returns up to the close before the fill
      (``impact_span`` bars, see `regimen.execution.variance_step`). σ and V belong to the same bar length,
      so σ/√V, and with it the charge, does not depend on the bar length for a random walk. Where the volume
      is NaN no impact can be priced: none is charged and the fill is counted in ``Ledger.unpriced``.

    At the open of every bar, before its fills, for what was held up to then, at the mark ``m`` there (``y`` = time
    since the open before, in years of 365 days):

    - borrow ``|units|·m·borrow_annual·y`` for a short;
    - financing ``max(0, -cash)·financing_annual·y``;
    - funding ``units·m·funding_rate`` where the bar's ``funding_rate`` is not NaN: a long pays a positive
      rate, a short receives it.

    Sources: the square-root law is that of Torre (BARRA Market Impact Model Handbook, 1997), who has the
    cost of a trade grow with the square root of its share of the volume and with the volatility. Almgren,
    Thum, Hauptmann and Li ("Direct estimation of equity market impact", Risk, 2005) fit an exponent of 3/5 to
    temporary impact; Sato and Kanazawa (arXiv 2411.13965, every account of the Tokyo Stock Exchange) find ½
    within 0.02, which is what we use. There is no permanent part: recorded prices do not answer to an
    account.

    A ``venue`` fills in its rates, beside which single fields may be given: ``Costs(venue="coinbase",
    commission_bps=25)``. See `regimen.execution.venues`.

    Raises:
        ConfigError: a negative or non-finite rate; all rates zero without ``zero_costs``; ``zero_costs``
            with a positive rate; an unknown venue.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    commission_bps: float = Field(
        default=1.0, ge=0.0, lt=10_000.0, description="commission in basis points of the traded notional"
    )
    commission_fixed: float = Field(default=0.0, ge=0.0, le=1e15, description="commission per fill, quote currency")
    half_spread_bps: float = Field(
        default=0.5,
        ge=0.0,
        lt=10_000.0,
        description="half the bid-ask spread in basis points of the notional",
    )
    impact_coefficient: float = Field(
        default=0.0, ge=0.0, le=1e6, description="c in impact = c·σ·√participation; about 1 for stocks; needs volume"
    )
    impact_span: int = Field(
        default=100,
        ge=1,
        description="bars of the exponential mean behind σ: weight 2/(span + 1) on the newest",
    )
    borrow_annual: float = Field(
        default=0.0, ge=0.0, le=100.0, description="yearly fee on the notional of shorts, a fraction"
    )
    financing_annual: float = Field(
        default=0.0, ge=0.0, le=100.0, description="yearly interest on borrowed cash (negative cash), a fraction"
    )
    stamp_duty_bps: float = Field(
        default=0.0,
        ge=0.0,
        lt=10_000.0,
        exclude_if=lambda rate: rate == 0.0,
        description="levy in basis points of the notional that is sold, as China's on A-shares; nothing on purchases",
    )
    funding: bool = Field(default=True, description="charge the bars' funding_rate column, where they carry one")
    venue: VenueName | None = Field(default=None, description="preset that fills in the rates that are not given")
    chosen_by: Literal["config", "calendar"] = Field(
        default="config", description="who chose the rates; calendar: the default for the bars' calendar"
    )
    zero_costs: bool = Field(
        default=False, description="must be true to trade without any cost; the report is marked then"
    )

    if not TYPE_CHECKING:  # type checkers keep the signature that the fields make

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise one_line(error, type(self), values, "costs.") from None

    def __repr__(self) -> str:
        return short_config(self)

    @model_validator(mode="before")
    @classmethod
    def _fill_rates(cls, values: object) -> object:
        if isinstance(values, str):
            values = {"venue": values}
        if isinstance(values, Mapping) and values.get("zero_costs") is True:
            return {**dict.fromkeys(RATES, 0.0), "funding": False, **values}
        if isinstance(values, Mapping) and values.get("venue") in NAMES:
            rates = _rates_of(values["venue"])
            edited = any(values.get(name, rate) != rate for name, rate in rates.items())
            return {**rates, **values, **({"chosen_by": "config"} if edited else {})}
        return values

    @model_validator(mode="after")
    def _need_the_flag(self) -> Self:
        positive = [name for name in RATES if getattr(self, name) > 0.0]
        if self.zero_costs and positive:
            raise ValueError(f"zero_costs must not be set together with a positive {positive[0]}")
        if not self.zero_costs and not positive:
            raise ValueError("all-zero costs need the explicit flag zero_costs=true")
        return self

    @classmethod
    def none(cls) -> Costs:
        """Returns costs of zero, marked as such; funding is not charged either."""
        return cls(zero_costs=True)

    def times(self, multiple: float) -> Costs:
        """Returns these costs with every rate multiplied; 0: no rate at all.

        Funding is no rate of ours and stays: where it is charged, it is what the bars say.

        Args:
            multiple: 0 or more. Once is these costs themselves, whoever chose them.

        Raises:
            ConfigError: a rate beyond its bound.
        """
        if multiple == 1.0:
            return self
        rates = {name: getattr(self, name) * multiple for name in RATES}
        free = not any(rates.values())
        return Costs(**rates, impact_span=self.impact_span, funding=self.funding, zero_costs=free)

    @classmethod
    def of_calendar(cls, calendar: CalendarName) -> Costs:
        """Returns the costs of a market whose config says nothing: those of the venue that goes with the calendar."""
        return cls(venue=DEFAULT[calendar], chosen_by="calendar")

    @property
    def sentence(self) -> str:
        """What is charged and who chose it, for people."""
        if self.is_free:
            return "Nothing is charged."
        parts = [
            f"{self.commission_bps:g} bp commission",
            f"{self.commission_fixed:g} a fill" if self.commission_fixed else "",
            f"{self.half_spread_bps:g} bp half-spread",
            f"{self.stamp_duty_bps:g} bp stamp duty on sales" if self.stamp_duty_bps else "",
            f"impact {self.impact_coefficient:g}" if self.impact_coefficient else "",
            f"{self.borrow_annual:.2%} a year to borrow" if self.borrow_annual else "shorts borrow for nothing",
            f"{self.financing_annual:.2%} on borrowed cash" if self.financing_annual else "",
        ]
        rates = ", ".join(part for part in parts if part)
        if self.chosen_by == "calendar":
            return f"{rates} (nobody chose: {self.venue}, by the calendar; market.costs decides)"
        if self.venue is None:
            return f"{rates} (chosen in the config)"
        changed = [name for name, rate in _rates_of(self.venue).items() if getattr(self, name) != rate]
        other = f", but for {', '.join(changed)}" if changed else ""
        return f"{rates} ({self.venue}{other}: chosen in the config)"

    def dearer_than(self, other: Costs) -> bool:
        """Whether no component is lower than the other's and one is higher; funding and σ must be the same."""
        same = (self.funding, self.impact_span) == (other.funding, other.impact_span)
        pairs = [(getattr(self, name), getattr(other, name)) for name in RATES]
        return same and all(mine >= its for mine, its in pairs) and any(mine > its for mine, its in pairs)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of cost that books of this market have, see `regimen.execution.columns.COST_KINDS`."""
        return tuple(kind for kind in COST_KINDS if kind not in LATER or getattr(self, LATER[kind]) > 0.0)

    @property
    def round_trip(self) -> float:
        """What buying and selling once costs, a fraction of what is traded: 2·(commission + half-spread) + stamp duty.

        Left out is what is no fraction known beforehand: the fixed fee of a fill, impact, and what holding costs
        (borrow, financing, funding). Both fills count at the price of the first.
        """
        return (2.0 * (self.commission_bps + self.half_spread_bps) + self.stamp_duty_bps) / 10_000.0

    @property
    def is_free(self) -> bool:
        """Whether trading and holding cost nothing, so that the report must say so."""
        return self.zero_costs


def _rates_of(venue: VenueName) -> dict[str, float]:
    """Every rate of a venue; what its schedule does not name is free there."""
    return {**dict.fromkeys(RATES, 0.0), **VENUES[venue].rates}
