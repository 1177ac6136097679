"""What each statistic of the judgement is called, how it is written, and its definition in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regimen.numerals import UNKNOWN, basis_points, count, number, percent, span

if TYPE_CHECKING:
    from regimen.judging import Judgement

Write = Callable[[object], str]


def _signed_percent(value: object) -> str:
    return percent(value, plus=True)


def _costs(value: object) -> str:
    if not isinstance(value, Mapping):
        return UNKNOWN
    paid = [f"{kind} {percent(part, 2)}" for kind, part in value.items() if part]
    return ", ".join(paid) or "none"


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else UNKNOWN


@dataclass(frozen=True)
class Statistic:
    """One statistic: its attribute in the judgement's rows, its name, how it is written, and what it means."""

    key: str
    label: str
    write: Write
    meaning: str


STATISTICS = (
    Statistic(
        "total_return",
        "Net return",
        _signed_percent,
        "Compounded simple return over the whole sample after all costs, Π(1 + r) − 1.",
    ),
    Statistic(
        "annual_return",
        "Annual return",
        _signed_percent,
        "Geometric: the net return's constant yearly rate, (1 + net return)^({periods} / bars) − 1.",
    ),
    Statistic(
        "volatility",
        "Volatility",
        percent,
        "Standard deviation of the net returns of one bar × √{periods}; annual.",
    ),
    Statistic(
        "sharpe",
        "Sharpe ratio",
        number,
        "Mean / standard deviation of the net returns of one bar × √{periods}; annual, no risk-free rate.",
    ),
    Statistic(
        "sharpe_interval",
        "Sharpe, {level} interval",
        span,
        "{method}, {draws} draws, mean block {block} bars; for random timing, the range of the draws.",
    ),
    Statistic(
        "sharpe_interval_kind",
        "Interval taken from",
        _text,
        "Bootstrap: from resampled blocks of the returns. Draws: from the random policies themselves.",
    ),
    Statistic(
        "sharpe_per_bar",
        "Sharpe ratio per bar",
        lambda value: number(value, 4),
        "The Sharpe ratio before annualisation; PSR and DSR are computed from it.",
    ),
    Statistic(
        "sortino",
        "Sortino ratio",
        number,
        "Mean / √mean(min(r, 0)²) of the net returns of one bar × √{periods}; annual, target zero.",
    ),
    Statistic("calmar", "Calmar ratio", number, "Annual return / maximum drawdown of the whole sample."),
    Statistic(
        "max_drawdown",
        "Maximum drawdown",
        percent,
        "Deepest fall of the equity below its own earlier maximum, measured at closes.",
    ),
    Statistic("drawdown_bars", "Peak to trough, bars", count, "Bars from the peak to the trough of that drawdown."),
    Statistic(
        "recovery_bars",
        "Trough to recovery, bars",
        count,
        "Bars until the peak was regained; – when it was not.",
    ),
    Statistic(
        "underwater_bars",
        "Longest under water, bars",
        count,
        "Bars of the longest stretch below an earlier maximum.",
    ),
    Statistic(
        "hit_rate",
        "Hit rate",
        percent,
        "Share of gaining bars among the bars that gained or lost, after costs.",
    ),
    Statistic(
        "profit_factor",
        "Profit factor",
        number,
        "Sum of the gaining bars' returns / sum of the losing bars'.",
    ),
    Statistic(
        "skew",
        "Skewness",
        number,
        "m₃ / m₂^1.5 of the net returns of one bar; 0 for a symmetric distribution.",
    ),
    Statistic(
        "kurtosis",
        "Kurtosis",
        number,
        "m₄ / m₂² of the net returns of one bar; raw, 3 for a normal distribution.",
    ),
    Statistic(
        "turnover",
        "Turnover per year",
        lambda value: UNKNOWN if number(value) == UNKNOWN else f"{number(value, 1)}×",
        "Traded notional (buys and sells) of a year in multiples of equity: mean per bar × {periods}.",
    ),
    Statistic(
        "exposure", "Mean gross exposure", percent, "Mean over bars of Σ|exposure|, a share of equity; never signed."
    ),
    Statistic(
        "cost_drag",
        "Cost per year",
        lambda value: percent(value, 2),
        "Mean over bars of cost / equity before the bar × {periods}: the annual return that costs took.",
    ),
    Statistic("costs", "Cost per year by kind", _costs, "The annual cost, split by what it was paid for."),
    Statistic(
        "cost_paid_bps",
        "Cost paid",
        basis_points,
        "All costs / traded notional, basis points (1 bp = 0.01 %).",
    ),
    Statistic(
        "break_even_bps",
        "Break-even cost",
        basis_points,
        "Cost per traded notional at which the net return is zero: what was paid and what is left to pay.",
    ),
    Statistic(
        "break_even_extra_bps",
        "Break-even, on top",
        basis_points,
        "Cost per traded notional that could be paid on top of what was paid until the net return is zero.",
    ),
    Statistic(
        "psr",
        "PSR",
        number,
        "Probabilistic Sharpe ratio: probability that the true Sharpe ratio exceeds 0, given the "
        "number of bars, skewness and kurtosis.",
    ),
    Statistic(
        "dsr",
        "DSR",
        number,
        "Deflated Sharpe ratio of the timing (what was earned beyond holding the policy's average exposure): the "
        "PSR against the highest one expected of this many trials without skill, instead of 0.",
    ),
    Statistic(
        "trials",
        "Trials",
        count,
        "Distinct evaluations on this data in the trial ledger; every one deflates the DSR.",
    ),
)


def humanised(key: str) -> str:
    """A readable name for a key: ``tail_ratio`` becomes ``Tail ratio``."""
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def definitions(judgement: Judgement) -> list[tuple[str, str]]:
    """(label, definition) of each statistic, with this sample's annualisation factor filled in."""
    periods, interval = judgement.sample.periods_per_year, judgement.interval
    facts = {
        "{periods}": number(periods, 0 if periods == int(periods) else 2),
        "{level}": percent(interval.level, 0),
        "{method}": interval.method.capitalize(),
        "{draws}": count(interval.draws),
        "{block}": number(interval.block_length, 1),
    }

    def filled(text: str) -> str:
        for place, fact in facts.items():
            text = text.replace(place, fact)
        return text

    return [(filled(statistic.label), filled(statistic.meaning)) for statistic in STATISTICS]
