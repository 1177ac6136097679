"""What trading costs at well-known places: presets of `Costs`, each with where its numbers come from.

They are those of a small account that takes liquidity, the dear side of each schedule: a large account, or one that
waits in the book, pays less and says so in its own numbers. Spreads are those of liquid symbols; others cost more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from regimen.bars import CalendarName

VenueName = Literal[
    "binance-spot", "binance-perp", "bybit-perp", "coinbase", "kraken", "us-equity", "ib-fx", "cme-futures"
]


@dataclass(frozen=True)
class Venue:
    """The rates of one place.

    Attributes:
        rates: fields of `Costs`; what is not named is 0.
        source: of the commission; spreads, borrow fees and interest are round figures of ours where it has none.
        date: month in which the schedule was so.
    """

    rates: Mapping[str, float]
    source: str
    date: str


def _venue(source: str, date: str, **rates: float) -> Venue:
    return Venue(MappingProxyType(rates), source, date)


VENUES: Mapping[VenueName, Venue] = MappingProxyType(
    {
        "binance-spot": _venue(
            "binance.com/en/fee/trading: spot, regular user, taker 0.1 %; margin interest of the day",
            "2025-01",
            commission_bps=10.0,
            half_spread_bps=1.0,
            borrow_annual=0.10,
            financing_annual=0.10,
        ),
        "binance-perp": _venue(
            "binance.com/en/fee/futureFee: USDⓈ-M, regular user, taker 0.05 %; funding comes with the bars",
            "2025-01",
            commission_bps=5.0,
            half_spread_bps=0.5,
        ),
        "bybit-perp": _venue(
            "bybit.com fee schedule: perpetuals, non-VIP, taker 0.055 %; funding comes with the bars",
            "2025-01",
            commission_bps=5.5,
            half_spread_bps=0.5,
        ),
        "coinbase": _venue(
            "Coinbase Exchange and Advanced, below 10,000 USD a month, taker 0.6 %",
            "2025-01",
            commission_bps=60.0,
            half_spread_bps=1.0,
            borrow_annual=0.10,
            financing_annual=0.10,
        ),
        "kraken": _venue(
            "kraken.com fee schedule: Kraken Pro, below 10,000 USD a month, taker 0.4 %",
            "2025-01",
            commission_bps=40.0,
            half_spread_bps=1.0,
            borrow_annual=0.10,
            financing_annual=0.10,
        ),
        "us-equity": _venue(
            "interactivebrokers.com: US stocks, fixed, 0.005 USD a share (1 bp at 50 USD); interest up to 100,000 USD",
            "2025-01",
            commission_bps=1.0,
            half_spread_bps=2.0,
            borrow_annual=0.01,
            financing_annual=0.0583,
        ),
        "ib-fx": _venue(
            "interactivebrokers.com: forex, 0.2 bp of the trade value; half a pip of spread on a major pair",
            "2025-01",
            commission_bps=0.2,
            half_spread_bps=0.5,
            borrow_annual=0.01,
            financing_annual=0.0583,
        ),
        "cme-futures": _venue(
            "interactivebrokers.com: E-mini S&P 500, about 2.25 USD a contract; half a tick of spread",
            "2025-01",
            commission_bps=0.1,
            half_spread_bps=0.3,
        ),
    }
)

DEFAULT: Mapping[CalendarName, VenueName] = MappingProxyType(
    {"24/7": "binance-spot", "24/5": "ib-fx", "sessions": "us-equity"}
)
"""The venue of a market whose config says nothing about costs, by the calendar of its bars."""

NAMES: tuple[str, ...] = get_args(VenueName)
