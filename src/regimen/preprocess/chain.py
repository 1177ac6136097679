"""`Chain`: steps of preprocessing one after the other, as one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import SplitError
from regimen.preprocess.config import PreprocessConfig
from regimen.preprocess.consensus import ConsensusAutoencoder
from regimen.preprocess.fitted import Fitted, State, Values
from regimen.preprocess.kalman import KalmanFilter
from regimen.preprocess.running import RunningScaler
from regimen.preprocess.standard_scaler import StandardScaler
from regimen.splits import Slice

_FROM_STATE: Final[Mapping[str, Callable[[State], Fitted]]] = {
    "consensus": ConsensusAutoencoder.from_state,
    "kalman": KalmanFilter.from_state,
    "running": RunningScaler.from_state,
    "standard": StandardScaler.from_state,
}
"""What a step of each kind is rebuilt by."""


@final
@dataclass(frozen=True, eq=False)
class Chain:
    """Fitted steps; each sees what the one before it returns, in training and at every bar that is traded.

    Attributes:
        parts: kind and step, in their order; none: rows stay as they are.
    """

    parts: tuple[tuple[str, Fitted], ...] = ()

    @classmethod
    def fit(cls, configs: Sequence[PreprocessConfig], values: Values, part: Slice, names: Sequence[str]) -> Chain:
        """Fits each config on what the steps before it make of the training slice.

        Args:
            configs: in their order.
            values: (time, symbol, feature) the whole series; a step looks at rows <= t or at the slice only.
            part: a slice of role ``train``.
            names: the feature columns.

        Raises:
            SplitError: anything but a training slice.
        """
        chain = cls()
        for config in configs:
            fitted = config.fit(values, part, names)
            chain = cls((*chain.parts, (config.kind, fitted)))
            values = _scanned(fitted, values)
        return chain

    def __bool__(self) -> bool:
        """Whether there is a step."""
        return bool(self.parts)

    @property
    def memory(self) -> int:
        """Numbers that it remembers of one symbol; all are 0 before the first row."""
        return sum(step.memory for _, step in self.parts)

    def step(self, rows: Values, state: Values) -> tuple[Values, Values]:
        """Returns whole rows (n, feature) as they leave the last step, and the memory (n, memory) after them."""
        following, place = [state[:, :0]], 0
        for _, step in self.parts:
            rows, after = step.step(rows, state[:, place : place + step.memory])
            following.append(after)
            place += step.memory
        return rows, np.concatenate(following, axis=1)

    def scan(self, values: Values) -> Values:
        """Returns a series (time, symbol, feature): `step` from the first bar on, bitwise; NaN where not whole."""
        for _, step in self.parts:
            values = _scanned(step, values)
        return values

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns everything as a dict of arrays; a name begins with the step's place and kind."""
        return {
            f"{place}/{kind}/{name}": array
            for place, (kind, step) in enumerate(self.parts)
            for name, array in step.state().items()
        }

    @classmethod
    def from_state(cls, state: State) -> Chain:
        """Rebuilds a chain from `state`.

        Raises:
            SplitError: an entry is missing, or of a step that there is not.
        """
        states: dict[tuple[int, str], dict[str, NDArray[np.generic]]] = {}
        try:
            for key, array in state.items():
                place, kind, name = key.split("/", 2)
                states.setdefault((int(place), kind), {})[name] = array
            parts = tuple((kind, _FROM_STATE[kind](states[place, kind])) for place, kind in sorted(states))
        except (KeyError, ValueError, TypeError):
            raise SplitError("preprocess", "must be what a chain's `state` returns", sorted(state)) from None
        return cls(parts)


def _scanned(step: Fitted, values: Values) -> Values:
    """Returns what a step makes of a series; rows that are not whole are NaN before and after it."""
    whole = np.isfinite(values).all(axis=2, keepdims=True)
    return np.asarray(np.where(whole, step.scan(values), np.nan))
