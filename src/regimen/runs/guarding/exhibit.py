"""What each limit cost and saved over a run's test spans: its exhibit of safeguards."""

from __future__ import annotations

from collections.abc import Iterator

from regimen.records import RunDirectory
from regimen.reporting.report import Exhibit
from regimen.runs.guarding.confidence import confidences
from regimen.runs.guarding.measure import HEADINGS, effects_of, in_words, policies_of, row_of
from regimen.runs.prepare import Prepared

_READ = (
    "A limit acts on a bar where it changes a target or the mode. Each row is the run without that limit, all others "
    "as they are: cost is the return without it less that with it, saved the same of the deepest drawdown."
)


def show_safeguards(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields what the limits of a run did over its test spans; nothing for a run that trades without safeguards."""
    config = prepared.config
    if config.safeguards is None:
        return
    known = confidences(config, prepared.history, prepared.windows, policies_of(directory, config, prepared))
    effects = effects_of(prepared, directory, config.safeguards, known)
    sentence, notes = in_words(config.safeguards, effects)
    rows = tuple(row_of(effect) for effect in effects.effects)
    yield Exhibit("safeguards", "Safeguards", (sentence, *notes, _READ), HEADINGS, rows)
