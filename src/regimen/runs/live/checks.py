"""All live-like checks of a finished run."""

from __future__ import annotations

from collections.abc import Callable

from regimen.records import RunDirectory, require_finished
from regimen.runs.live.bar_by_bar import bar_by_bar, known_in_time
from regimen.runs.live.earlier_end import ends_earlier
from regimen.runs.live.result import LiveCheck, LiveChecks
from regimen.runs.prepare import prepare, require_same_data, require_same_features, require_trained

_PARTS = 100
_GOES_ON = "The run has one window, behind which no data go on: nothing was cut off."


def live_checks(directory: RunDirectory, advance: Callable[[int, int, str], None]) -> LiveChecks:
    """Asks whether a finished run could have been live: bar by bar, and on data that ended earlier.

    Bar by bar its saved policies must decide what it wrote and an account must earn the same; columns that are
    functions of a frame must be known at their own bar; and the first and the last but one window, fitted once more on
    data that end with their test span, must have the same weights and decisions. Nothing is judged: it is no trial.

    Args:
        directory: of the run.
        advance: progress.

    Raises:
        RunError: the run is not finished or damaged, was adapted, or its data file has changed since.
    """
    manifest = require_finished(directory)
    require_trained(manifest)
    directory.require_undamaged("data.json", "ledger/*", "windows/*")
    advance(0, 1, "bars, features, labels")
    prepared = prepare(directory.located_config())
    require_same_data(prepared.bars, manifest)
    require_same_features(prepared, manifest)
    before = prepared.windows[:-1]
    chosen = {window.number: window for window in (*before[:1], *before[-1:])}
    total = (2 + len(chosen)) * _PARTS

    def part(number: int, words: str) -> Callable[[int, int], None]:
        return lambda done, of: advance(number * _PARTS + _PARTS * done // of, total, f"{words} · {done:,}/{of:,}")

    checks: list[LiveCheck] = [*known_in_time(prepared, part(0, "functions of a frame"))]
    checks += bar_by_bar(prepared, directory, part(1, "bar by bar"))
    for number, window in enumerate(chosen.values(), start=2):
        advance(number * _PARTS, total, f"window {window.number + 1} on data that end with it")
        checks += ends_earlier(prepared, directory, window)
    advance(total, total, "done")
    return LiveChecks(tuple(checks), () if chosen else (_GOES_ON,))
