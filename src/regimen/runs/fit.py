"""What a window's training gives, whatever the model: a policy, and what it writes down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from regimen.policies import Policy

Tell = Callable[[int, int, str, Mapping[str, float]], None]
"""Called in training with (done, of how many, how it goes in words, and in numbers)."""


class Fit(Protocol):
    """What the training slice of one window gave."""

    @property
    def policy(self) -> Policy:
        """What trades."""

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
