"""A window fitted again on data that end where its test span ends: a longer file must not have changed it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from regimen.files import scratch
from regimen.policies import targets
from regimen.records import RunDirectory
from regimen.records.layout import EXPOSURES
from regimen.runs.live.result import LiveCheck
from regimen.runs.prepare import Prepared, prepare_bars
from regimen.runs.traded import depend
from regimen.runs.window import fit_model, read_exposures
from regimen.splits import Window


def ends_earlier(prepared: Prepared, directory: RunDirectory, window: Window) -> Iterator[LiveCheck]:
    """Fits a window of a run on the bars up to the end of its test span alone, and compares every file and decision.

    Args:
        prepared: of the run, whose data go on after that.
        directory: of the run.
        window: of the run.
    """
    stop = window.test.stop
    cut = replace(prepared.loaded, bars=prepared.bars.window(0, stop))
    again = prepare_bars(prepared.config, cut, prepared.features.unexamined())
    title, home = f"window {window.number + 1}, data that end with it", directory.window(window.number)
    same = next((each for each in again.windows if each.number == window.number), None)
    if same is None or (same.test.start, same.test.stop) != (window.test.start, stop):
        yield LiveCheck(f"{title}: its place", 1, 1, f"window {window.number + 1}")
        return
    goes_on = window.number > 0 and depend(prepared.config)
    previous = directory.window(window.number - 1) if goes_on else None
    fit = fit_model(again, same, prepared.config.seed, previous=previous)
    with scratch("regimen-earlier-") as temporary:
        folder = temporary / "window"
        folder.mkdir()
        fit.save(folder)
        files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if _comparable(path)]
        differing = [str(file) for file in files if not _equal(folder / file, home / file)]
    yield LiveCheck(f"{title}: files", len(files), len(differing), differing[0] if differing else "")
    rows = targets(fit.policy, again.history, window.test.start, stop)[:-1]  # the last bar's decision never fills
    written = read_exposures(home / EXPOSURES, (stop - window.test.start, prepared.bars.shape[1]))
    assert written is not None  # of a finished run
    apart = [
        k for k, (one, other) in enumerate(zip(rows, written[:-1], strict=True)) if one.tobytes() != other.tobytes()
    ]
    first = str(prepared.bars.time[window.test.start + apart[0]])[:19] if apart else ""
    yield LiveCheck(f"{title}: decisions", len(rows), len(apart), first)


def _comparable(path: Path) -> bool:
    """Whether a file has no time of day in it, as those of skops do; what their models answer is in a file beside."""
    return path.is_file() and path.suffix != ".skops"


def _equal(left: Path, right: Path) -> bool:
    return right.is_file() and left.read_bytes() == right.read_bytes()
