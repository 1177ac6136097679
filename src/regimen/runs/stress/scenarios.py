"""Crises that did not happen: a run's models decide on bars that have one, and its market makes money of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from regimen.augment.crises import TEMPLATES, Scenario, TemplateName, scenarios
from regimen.errors import DataError
from regimen.execution import Ledger
from regimen.policies import targets
from regimen.records import RunDirectory
from regimen.runs.guarding import trade
from regimen.runs.prepare import Prepared, history_of, seen
from regimen.runs.stress.result import ImaginedCrisis
from regimen.runs.stress.spells import spell_of
from regimen.runs.window import load_policy


def imagined_crises(
    prepared: Prepared, directory: RunDirectory, draws: int, advance: Callable[[str], None]
) -> tuple[ImaginedCrisis, ...]:
    """Returns what a run's models would have earned in crises somewhere in its test spans, one template after another.

    Everything before a crisis is real. Features are computed from the bars with the crisis, each bar is decided by the
    model of the last window that begins before it, and the account opens with that window, so that it holds something
    when the crisis comes. A template that is longer than the test spans is left out.

    Args:
        prepared: bars and windows.
        directory: of the run.
        draws: paths of each template.
        advance: progress.
    """
    rows = []
    for name in TEMPLATES if draws else ():
        advance(f"scenarios · {name}")
        try:
            drawn = scenarios(prepared.bars, prepared.config.seed, (name,), draws, prepared.span[0])
        except DataError:
            continue
        rows.append(_summed(name, [_traded(prepared, directory, scenario) for scenario in drawn], drawn))
    return tuple(rows)


def _traded(prepared: Prepared, directory: RunDirectory, scenario: Scenario) -> Ledger:
    """Returns the books of the windows that a scenario's crisis lies in, until its end."""
    config, bars = prepared.config, scenario.bars.window(0, scenario.stop)
    history = history_of(config, bars, prepared.features.compute(seen(bars)))
    begins = [window.test.start for window in prepared.windows]
    first = int(np.searchsorted(begins, scenario.start, side="right")) - 1
    edges = [*begins[first:], len(bars)]
    exposures = np.full(bars.shape, np.nan)
    for number, (start, stop) in enumerate(pairwise(edges), start=first):
        end = min(stop, len(bars))
        if start < end:
            policy = load_policy(directory.window(number), config, prepared.features.hash)
            exposures[start:end] = targets(policy, history, start, end)
    return trade(config, bars, exposures, begins[first], len(bars))


def _summed(name: TemplateName, ledgers: Sequence[Ledger], drawn: Sequence[Scenario]) -> ImaginedCrisis:
    spells = []
    for ledger, scenario in zip(ledgers, drawn, strict=True):
        inside = np.arange(len(ledger)) >= len(ledger) - (scenario.stop - scenario.start)
        spells.append(spell_of(name, ledger, inside))
    earned = np.array([spell.earned for spell in spells])
    return ImaginedCrisis(
        name=name,
        draws=len(spells),
        bars=spells[0].bars,
        earned=float(earned.mean()),
        worst=float(earned.min()),
        market=float(np.mean([spell.market for spell in spells])),
        drawdown=float(np.mean([spell.drawdown for spell in spells])),
    )
