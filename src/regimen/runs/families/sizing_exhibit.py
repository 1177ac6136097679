"""What each layer between a model and its trades does to turnover, costs and the result: a run's exhibit of sizing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from regimen.execution import Ledger
from regimen.metrics import annual_sharpe, annual_turnover, cost_drag, gross_exposure, total_return
from regimen.numerals import count, number, percent, significant
from regimen.policies import (
    FractionalKellyConfig,
    KellyRule,
    NoTradeBand,
    NoTradeConfig,
    Policy,
    Wrapping,
    innermost,
    targets,
)
from regimen.records import RunDirectory, unread_by
from regimen.records.layout import EXPOSURES
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.runs.families.sizing import limits_of
from regimen.runs.families.wrapped import wrappers_of
from regimen.runs.prepare import Prepared
from regimen.runs.window import load_policy, read_exposures

Floats = NDArray[np.float64]
_TITLES = {"intervals": "with intervals", "novelty": "with the novelty gate", "band": "with the no-trade band"}
_COLUMNS = ("", "turnover a year", "costs a year", "mean gross exposure", "net return", "Sharpe ratio")


def show_sizing(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields how the test spans would have been traded layer by layer, and what Kelly and the band were fitted to.

    Nothing where the model's exposures are traded as the plain rule has them. The layer outside all others is the run
    itself; those below it are traded anew, in an account of their own.
    """
    config = prepared.config
    names = list(wrappers_of(config))
    if not names and not isinstance(config.exposure, FractionalKellyConfig):
        return
    policies = [load_policy(directory.window(each.number), config, prepared.features.hash) for each in prepared.windows]
    rules = [getattr(innermost(policy, prepared.history)[0], "rule", None) for policy in policies]
    kelly = [rule for rule in rules if isinstance(rule, KellyRule)]
    if not names and not kelly:
        return
    bare = "as the model decides" if "exposure" in unread_by(config.model) else "as the rule sizes it"
    titles = bare, *(_TITLES.get(name, f"with {name}") for name in names)
    exposures = np.full((len(titles), *prepared.bars.shape), np.nan)
    for window, policy in zip(prepared.windows, policies, strict=True):
        span = window.test.start, window.test.stop
        for layer, each in zip(exposures, _layers(policy, prepared), strict=True):
            layer[slice(*span)] = targets(each, prepared.history, *span)
        file = directory.window(window.number) / EXPOSURES
        kept = read_exposures(file, exposures[-1, slice(*span)].shape)
        exposures[-1, slice(*span)] = exposures[-1, slice(*span)] if kept is None else kept
    market = config.market.build()
    tape = market.tape(prepared.bars)
    ledgers = [market.backtest(prepared.bars, layer, *prepared.span, tape=tape) for layer in exposures]
    rows = tuple((title, *_numbers(ledger)) for title, ledger in zip(titles, ledgers, strict=True))
    sentences = [_summary(titles, ledgers, config.safeguards is not None)]
    if kelly:
        sentences.append(_of_kelly(kelly))
    bands = [policy.band for policy in policies if hasattr(policy, "band")]
    if bands:
        sentences.append(_of_bands(bands))
    yield Exhibit("sizing", "Sizing", tuple(sentences), _COLUMNS, rows, _confirmations(kelly))


def _layers(policy: Policy, prepared: Prepared) -> list[Policy]:
    """Returns a policy without its wrappers, with the first of them, and so on; each within the config's limits."""
    layers = [policy]
    while isinstance(layers[0], Wrapping):
        layers.insert(0, layers[0].below)
    if prepared.config.band is not None:  # which holds to the limits itself; a band of no width only does that
        cap = NoTradeBand(NoTradeConfig(width=0.0), 0.0, *limits_of(prepared.config))
        layers[:-1] = [cap.around(each) for each in layers[:-1]]
    return layers


def _numbers(ledger: Ledger) -> tuple[str, ...]:
    """Returns the cells of a layer."""
    year, before = ledger.bars.periods_per_year, np.concatenate(([ledger.start_equity], ledger.equity[:-1]))
    return (
        number(annual_turnover(ledger.turnover, year), 1),
        percent(sum(cost_drag(paid, before, year) for paid in ledger.costs.values()), 2),
        percent(gross_exposure(ledger.exposure)),
        percent(total_return(ledger.returns), plus=True),
        number(annual_sharpe(ledger.returns, year)),
    )


def _summary(titles: Sequence[str], ledgers: Sequence[Ledger], guarded: bool) -> str:
    if len(titles) == 1:
        return "The exposures are traded as the rule has them; nothing stands around the policy."
    first, last = (annual_turnover(each.turnover, each.bars.periods_per_year) for each in (ledgers[0], ledgers[-1]))
    traded = "wanted, before its safeguards" if guarded else "traded"
    change = "" if not first > 0.0 else f", {percent(last / first - 1.0, 0, plus=True)}"
    return (
        f"Each row has one layer more, the last one is what the run {traded}. Turnover went from {number(first, 1)} to "
        f"{number(last, 1)} a year{change}."
    )


def _of_kelly(rules: Sequence[KellyRule]) -> str:
    """Says how far the validation slices confirmed the edges that Kelly bets on."""
    known = [rule.confirmation.shrinkage for rule in rules if rule.confirmation is not None]
    if not known:
        return "Kelly's exposures are not shrunk: no validation slice was asked whether the edge is there."
    none, of = sum(each == 0.0 for each in known), count(len(known))
    middle = significant(float(np.median(known)), 2)
    line = (
        f"Kelly's exposures were multiplied by {middle}, in the median of {of} windows, for what their edges are worth."
    )
    if none:
        line += f" In {count(none)} of them the validation slice did not confirm the edge, and nothing was bet."
    return line


def _of_bands(bands: Sequence[NoTradeBand]) -> str:
    widths = [band.width for band in bands if math.isfinite(band.width)]
    never = len(bands) - len(widths)
    if not widths:
        return "Nothing was traded in any window: where the policy was fitted its aims expected no return."
    low, middle, high = (significant(float(edge(widths)), 2) for edge in (np.min, np.median, np.max))
    spread = "" if low == high else f" ({low} to {high} over the windows)"
    line = f"What was held stayed while it was within {middle} of the aim{spread}."
    if never:
        line += f" In {count(never)} of {count(len(bands))} windows nothing was traded: the aims expected no return."
    return line


def _confirmations(rules: Sequence[KellyRule]) -> tuple[Drawing, ...]:
    """Draws the slope of realised on expected return in each window's validation slice."""
    curves = []
    for window, rule in enumerate(rules, start=1):
        each = rule.confirmation
        if each is not None and math.isfinite(each.standard_error):
            ends = (each.slope - 2.0 * each.standard_error,), (each.slope + 2.0 * each.standard_error,)
            curves.append(Curve(f"window {window}", (each.slope,), (), *ends, style="policy"))
    if not curves:
        return ()
    note = "Realised return for one unit of expected return, ± 2 standard errors; 1: as expected, 0 or below: no edge."
    return (Drawing("dots", "What validation says of the edge", note, tuple(curves)),)
