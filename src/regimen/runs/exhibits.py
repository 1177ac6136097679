"""What a run's report shows beside the judgement, computed at its end from the saved windows of the judged seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from regimen.records import RunDirectory
from regimen.reporting.report import Exhibit
from regimen.runs.controls import show_controls
from regimen.runs.families.agent_exhibits import show_front, show_options
from regimen.runs.families.ensembles.members_alone import show_members
from regimen.runs.families.forecasts import show_forecasts
from regimen.runs.families.meta.exhibit import show_meta
from regimen.runs.families.online.exhibit import show_learning
from regimen.runs.families.quantiles import show_quantiles, show_selection
from regimen.runs.families.sizing_exhibit import show_sizing
from regimen.runs.families.wrapped_exhibits import show_intervals, show_novelty
from regimen.runs.guarding import show_safeguards
from regimen.runs.prepare import Prepared

Show = Callable[[Prepared, RunDirectory], Iterator[Exhibit]]
"""Yields the exhibits of a run, or nothing where its config has nothing to show."""


def exhibits_of(prepared: Prepared, directory: RunDirectory) -> list[Exhibit]:
    """Returns all exhibits of a run whose windows are finished, in the order of the report."""
    shows: tuple[Show, ...] = (
        show_controls,
        show_forecasts,
        show_quantiles,
        show_selection,
        show_learning,
        show_members,
        show_meta,
        show_front,
        show_options,
        show_sizing,
        show_intervals,
        show_novelty,
        show_safeguards,
    )
    return [exhibit for show in shows for exhibit in show(prepared, directory)]
