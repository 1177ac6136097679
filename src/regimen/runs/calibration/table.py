"""The rates as rows of text: for the terminal, and for a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from regimen.runs.calibration.kinds import NULLS
from regimen.runs.calibration.rates import NOMINAL, TOLERANCE, Rate, Share

NULL_HEADINGS = ("market", "N", "markets", "evidence", "95 %", "worse", "profit", "PSR")
"""Of markets without an edge."""
EDGE_HEADINGS = ("market", "N", "markets", "evidence", "95 %", "theory", "profit", "PSR")
"""Of markets with one."""
LEGEND = {
    "N": "trials, the best of which is judged; the ledger counts each of them.",
    "Worse": "share of markets with the verdict worse than doing nothing.",
    "Theory": "the power that the rules have, in theory, for the planted edge.",
    "Profit": "naive: the best has a Sharpe ratio above 0; PSR: a PSR above 0.95.",
}
"""What the columns are."""


def _percent(share: float, digits: int = 0) -> str:
    return f"{100.0 * share:.{digits}f} %"


def _interval(share: Share) -> str:
    return f"[{', '.join(f'{100.0 * end:.1f}'.removesuffix('.0') for end in (share.low, share.high))}]"


def rows(rates: Sequence[Rate], *, planted: bool) -> list[tuple[str, ...]]:
    """Returns a row for each kind and number of trials, under `EDGE_HEADINGS` or `NULL_HEADINGS`."""
    chosen = [rate for rate in rates if (rate.kind not in NULLS) == planted]
    return [
        (
            rate.kind,
            f"{rate.best_of:,}",
            f"{rate.markets:,}",
            _percent(rate.evidence.value, 1),
            _interval(rate.evidence),
            _percent(rate.theory if planted else rate.worse),
            _percent(rate.profit),
            _percent(rate.psr),
        )
        for rate in chosen
    ]


def tables(rates: Sequence[Rate]) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Yields the headings and the rows of both tables; one without rows is left out."""
    for headings, planted in ((NULL_HEADINGS, False), (EDGE_HEADINGS, True)):
        lines = rows(rates, planted=planted)
        if lines:
            yield headings, lines


def markdown(rates: Sequence[Rate]) -> str:
    """Returns both tables for a page."""
    parts = []
    for headings, lines in tables(rates):
        rule = "|".join(["---", *("---:" for _ in headings[1:])])
        head = [f"| {' | '.join(headings)} |", f"|{rule}|"]
        parts.append("\n".join([*head, *(f"| {' | '.join(row)} |" for row in lines)]))
    return "\n\n".join(parts)


def missed(rates: Sequence[Rate]) -> list[str]:
    """Returns a sentence for each rate that is not what is promised."""
    return [f"{rate.kind}, best of {rate.best_of}: {_promised(rate)}" for rate in rates if not rate.within]


def _promised(rate: Rate) -> str:
    seen = f"{_percent(rate.evidence.value, 1)} {_interval(rate.evidence)}"
    if math.isnan(rate.theory):
        return f"evidence in {seen} without an edge; at most {_percent(NOMINAL)} is promised."
    return f"a power of {seen}; {_percent(rate.theory)} within {100.0 * TOLERANCE:.0f} points is promised."
