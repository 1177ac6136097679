"""What a window's training gives, whatever the model: a policy, and what it writes down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from regimen.execution import History
    from regimen.policies import Policy

Tell = Callable[[int, int, str, Mapping[str, float]], None]
"""Called in training with (done, of how many, how it goes in words, and in numbers)."""


def tell_of_optimiser(tell: Tell | None, of: int) -> None:
    """Says that torch's optimisers are being loaded, where they are not yet.

    torch imports its compiler, for more than a second, when the first optimiser of a process is built, whatever it is
    built with (2.13: ``torch.optim.Optimizer.add_param_group``). Nothing is compiled by it here.
    """
    if tell is not None and "torch._dynamo" not in sys.modules:
        tell(0, of, "loading torch's optimisers", {})


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


@runtime_checkable
class LearnsOn(Protocol):
    """A fit whose model goes on learning while it trades, so that the next window begins where this one ends."""

    def keep_end(self, folder: Path, history: History, start: int, stop: int) -> None:
        """Writes into the window's folder what was said of bars [start, stop), and where the model stands then."""
