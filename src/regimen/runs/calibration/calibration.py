"""The judge on markets whose truth is known: what is examined, kept line by line, and counted."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from regimen.errors import ConfigError, RunError
from regimen.runs.calibration.examined import CalibrationTask, Examined, examine
from regimen.runs.calibration.kinds import KINDS, NULLS
from regimen.runs.calibration.rates import Rate, rates
from regimen.work import LOCAL, Compute

BEST_OF = (1, 10, 100)
"""After how many trials the best of them is judged."""
MARKETS, MARKETS_WITH_EDGE = 400, 200
"""Markets of each kind without an edge, and with one."""
_MOST_TRIALS = 2000
_ROOMS = ("execution", "judging", "metrics", "records", "runs/calibration", "simulators")
"""Whose code decides the numbers; outcomes of other code are never counted together with these."""


@dataclass(frozen=True)
class JudgeCalibration:
    """What was found.

    Attributes:
        markets: all that were examined.
        file: where they are kept, a line each.
    """

    markets: tuple[Examined, ...]
    file: Path

    @cached_property
    def rates(self) -> tuple[Rate, ...]:
        """By kind and number of trials."""
        return rates(self.markets)

    @property
    def holds(self) -> bool:
        """Whether every rate is what is promised."""
        return all(rate.within for rate in self.rates)

    def to_dict(self) -> dict[str, Any]:
        """Returns the rates as plain values; an undefined theory is None."""
        lines = []
        for rate in self.rates:
            theory = None if math.isnan(rate.theory) else rate.theory
            lines.append({**vars(rate), "evidence": vars(rate.evidence), "theory": theory, "within": rate.within})
        return {"file": str(self.file), "holds": self.holds, "rates": lines}


def calibrate(
    folder: Path,
    kinds: Sequence[str] = (),
    markets: int | None = None,
    best_of: Sequence[int] = BEST_OF,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
    compute: Compute = LOCAL,
) -> JudgeCalibration:
    """Examines markets of each kind, one after the other of all kinds in turn, and counts the verdicts.

    Each market is kept as a line of a file in ``folder`` once it is examined, so a calibration that was stopped goes on
    where it was, and more markets later take no more than those that are new. The file is named after the seed, the
    numbers of trials and the code that decides: what another judge found is never counted with this one's.

    Args:
        folder: of the file, usually ``runs``.
        kinds: of `KINDS`; all, when none is named.
        markets: of each kind; None takes 400 of those without an edge and 200 of those with one.
        best_of: after how many trials the best of them is judged.
        seed: of everything.
        progress: called with (done, all, what is examined).
        compute: where the work is done; the file does not depend on it.

    Raises:
        ConfigError: an unknown kind, or numbers out of range.
        RunError: the file is damaged.
    """
    chosen = _checked(kinds, markets, best_of)
    counts = tuple(sorted(set(best_of)))
    path = folder / f"calibration-{_digest(seed, counts)}.jsonl"
    tasks = _plan(chosen, markets, counts, seed)
    known = {(market.kind, market.number): market for market in _kept(path)}
    missing = [task for task in tasks if (task.kind, task.number) not in known]
    done = len(tasks) - len(missing)
    folder.mkdir(parents=True, exist_ok=True)
    if progress is not None:
        progress(done, len(tasks), "markets")
    with compute.mapper() as mapper, path.open("ab") as lines:
        for task, market in zip(missing, mapper.map(examine, missing), strict=True):
            lines.write(json.dumps(market.to_dict(), sort_keys=True, allow_nan=False).encode() + b"\n")
            lines.flush()
            known[task.kind, task.number] = market
            done += 1
            if progress is not None:
                progress(done, len(tasks), f"markets · {task.kind} {task.number + 1}")
    return JudgeCalibration(tuple(known[task.kind, task.number] for task in tasks), path)


def _checked(kinds: Sequence[str], markets: int | None, best_of: Sequence[int]) -> tuple[str, ...]:
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError("kinds", f"must be one of {', '.join(KINDS)}", kind)
    if markets is not None and markets < 1:
        raise ConfigError("markets", "must be at least 1", markets)
    if not best_of or min(best_of) < 1 or max(best_of) > _MOST_TRIALS:
        raise ConfigError("best_of", f"must be numbers of trials from 1 to {_MOST_TRIALS}", list(best_of))
    return tuple(dict.fromkeys(kinds)) or tuple(KINDS)


def _plan(kinds: Sequence[str], markets: int | None, best_of: tuple[int, ...], seed: int) -> list[CalibrationTask]:
    """All kinds in turn, so that whoever stops early has as many of each."""
    counts = {kind: markets or (MARKETS if kind in NULLS else MARKETS_WITH_EDGE) for kind in kinds}
    numbers = range(max(counts.values()))
    return [
        CalibrationTask(kind, number, seed, best_of) for number in numbers for kind in kinds if number < counts[kind]
    ]


def _digest(seed: int, best_of: tuple[int, ...]) -> str:
    content = hashlib.sha256(f"{seed} {best_of}".encode())
    root = files("regimen")
    for room in _ROOMS:
        for file in sorted(Path(str(root.joinpath(*room.split("/")))).rglob("*.py")):
            content.update(file.read_bytes())
    return content.hexdigest()[:8]


def _kept(path: Path) -> Iterator[Examined]:
    """The markets of a file; a last line that was not written to its end is taken away.

    Raises:
        RunError: another line is no market.
    """
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        path.write_bytes(whole)
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            yield Examined.from_dict(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(
                "calibration", f"has a damaged line {number} ({error}); delete the file", str(path)
            ) from None
