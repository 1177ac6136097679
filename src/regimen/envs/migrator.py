"""`Migrator`: paths of verbs become paths of target exposures, and back."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.envs.actions import verb_target
from regimen.envs.kinds import Verb, VerbsConfig
from regimen.errors import DataError
from regimen.jit import jit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Verbs = NDArray[np.int64]

_TRIED = (0, 1, 2, 3, 4, 5, 6)  # of verbs that lead to the same target the first is the canonical one


@jit
def _forward(
    verbs: Verbs, winning: Flags, start: float, sizes: tuple[float, float, float, float, float], out: Floats
) -> None:
    target = start
    for t in range(len(verbs)):
        target = verb_target(verbs[t], target, winning[t], *sizes)
        out[t] = target


@jit
def _backward(
    targets: Floats, winning: Flags, start: float, sizes: tuple[float, float, float, float, float], out: Verbs
) -> None:
    target = start
    for t in range(len(targets)):
        nearest = np.inf
        best = target
        for verb in _TRIED:
            reached = verb_target(verb, target, winning[t], *sizes)
            if abs(reached - targets[t]) < nearest:
                nearest = abs(reached - targets[t])
                best = reached
                out[t] = verb
        target = best


@final
class Migrator:
    """Translates between the seven verbs and target exposures, for one symbol.

    ``targets(verbs(targets(v)))`` equals ``targets(v)`` bit for bit for every path of verbs, so both trade the
    same equity. ``verbs(targets(v))`` is ``v`` itself except where two verbs mean the same (to sell all of
    nothing is to hold): there it is the first of them. A target that no verb reaches becomes the nearest.

    Args:
        config: the sizes of the verbs.
    """

    def __init__(self, config: VerbsConfig | None = None) -> None:
        self.config = config or VerbsConfig()

    def targets(self, verbs: ArrayLike, winning: ArrayLike = False, start: float = 0.0) -> Floats:
        """Returns the target exposures (time,) in [0, 1] after each verb.

        Args:
            verbs: (time,) integers; see `Verb`.
            winning: (time,) or one flag for all: whether the position had gained when the verb was said.
            start: exposure in force before the first verb.

        Raises:
            DataError: a verb that does not exist, flags of another shape, or a start outside [0, 1].
        """
        places = np.asarray(verbs)
        if (
            places.ndim != 1
            or places.dtype.kind not in "iu"
            or (len(places) and not 0 <= places.min() <= places.max() < len(Verb))
        ):
            raise DataError("verbs", f"must be integers from 0 to {len(Verb) - 1}, (time,)", verbs)
        out = np.empty(len(places))
        _forward(places.astype(np.int64), self._flags(winning, len(places)), self._start(start), self.config.sizes, out)
        return out

    def verbs(self, targets: ArrayLike, winning: ArrayLike = False, start: float = 0.0) -> Verbs:
        """Returns for each target (time,) the verb that leads nearest to it from where the last one led.

        Raises:
            DataError: targets that are not finite and one-dimensional, flags of another shape, or a start
                outside [0, 1].
        """
        wanted = np.asarray(targets, dtype=np.float64)
        if wanted.ndim != 1 or not np.isfinite(wanted).all():
            raise DataError("targets", "must be finite numbers, (time,)", targets)
        out = np.empty(len(wanted), np.int64)
        _backward(np.array(wanted), self._flags(winning, len(wanted)), self._start(start), self.config.sizes, out)
        return out

    @staticmethod
    def _flags(winning: ArrayLike, length: int) -> Flags:
        flags = np.asarray(winning, dtype=np.bool_)
        if flags.shape not in ((), (length,)):
            raise DataError("winning", f"must be one flag or {length}", flags.shape)
        return np.array(np.broadcast_to(flags, (length,)))

    @staticmethod
    def _start(start: float) -> float:
        if not 0.0 <= start <= 1.0:
            raise DataError("start", "must be an exposure in [0, 1]", start)
        return float(start)
