"""`train` and `resume`: from Python, what the command line does, with objects in the place of files and keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regimen.face.config import SOURCES, run_config, whole_config
from regimen.face.progress import Advance, advancing
from regimen.face.run import Run, path_text
from regimen.records import find_run
from regimen.work import Compute


def train(
    data: object,
    *,
    model: object = None,
    features: object = None,
    labels: object = None,
    splits: object = None,
    costs: object = None,
    seed: int | None = None,
    seeds: int | None = None,
    name: str | None = None,
    runs: str | Path = "runs",
    compute: str = "local",
    progress: bool | Advance | None = None,
    **sections: Any,
) -> Run:
    """Trains a policy walk-forward, trades it out of sample in one account, judges it, and keeps it all in a folder.

    It is the run of ``regimen train``: the same ledger, seeds, judge and report; whatever stops it early leaves a
    folder that `resume` goes on with.

    Args:
        data: the path of a file (or of a folder or pattern, a panel), `Bars`, a frame of pandas, polars or whatever has
            an Arrow stream, or a `DataConfig`. What is in memory is kept in one file beside the runs. A `RunConfig`, or
            the path of its YAML file, says everything: nothing else may be given.
        model: a name (``"logistic"``, ``"hybrid"``, ``"ppo"``, ...; logistic by default), a config
            (``rg.PPOConfig(...)``), or one of your own: an object, or its place ``"file.py:NAME"``.
        features: a config, ``"standard"`` or ``"indicators"``, or a list that may mix ``*rg.features.standard()``,
            names of columns and groups, your own features and functions, and places of these; standard by default.
        labels: what a classifier learns: a config, its kind, or a function of your own or its place.
        splits: ``"TRAIN/TEST"`` such as ``"2y/3mo"``, ``"50%/10%"`` or ``"1000/250"`` bars, a config, or a function of
            your own or its place.
        costs: the name of a venue (``"binance-spot"``) or `Costs`; the bars' calendar chooses by default.
        seed, seeds: the first seed, which is judged, and how many; 0 and 1.
        name: of the run; the model's and the file's by default.
        runs: the folder of runs. Of what was defined in a notebook the source is kept in ``sources`` there.
        compute: where windows are fitted: ``"local"``, ``"processes:2"``, ``"ray"``, ``"ray://HOST:PORT"``; every byte
            is the same. A script needs its ``if __name__ == "__main__":`` for processes.
        progress: None shows one line where a person watches, True everywhere, False nowhere; or a function of (steps
            done, steps in all, what is being done).
        sections: all other sections of `RunConfig`: ``training={"epochs": 5}`` or ``training=rg.TrainingConfig(...)``.

    Returns:
        The run.

    Raises:
        RegimenError: the first mistake in what was given, on one line, before anything is written; or what stopped the
            run.
        KeyboardInterrupt: it was interrupted; the message says how it is resumed.
    """
    from regimen.runs import start

    named = {"labels": labels, "splits": splits, "seed": seed, "seeds": seeds, "name": name}
    sections |= {field: value for field, value in named.items() if value is not None}
    given = {"model": model, "features": features, "costs": costs}
    root = Path(path_text(runs, "runs"))
    config = whole_config(data, sections | {field: value for field, value in given.items() if value is not None})
    if config is None:
        config = run_config(data, **given, sections=sections, sources=root / SOURCES)
    with _saying_how_to_resume(), Compute.parse(compute).mapper() as mapper, advancing(progress) as advance:
        directory, _ = start(config, root, advance, mapper)
    return Run(directory.path)


def resume(
    run: str | Path | Run = "latest",
    runs: str | Path = "runs",
    progress: bool | Advance | None = None,
    compute: str = "local",
) -> Run:
    """Goes on with a run that was stopped; it ends with the same bytes as one that never was.

    Args:
        run: a run, or its path, id, first letters, or ``latest``.
        runs: the folder of runs.
        progress, compute: as in `train`.

    Raises:
        RunError: no such run; it is finished, or being worked on; its data or its code has changed since.
    """
    from regimen.runs import resume_run

    chosen = run if isinstance(run, Run) else Run(run, runs)
    with _saying_how_to_resume(), Compute.parse(compute).mapper() as mapper, advancing(progress) as advance:
        resume_run(find_run(str(chosen.path), Path()), advance, mapper)
    return Run(chosen.path)


@contextmanager
def _saying_how_to_resume() -> Iterator[None]:
    """Names what continues a stopped run here, in Python, in the place of the command."""
    try:
        yield
    except KeyboardInterrupt as stop:
        path = Path(stop.args[0]) if stop.args else None
        if path is None or not path.is_dir():
            raise
        raise KeyboardInterrupt(f"the run is kept: rg.resume({str(path)!r}) continues it") from None
