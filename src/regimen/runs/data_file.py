"""Bars that a run was given in memory, in a file beside the runs: so it is resumed and reproduced like every other."""

from __future__ import annotations

from pathlib import Path

from regimen.bars import DataConfig
from regimen.errors import DataError, RunError
from regimen.readers import file_name, read_back

FOLDER = "data"


def on_file(config: DataConfig, root: Path) -> DataConfig:
    """Returns a config whose bars are in a file: its own, or ``<root>/data/<fingerprint>.parquet`` for bars in memory.

    The file is written once, however many runs are made with the same bars.

    Args:
        config: of a run.
        root: the folder of runs.

    Raises:
        RunError: the file cannot be written, or one of its name does not hold these bars.
    """
    bars = config.bars
    if bars is None:
        return config
    path = root / FOLDER / file_name(bars)
    if path.exists():
        try:
            content = read_back(str(path)).fingerprint
        except DataError as error:
            content = str(error)
        if content != bars.fingerprint:
            rule = "must hold the bars of its name, and is damaged; remove it, and a new run writes it again"
            raise RunError("data", rule, str(path))
        return config.on_file(str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        bars.write(path)
    except OSError as error:
        raise RunError("runs", f"must be a writable folder ({error.strerror or error})", str(root)) from None
    except DataError as error:
        raise RunError("runs", error.rule, str(root)) from None
    return config.on_file(str(path))
