"""Who traded which bars, and the one account of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from regimen.execution import Ledger
    from regimen.runs.retraining.comparing import Comparing
    from regimen.runs.retraining.machine import RetrainEvent


def in_force(events: Sequence[RetrainEvent], champion: str, first: int, stop: int) -> list[tuple[str, int, int]]:
    """Returns who traded which bars [from, to), in order."""
    spans, since = [], first
    for event in events:
        if event.champion != champion:
            spans.append((champion, since, event.bar + 1))
            champion, since = event.champion, event.bar + 1
    return [span for span in [*spans, (champion, since, stop)] if span[1] < span[2]]


def newest_of(events: Sequence[RetrainEvent], champion: str, first: int, stop: int) -> list[tuple[str, int, int]]:
    """Returns who would have traded which bars, had every challenger been promoted at once."""
    spans, since = [], first
    for event in events:
        if event.kind == "retrain":
            spans.append((champion, since, event.bar + 1))
            champion, since = event.run, event.bar + 1
    return [span for span in [*spans, (champion, since, stop)] if span[1] < span[2]]


def account_of(comparing: Comparing, spans: Sequence[tuple[str, int, int]]) -> Ledger:
    """Trades what each run decided on its span, all in one account."""
    rows = []
    for run, first, stop in spans:
        sayings = comparing.sayings[run]
        rows.append(sayings.exposures[first - sayings.first : stop - sayings.first])
    return comparing.arena.account(np.concatenate(rows), spans[0][1])
