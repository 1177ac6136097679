"""What a window's training gives, whatever the model: something that decides, and what it writes down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from regimen.bars import Bars
    from regimen.features import FeatureFrame
    from regimen.policies import Drawn

Tell = Callable[[int, int, str, Mapping[str, float]], None]
"""Called in training with (done, of how many, how it goes in words, and in numbers)."""


class Decider(Protocol):
    """A trained model that trades."""

    def decide(self, bars: Bars, frame: FeatureFrame, start: int, stop: int) -> NDArray[np.float64]:
        """Returns the target exposures (stop − start, symbol) of bars [start, stop); row t uses bars <= t."""

    def draw(self, bars: Bars, frame: FeatureFrame, start: int, stop: int) -> Drawn | None:
        """Returns the same with drawn actions; None for a model that has nothing to draw."""


class Fit(Protocol):
    """What the training slice of one window gave."""

    @property
    def decider(self) -> Decider:
        """The trained model."""

    @property
    def model(self) -> object:
        """The predictor or the agent; see `regimen.records.effort.count_parameters`."""

    @property
    def rows(self) -> int:
        """Training rows, (bar, symbol) pairs."""

    @property
    def was_chosen(self) -> bool:
        """Whether the validation slice may have chosen the model's state; else it knows the training slice only."""

    def save(self, folder: Path) -> None:
        """Writes the model and the course of its training."""
