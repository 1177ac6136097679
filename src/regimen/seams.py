"""What methods wrap: the rows of a batch, what happens to them, what is minimised, and which rows come next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.windows import SeriesWindows

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Inputs = NDArray[np.floating] | SeriesWindows
"""Inputs (n, inputs), or windows (n, window, inputs)."""

Rows = NDArray[np.int64]
"""Positions of training rows."""


class RowTable(NamedTuple):
    """Where training rows come from: one row is one symbol at one bar.

    Attributes:
        time: (n,) int64 position of the row's bar in the series.
        symbol: (n,) int64 position of its symbol.
        end: (n,) int64 position of the last bar that its label looked at.
        volatility: (n,) float64 volatility of the returns of bars <= time, per bar.
        sign_changes, clarity, noise: (n,) float64 of the way up to it, see `regimen.labels.trailing_difficulty`; None
            where nothing asks for them.
    """

    time: NDArray[np.int64]
    symbol: NDArray[np.int64]
    end: NDArray[np.int64]
    volatility: NDArray[np.float64]
    sign_changes: NDArray[np.float64] | None = None
    clarity: NDArray[np.float64] | None = None
    noise: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Epoch:
    """What happened in one epoch.

    Attributes:
        epoch: its number, from 1.
        train_loss: mean loss of its batches while the weights moved.
        val_loss: loss of the validation rows after it; None without validation rows.
        score: what the caller's ``score`` said of the weights after it; None without one.
        best: whether these are the best weights so far.
        learning_rate: of its last step.
        seconds: wall time without the checkpoint; two equal runs differ here only.
    """

    epoch: int
    train_loss: float
    val_loss: float | None
    score: float | None
    best: bool
    learning_rate: float
    seconds: float = field(compare=False)


class Batch(NamedTuple):
    """Rows on the training device.

    Attributes:
        x: (n, inputs) float32, or (n, window, inputs).
        y: (n,) int64.
        weights: (n,) float32, the weight of each row's loss.
        targets: by name (n,) float32, what is learned besides the class; empty where there is nothing.
        smoothing: ε, the share of each row's class that is spread evenly over all classes.
        shares: (n, class) float32 what of each row is of which class, in place of ``y``; None: all of it is of ``y``.
        costs: (n, class, action) float32 what each action costs where the row is of the class; None: cross-entropy.
        time, symbol: (n,) int64 positions of the row's bar in the series and of its symbol; None: unknown.
        epoch: number of the epoch, from 1; 0 for validation rows.
    """

    x: Tensor
    y: Tensor
    weights: Tensor
    targets: Mapping[str, Tensor] = MappingProxyType({})
    smoothing: float = 0.0
    shares: Tensor | None = None
    costs: Tensor | None = None
    time: Tensor | None = None
    symbol: Tensor | None = None
    epoch: int = 0

    def part(self, rows: slice) -> Batch:
        """Returns some of its rows."""
        targets = {name: column[rows] for name, column in self.targets.items()}
        columns = {
            name: getattr(self, name)[rows]
            for name in ("x", "y", "weights", "shares", "costs", "time", "symbol")
            if getattr(self, name) is not None
        }
        return self._replace(targets=targets, **columns)


Sampler = Callable[[Sequence[Epoch], np.random.Generator], Sequence[Rows]]
"""``sampler(history, generator) -> batches`` of the next epoch: each batch holds positions of training rows.

``history`` holds the epochs done, those before a resume included. All randomness comes from the generator, which
depends on (seed, window, epoch) only; so a sampler keeps nothing from one epoch to the next, or a resumed run would
differ."""

Transform = Callable[["Batch", "torch.Generator"], "Batch"]
"""``transform(batch, generator) -> batch`` on training batches only. All of its randomness comes from the
generator (on the batch's device), which depends on (seed, window, epoch) only."""

Objective = Callable[["nn.Module", "Batch"], "Tensor"]
"""``objective(module, batch) -> scalar loss``: the mean over the batch by ``batch.weights``.

Also called in evaluation mode on the validation rows, where the weights are 1. No gradients are recorded there, but an
objective that needs one of its own, as an attack on its inputs does, may ask for it with ``torch.enable_grad``."""
