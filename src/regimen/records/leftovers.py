"""What killed commands left behind: found, and removed when a person says so."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regimen.errors import RunError
from regimen.files import abandoned, abandoned_folders
from regimen.records.manifest import MANIFEST

SCRATCH = "regimen-reproduce-"
"""First part of the name of the temporary folder in which a run is repeated."""
_EARLY = {"config.yaml", "data.json"}
"""What an early run wrote before its manifest."""


@dataclass(frozen=True)
class Leftover:
    """A file or folder that no living process works on and no command reads.

    Attributes:
        path: of it.
        what: it is, in words.
        bytes: its size.
    """

    path: Path
    what: str
    bytes: int

    def remove(self) -> None:
        """Removes it, if it is still there.

        Raises:
            RunError: it cannot be removed.
        """
        try:
            if self.path.is_dir():
                shutil.rmtree(self.path)
            else:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            raise RunError("leftover", f"cannot be removed ({error.strerror or error})", str(self.path)) from None


def find_leftovers(root: Path) -> list[Leftover]:
    """Returns what killed commands left in a folder of runs, in the runs, and where the system keeps what is temporary.

    Interrupted runs are none: `regimen resume` goes on with them.

    Raises:
        RunError: the folder does not exist.
    """
    if not root.is_dir():
        raise RunError("runs", "must be a folder of runs", str(root))
    leftovers = dict(_candidates(root))
    return [Leftover(path, what, _size(path)) for path, what in sorted(leftovers.items())]


def _candidates(root: Path) -> Iterator[tuple[Path, str]]:
    runs = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for run in runs:
        if (run / MANIFEST).exists():
            for home in (run, *(path for path in run.rglob("*") if path.is_dir())):
                yield from ((path, "half-written file") for path in abandoned(home))
                yield from ((path, "half-written ledger") for path in home.glob(".*.part"))
                yield from ((path, "half-finished backtest") for path in abandoned_folders(home))
        elif {path.name for path in run.iterdir()} <= _EARLY:
            yield run, "folder of a run that never began"
    for home in (root, root / "data"):
        yield from ((path, "half-written file") for path in abandoned(home))
    yield from ((path, "folder of a run that never began") for path in abandoned_folders(root))
    temporary = Path(tempfile.gettempdir())
    yield from ((path, "temporary run of reproduce") for path in abandoned_folders(temporary, SCRATCH))


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
