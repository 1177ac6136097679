"""The unfinished windows of a run, fitted where a mapper works; their results come in the order of one process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from regimen.errors import RunError
from regimen.records import RunDirectory
from regimen.records.layout import EXPOSURES
from regimen.runs.fit import Tell
from regimen.runs.prepare import Prepared, prepare, require_same_data
from regimen.runs.traded import UNITS, Decide, Floats, decide, depend, home_of
from regimen.splits import Window
from regimen.work import HERE, Mapper

_Course = tuple[int, int, str, dict[str, float]]


@dataclass(frozen=True)
class Part:
    """What one worker fits at a time; the bars are named by the run's folder, and not sent.

    Attributes:
        run: folder of the run.
        seed: decides everything random.
        windows: numbers of the windows, one after the other.
    """

    run: str
    seed: int
    windows: tuple[int, ...]


@contextmanager
def deciding(
    prepared: Prepared, directory: RunDirectory, mapper: Mapper, advance: Callable[[int, str], None]
) -> Iterator[Decide]:
    """Yields what fits windows, asked for in their order: at once here, or begun ahead by a mapper's workers.

    Whoever asks writes down each trial and finishes each window, so the ledger and the files are those of one process.

    Args:
        prepared: of the run.
        directory: of the run; every worker must see it.
        mapper: where windows are fitted.
        advance: progress of workers: parts of `UNITS` for each window, and what is being done.
    """
    if mapper is HERE:
        yield lambda seed, window, report: decide(prepared, directory, seed, window, report)
        return
    parts = parts_of(prepared, directory)
    with closing(_fitted(parts, prepared, mapper, advance)) as fits:

        def next_one(seed: int, window: Window, report: Tell) -> Floats:
            place, rows, course = next(fits)
            assert place == (seed, window.number)
            for each in course:
                report(*each)
            return rows

        yield next_one


def parts_of(prepared: Prepared, directory: RunDirectory) -> list[Part]:
    """Returns what is left to fit: each window alone, or all of a seed where each begins with the one before."""
    run = str(directory.path.resolve())
    parts = []
    for seed in prepared.config.all_seeds:
        home = home_of(directory, prepared.config, seed)
        numbers = [w.number for w in prepared.windows if not (home.window(w.number) / EXPOSURES).exists()]
        chains = [tuple(numbers)] if depend(prepared.config) else [(number,) for number in numbers]
        parts += [Part(run, seed, chain) for chain in chains if chain]
    return parts


def _fitted(
    parts: list[Part], prepared: Prepared, mapper: Mapper, advance: Callable[[int, str], None]
) -> Generator[tuple[tuple[int, int], Floats, list[_Course]]]:
    """Yields (seed and window, exposures, course of the training) in the parts' order."""
    every = len(prepared.windows) * len(prepared.config.all_seeds)
    progress = {(part.seed, number): 0 for part in parts for number in part.windows}
    before = every - len(progress)

    def listen(_number: int, message: tuple[tuple[int, int], int, str]) -> None:
        place, units, words = message
        progress[place] = units
        fitted = before + sum(units == UNITS for units in progress.values())
        seed = f"seed {place[0]}, " if len(prepared.config.all_seeds) > 1 else ""
        words = f"{fitted}/{every} windows · {seed}window {place[1] + 1} · {words}"
        advance(before * UNITS + sum(progress.values()), words)

    for part, results in zip(parts, mapper.map(fit_part, parts, listen), strict=True):
        for number, (rows, course) in zip(part.windows, results, strict=True):
            yield (part.seed, number), rows, course


def fit_part(part: Part, report: Callable[[Any], None]) -> list[tuple[Floats, list[_Course]]]:
    """Fits windows of a run in a worker; the models are kept in the run's folder.

    Args:
        part: which.
        report: gets (seed and window, parts of `UNITS`, what is being done).

    Returns:
        For each window its exposures and the course of its training.

    Raises:
        RunError: the folder is not seen from here, or its data file has changed.
    """
    directory, prepared = _opened(part.run)
    results = []
    for number in part.windows:
        course: list[_Course] = []
        place = part.seed, number

        def tell(
            done: int,
            of: int,
            message: str,
            numbers: Any,
            course: list[_Course] = course,
            place: tuple[int, int] = place,
        ) -> None:
            course.append((done, of, message, dict(numbers)))
            report((place, min(UNITS - 1, UNITS * done // of), message))

        report((place, 0, "begun"))
        rows = decide(prepared, directory, part.seed, prepared.windows[number], tell)
        report((place, UNITS, "fitted"))
        results.append((rows, course))
    return results


@lru_cache(maxsize=1)
def _opened(run: str) -> tuple[RunDirectory, Prepared]:
    """The run of a folder with its bars, features and labels; a worker that stays warm prepares them once."""
    if not Path(run).is_dir():
        raise RunError("runs", "must be a folder that every machine of the cluster sees", run)
    directory = RunDirectory(Path(run))
    prepared = prepare(directory.located_config())
    require_same_data(prepared.bars, directory.manifest())
    return directory, prepared
