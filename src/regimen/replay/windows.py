"""`Windows`: the last steps before each step of an episode, as views, and as padded batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.errors import ConfigError

if TYPE_CHECKING:
    from regimen.replay.trajectories import Trajectories


class Context(NamedTuple):
    """One window (time, ...), or a batch of them (row, time, ...), oldest step first.

    Attributes:
        observations: (..., time, width) float32.
        actions: (..., time, size); the last one is what was decided at the window's end: the target of a sequence
            model, not its input.
        rewards: (..., time) float64.
        returns_to_go: (..., time) float64, with the windows' γ.
        steps: (..., time) int64, number of the step in its episode, from 0.
        mask: (..., time) bool, false where the episode had not begun: everything else is 0 there.
    """

    observations: NDArray[np.float32]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    returns_to_go: NDArray[np.float64]
    steps: NDArray[np.int64]
    mask: NDArray[np.bool_]


@final
class Windows:
    """The ``length`` steps up to each step of each episode; fewer at an episode's start.

    Window k ends with step k, so there are as many windows as steps. ``windows[k]`` is views of the trajectories'
    arrays, as long as the episode allows; `batch` copies the chosen windows, and nothing else, into arrays of equal
    length, padded in front. No window has a step of another episode in it, masked or not.

    Args:
        trajectories: whose steps.
        length: steps.
        gamma: discount of the returns to go.

    Raises:
        ConfigError: a length below 1, or longer than every episode; γ outside [0, 1].
    """

    def __init__(self, trajectories: Trajectories, length: int, gamma: float = 1.0) -> None:
        longest = int(trajectories.lengths.max())
        if not 1 <= length <= longest:
            raise ConfigError("windows.length", f"must lie in [1, {longest}], the longest trajectory", length)
        self.length = length
        self._from = trajectories
        begins = np.repeat(trajectories.offsets[:-1], trajectories.lengths)
        self._steps = np.arange(len(trajectories)) - begins
        self._returns = trajectories.returns_to_go(gamma)
        for array in (self._steps, self._returns):
            array.flags.writeable = False

    def __len__(self) -> int:
        """Number of windows, which is that of steps."""
        return len(self._steps)

    def __getitem__(self, row: int) -> Context:
        """Returns one window as views, (time, ...), without padding."""
        if not 0 <= row < len(self):
            raise IndexError(row)
        first = row - min(int(self._steps[row]), self.length - 1)
        part, mine = slice(first, row + 1), self._from
        return Context(
            mine.observations[part],
            mine.actions[part],
            mine.rewards[part],
            self._returns[part],
            self._steps[part],
            np.ones(row + 1 - first, np.bool_),
        )

    def batch(self, rows: ArrayLike) -> Context:
        """Returns the windows that end at some steps, (row, length, ...), padded with zeros in front.

        Raises:
            RunError: rows that are no steps.
        """
        from regimen.replay.trajectories import checked_rows

        ends = checked_rows(rows, len(self))[:, None]
        ages = np.arange(self.length - 1, -1, -1)
        mask = ages <= self._steps[ends]
        places = np.where(mask, ends - ages, ends)
        mine = self._from

        def gathered(array: NDArray[Any]) -> NDArray[Any]:
            taken = array[places]
            taken[~mask] = 0
            return taken

        return Context(
            gathered(mine.observations),
            gathered(mine.actions),
            gathered(mine.rewards),
            gathered(self._returns),
            gathered(self._steps),
            mask,
        )
