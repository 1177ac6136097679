"""A user's own config as a pipeline for the leak search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.features import FeatureSet, FrameFunction, look_ahead
from regimen.leakage import (
    CodeRead,
    Edge,
    FittedPart,
    LeakReport,
    LeakRow,
    Pipeline,
    TableRead,
    WholeFrame,
    find_leaks,
    tables_of,
    watched,
)
from regimen.own import OwnSource, load_module
from regimen.policies import targets
from regimen.readers import load_with_report
from regimen.records import RunConfig
from regimen.runs.families import family_of
from regimen.runs.families.scaling import fitted_scaler, preprocessed_by
from regimen.runs.fit import Fit
from regimen.runs.prepare import Prepared, labelled, prepare_bars, seen
from regimen.runs.window import fit_model
from regimen.splits import Slice, Window


def find_run_leaks(config: RunConfig, advance: Callable[[int, int, str], None]) -> LeakReport:
    """Poisons the future and truncates the past of a config's features, labels, rows, scalers, model and policy.

    The policy is trained anew on the poisoned bars (two epochs per window suffice to see a leak). The boundaries of the
    first, the middle and the last window are edges: there the labels that were kept for training and for early stopping
    must not have looked across, whatever the splits are; nor may the model of the first window. The tables that steps
    read are named, and what code of the user's own reads besides its bars: nothing can be said about them.

    Raises:
        RegimenError: whatever is wrong with the config or the data.
    """
    config = family_of(config.model).short(config)
    loaded = load_with_report(config.data)
    features = config.features.build().unexamined()  # the search below does so, and reports every column

    def prepared(bars: Bars, until: int) -> Prepared:
        return prepare_bars(config, replace(loaded, bars=bars), features, until)

    def fitted(bars: Bars, until: int) -> Sequence[FittedPart]:
        now = prepared(bars, until)
        return [one for window in now.windows for one in _fitted(now, window)]

    def policy(bars: Bars, until: int) -> NDArray[np.float64]:
        now = prepared(bars, until)
        exposures = np.full(bars.shape, np.nan)
        for window in now.windows:
            first, last = window.test.start, window.test.stop
            exposures[first:last] = targets(fit_model(now, window, config.seed).policy, now.history, first, last)
        return exposures

    # a config that could not be trained says so in its own words
    edges = _edges(prepared(loaded.bars, len(loaded.bars)).windows)
    step = 0

    def step_on(words: str) -> None:
        nonlocal step
        advance(step, 9 + len(edges), words)
        step += 1

    own = [(name, part) for name, part in config if isinstance(part, OwnSource)]
    own += [("features", OwnSource(source=each.place)) for each in features.functions if each.place]
    reads = _code_reads(config, own, lambda: prepared(loaded.bars, len(loaded.bars)))
    report = find_leaks(
        Pipeline(lambda bars: features.compute(seen(bars)), partial(labelled, config), fitted, policy),
        loaded.bars,
        progress=step_on,
        edges=edges,
    )
    read = ((each.names[0], table) for each in features.steps for table in each.tables.items())
    return replace(
        report,
        rows=_with_look_aheads(report.rows, features, seen(loaded.bars)),
        tables=tuple(TableRead(column, *table) for column, table in read),
        reads=reads,
        functions=tuple(map(WholeFrame, features.groups.get(FrameFunction.group, ()))),
    )


def _with_look_aheads(rows: tuple[LeakRow, ...], features: FeatureSet, bars: Bars) -> tuple[LeakRow, ...]:
    """Returns the rows with what shows of functions of a frame at the cuts that these are examined at."""
    look_aheads = {
        each.name: each for function in features.functions if (each := look_ahead(function, bars)) is not None
    }
    return tuple(
        replace(row, verdict="leak", poison=new.poison, cut=new.cut, first_row=new.bar, change=new.change)
        if row.kind == "feature" and row.verdict != "leak" and (new := look_aheads.get(row.name))
        else row
        for row in rows
    )


def _code_reads(
    config: RunConfig, own: Sequence[tuple[str, OwnSource]], prepared: Callable[[], Prepared]
) -> tuple[CodeRead, ...]:
    """Prepares once more, fits and asks the model of the first window, and names what the user's code reads meanwhile.

    Args:
        config: of the run.
        own: the user's code, with the part of the config that it is.
        prepared: prepares the bars as they are; labels and splits may be the user's own too.
    """
    reads: list[CodeRead] = []
    for name, part in own:
        if not (code := part.files(f"{name}.source")):
            continue
        module = load_module(part.source, f"{name}.source")  # what it reads when it is imported are tables of its own
        with watched(code) as files:
            now = prepared()
            policy = fit_model(now, now.windows[0], config.seed).policy
            targets(policy, now.history, now.windows[0].test.start, now.windows[0].test.stop)
        reads += [CodeRead(name, part.name, str(file), is_data=_is_data(file, config)) for file in sorted(files)]
        tables = tables_of(module, code)
        reads += [CodeRead(name, part.name, table, numbers) for table, numbers in tables.items()]
    return tuple(reads)


def _is_data(file: Path, config: RunConfig) -> bool:
    """Whether a file is one of those that the bars of a run are read from; ``data.path`` may be a folder or pattern."""
    paths = [config.data.path, *(extra.path for extra in config.data.extras.values())]
    places = [Path(path).resolve() for path in paths if path is not None]
    return any(place == file or place in file.parents or fnmatch(str(file), str(place)) for place in places)


def _edges(windows: Sequence[Window]) -> tuple[Edge, ...]:
    """Where training ends, and where the test span begins, in the first, the middle and the last window."""
    chosen = [windows[number] for number in sorted({0, len(windows) // 2, len(windows) - 1})]
    return tuple(
        Edge(cut, window.test.start + 1) for window in chosen for cut in (window.validation.start, window.test.start)
    )


def _fitted(now: Prepared, window: Window) -> Iterator[FittedPart]:
    """What a window's training slice and validation slice gave, each with the bar that it must not know."""
    name, learnt, chosen = f"window {window.number + 1}", window.validation.start, window.test.start
    yield FittedPart(f"{name}: training", learnt, _labels(now, window.train), "rows")
    yield FittedPart(f"{name}: validation", chosen, _labels(now, window.validation), "rows")
    chain, seen_by = preprocessed_by(now, window)
    if chain:
        yield FittedPart(f"{name}: preprocess", learnt, chain.state())
    if "scaler" in now.config.model.sections():
        yield FittedPart(name, learnt, fitted_scaler(seen_by, window).state())
    if window.number == 0:  # as all others are trained
        fit = fit_model(now, window, now.config.seed)
        yield FittedPart(name, chosen if fit.was_chosen else learnt, _files(fit), "model")


def _labels(now: Prepared, part: Slice) -> dict[str, NDArray[np.generic]]:
    """The rows of a slice and what their labels say; the return tells even where the class happens to be the same."""
    labels = now.labels
    times, symbols = part.positions
    return {
        "times": times,
        "symbols": symbols,
        "y": part.take(labels.y),
        "t_end": part.take(labels.t_end),
        "forward_return": part.take(labels.forward_return),
    }


def _files(fit: Fit) -> dict[str, NDArray[np.generic]]:
    """Every file that the fit of a window writes: weights, losses, evaluations.

    Not those of skops, which hold the time of day: what their estimators answer is in a file beside them.
    """
    with TemporaryDirectory(prefix="regimen-leaks-") as name:
        folder = Path(name)
        fit.save(folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".skops")
        return {str(path.relative_to(folder)): np.frombuffer(path.read_bytes(), np.uint8) for path in files}
