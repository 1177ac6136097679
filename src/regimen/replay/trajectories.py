"""`Trajectories`: whole episodes laid end to end in a few flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.errors import DataError, RunError
from regimen.replay.windows import Windows
from regimen.reprs import many, short

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Transitions(NamedTuple):
    """Single steps, aligned: row k holds s, a, r, s' and whether anything follows.

    Attributes:
        observations: (row, width).
        actions: (row, size), int64 choices or float32.
        rewards: (row,) float64.
        successors: (row, width); of an episode's last step its final observation.
        terminated: (row,) bool; where it is false the value of the successor counts, in a cut episode too.
    """

    observations: Singles
    actions: NDArray[Any]
    rewards: Floats
    successors: Singles
    terminated: Flags


@final
@dataclass(frozen=True, eq=False)
class Trajectories:
    """Episodes of any lengths, one after the other; all arrays are read-only.

    *Timing:* row t is one step: the observation was known when the action was decided, and the reward is what the
    step earned after it. Nothing here reaches from one episode into another.

    Attributes:
        observations: (step, width) float32, finite.
        actions: (step, size), int64 where they are choices, else float32.
        rewards: (step,) float64, finite.
        terminated: (step,) bool, nothing follows (ruin).
        truncated: (step,) bool, the episode was cut: the time, the data or the recording was over.
        final_observations: (episode, width) float32, what was seen after the last step.
        columns: names of the observation's columns.
        choices: how many choices an action has; 0: it is a number.
        offsets: (episode + 1,) episode k is the rows [offsets[k], offsets[k + 1]); from the flags.

    Raises:
        DataError: no steps, shapes that do not fit, a NaN or an infinity, a choice outside its range, or a last
            episode that has no end.
    """

    observations: Singles
    actions: NDArray[Any]
    rewards: Floats
    terminated: Flags
    truncated: Flags
    final_observations: Singles
    columns: tuple[str, ...]
    choices: int = 0
    offsets: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        actions = np.asarray(self.actions)
        actions = actions[:, None] if actions.ndim == 1 else actions
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused below
            self._keep("observations", np.asarray(self.observations, np.float32))
            self._keep("final_observations", np.asarray(self.final_observations, np.float32))
        self._keep("rewards", np.asarray(self.rewards, np.float64))
        self._keep("terminated", np.asarray(self.terminated))
        self._keep("truncated", np.asarray(self.truncated))
        object.__setattr__(self, "columns", tuple(self.columns))
        steps, width = len(self.rewards), len(self.columns)
        if steps == 0:
            raise DataError("trajectories", "must have at least one step", 0)
        if len(set(self.columns)) < width:
            raise DataError("trajectories.columns", "must differ from each other", self.columns)
        if actions.ndim != 2 or len(actions) != steps or actions.dtype.kind not in ("iu" if self.choices else "f"):
            rule = f"must be {'integers' if self.choices else 'floating'} of shape ({steps}, size)"
            raise DataError("trajectories.actions", rule, (str(actions.dtype), actions.shape))
        self._keep("actions", actions.astype(np.int64 if self.choices else np.float32, copy=False))
        for name, shape in (("observations", (steps, width)), ("terminated", (steps,)), ("truncated", (steps,))):
            if getattr(self, name).shape != shape:
                raise DataError(f"trajectories.{name}", f"must have the shape {shape}", getattr(self, name).shape)
        for name in ("terminated", "truncated"):
            if getattr(self, name).dtype != np.bool_:
                raise DataError(f"trajectories.{name}", "must be boolean", str(getattr(self, name).dtype))
        ended = self.terminated | self.truncated
        if not ended[-1]:
            raise DataError("trajectories.truncated", "must be set in the last step: an episode needs an end", False)
        self._keep("offsets", np.concatenate([[0], np.flatnonzero(ended) + 1]).astype(np.int64))
        shape = (self.episodes, width)
        if self.final_observations.shape != shape:
            raise DataError(
                "trajectories.final_observations", f"must have the shape {shape}", self.final_observations.shape
            )
        self._check_numbers()

    def _keep(self, name: str, array: NDArray[Any]) -> None:
        view = np.ascontiguousarray(array).view()
        view.flags.writeable = False
        object.__setattr__(self, name, view)

    def _check_numbers(self) -> None:
        for name in ("observations", "final_observations", "rewards", "actions"):
            array = getattr(self, name)
            bad = ~np.isfinite(array)
            if bad.any():
                place = np.unravel_index(int(bad.argmax()), bad.shape)
                where = f"row {place[0]}"
                if "observations" in name:
                    where += f", column {self.columns[place[1]]!r}"
                raise DataError(f"trajectories.{name}", f"must be finite; {where}", float(array[place]))
        if self.choices:
            outside = (self.actions < 0) | (self.actions >= self.choices)
            if outside.any():
                worst = int(self.actions[outside][0])
                raise DataError("trajectories.actions", f"must be choices from 0 to {self.choices - 1}", worst)

    def __repr__(self) -> str:
        size = f"{many(len(self.offsets) - 1, 'episode')}, {many(len(self.rewards), 'step')}"
        return short(self, f"{size}, {many(self.observations.shape[1], 'column')}")

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.rewards)

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(episode,) steps of each."""
        return np.diff(self.offsets)

    @property
    def episode_returns(self) -> Floats:
        """(episode,) sum of rewards, without discount."""
        totals: Floats = np.add.reduceat(self.rewards, self.offsets[:-1])
        return totals

    def returns_to_go(self, gamma: float = 1.0) -> Floats:
        """Returns ``R_t = r_t + γ·R_{t+1}`` within each episode, (step,); see `regimen.ops.returns.returns_to_go`.

        A cut episode counts nothing of what would have come.

        Raises:
            ConfigError: γ outside [0, 1].
        """
        from regimen.ops.arrays import returns_to_go  # the room imports torch

        promised: NDArray[Any] = returns_to_go(self.rewards, self.terminated | self.truncated, gamma)
        return promised

    def transitions(self, rows: ArrayLike | None = None) -> Transitions:
        """Returns steps with their successors.

        Args:
            rows: (row,) steps to gather, e.g. a random batch; None: all, as views but for the successors.

        Raises:
            RunError: rows that are no steps of these.
        """
        ended = self.terminated | self.truncated
        if rows is None:
            successors = np.empty_like(self.observations)
            successors[:-1] = self.observations[1:]
            successors[ended] = self.final_observations
            return Transitions(self.observations, self.actions, self.rewards, successors, self.terminated)
        chosen = checked_rows(rows, len(self))
        last = ended[chosen]
        successors = self.observations[np.where(last, chosen, chosen + 1)]
        successors[last] = self.final_observations[np.searchsorted(self.offsets, chosen[last], side="right") - 1]
        return Transitions(
            self.observations[chosen], self.actions[chosen], self.rewards[chosen], successors, self.terminated[chosen]
        )

    def windows(self, length: int, gamma: float = 1.0) -> Windows:
        """Returns the context windows that end at each step; see `Windows`.

        Raises:
            ConfigError: a length below 1, or longer than every episode; γ outside [0, 1].
        """
        return Windows(self, length, gamma)

    def require_columns(self, columns: Sequence[str]) -> None:
        """Refuses observations of other columns.

        Raises:
            RunError: naming the first column that differs.
        """
        if len(columns) != len(self.columns):
            raise RunError("trajectories.columns", f"must be {len(columns)} columns", len(self.columns))
        for k, (wanted, mine) in enumerate(zip(columns, self.columns, strict=True)):
            if wanted != mine:
                raise RunError(f"trajectories.columns: column {k}", f"must be {wanted!r}", mine)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Returns the episodes of all parts, one after the other, in new arrays.

        Raises:
            RunError: parts of other columns or actions.
            DataError: no parts.
        """
        if not parts:
            raise DataError("trajectories", "must be at least one part", 0)
        first = parts[0]
        for part in parts[1:]:
            part.require_columns(first.columns)
            mine, theirs = (part.choices, part.actions.shape[1]), (first.choices, first.actions.shape[1])
            if mine != theirs:
                raise RunError("trajectories.actions", f"must be of {theirs} (choices, size) in all parts", mine)
        names = ("observations", "actions", "rewards", "terminated", "truncated", "final_observations")
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**arrays, columns=first.columns, choices=first.choices)


def checked_rows(rows: ArrayLike, steps: int) -> NDArray[np.int64]:
    """Returns steps as int64.

    Raises:
        RunError: not integers of shape (row,), or outside [0, steps).
    """
    chosen = np.asarray(rows)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise RunError("rows", "must be integers of shape (row,)", (str(chosen.dtype), chosen.shape))
    outside = (chosen < 0) | (chosen >= steps)
    if outside.any():
        raise RunError("rows", f"must lie in [0, {steps - 1}]", int(chosen[outside][0]))
    return chosen.astype(np.int64)
