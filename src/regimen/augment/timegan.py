"""TimeGAN: windows of rows by a generator and a discriminator that play in a latent space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.augment.samples import LearnedRows, require_training_rows, shown
from regimen.errors import DataError
from regimen.seeding import generator, torch_seed
from regimen.splits import Slice
from regimen.windows import SeriesWindows

if TYPE_CHECKING:
    from torch import Tensor

    from regimen.augment.margins import Margins
    from regimen.augment.window_gan import WindowGAN

_LEGS = ((0.7, 1.0), (0.3, 0.3))
"""Shares of the steps of the third phase, and the learning rate's factor in each."""

_SURVEYED = 4096
"""Windows by which it is known what windows have on average."""

_TOGETHER = 1024
"""Windows that are made at once."""


class TimeGANConfig(BaseModel):
    """Windows of feature rows, with their targets, given their class, in three phases.

    An embedder and a recovery learn to lead a window into a latent space and back; a supervisor learns the next latent
    row from those before; a generator of latent windows and a discriminator then play against each other, with the
    supervisor's loss and the moments of what is made on the generator's side. A window that is made has the class of a
    training window that is drawn at random.

    Deviations from the source: columns are normal scores by their ranks, with Pareto tails, see `Margins`; targets are
    columns that are one number a window; the moments are not means and variances alone but the means of each class at
    each moment, covariances of the columns and, up to ``lags``, autocovariances of each and of its square; what is
    made is the generator's plus what the supervisor expects; generator and discriminator step together.

    Source: Yoon, Jarrett, van der Schaar, Time-series generative adversarial networks (NeurIPS 2019).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    learns: ClassVar[Literal["rows", "windows"]] = "windows"

    kind: Literal["timegan"] = Field("timegan", description="Windows of rows, for models that see several rows.")
    fraction: float = Field(0.2, gt=0.0, le=100.0, description="Windows that are made for each real training window.")
    steps: int = Field(1000, ge=1, description="Steps of gradient descent in each of the three phases.")
    rate: float = Field(3e-3, gt=0.0, description="Learning rate; the last of the steps take three tenths of it.")
    batch: int = Field(64, ge=2, description="Windows in a step.")
    hidden: int = Field(24, ge=2, multiple_of=2, description="Width of the latent space and of the recurrent layers.")
    lags: int = Field(5, ge=1, description="Autocovariances that are compared; fewer in windows that are no longer.")
    tail: float = Field(0.01, gt=0.0, lt=0.25, description="Share of a column's values in each Pareto tail.")

    def fit(self, data: LearnedRows, part: Slice, seed: int) -> TimeGAN:
        """Returns what makes windows like those of a training slice.

        Args:
            data: scaled windows (n, window, feature) with classes and targets.
            part: the slice of role ``train`` that they come from.
            seed: of first weights, batches and noise.

        Raises:
            SplitError: anything but a training slice.
            DataError: fewer than two windows, windows of one row, another shape, or a number that is not finite.
            RunError: the descent has no finite loss.
        """
        import torch

        from regimen.augment.margins import Margins
        from regimen.augment.window_gan import WindowGAN, statistics
        from regimen.nets import descend, first_weights

        require_training_rows(data, part, dimensions=3)
        _, length, features = data.x.shape
        if length < 2:
            raise DataError("augment.fit", "must see windows of at least two rows", length)
        names = tuple(sorted(data.targets))
        windows = as_series(data.x)
        seen = shown(windows)
        margins = Margins.fit(windows.series[seen], self.tail)
        series = np.zeros(windows.series.shape, dtype=np.float32)
        series[seen] = margins.scores(windows.series[seen], generator(seed, "timegan", "ties"))
        once = np.column_stack([data.targets[name] for name in names]) if names else np.zeros((len(data.y), 0))
        of_targets = Margins.fit(once, self.tail)
        target = torch.from_numpy(of_targets.scores(once, generator(seed, "timegan", "targets")).astype(np.float32))
        rows, y = torch.from_numpy(series), torch.from_numpy(data.y)
        back = torch.from_numpy(windows.ends)[:, None] + torch.arange(1 - length, 1)
        lags = min(self.lags, length - 1)
        random = torch.Generator().manual_seed(torch_seed(seed, "timegan", "steps"))

        def some(count: int) -> tuple[Tensor, Tensor]:
            """Returns windows (n, window, column) at random, the targets after the features, and classes (n,)."""
            chosen = torch.randint(len(y), (count,), generator=random)
            return torch.cat([rows[back[chosen]], target[chosen][:, None].expand(-1, length, -1)], 2), y[chosen]

        with first_weights(seed, "timegan"):
            classes = int(data.y.max()) + 1
            known = statistics(*some(_SURVEYED), classes, lags)
            net = WindowGAN(features + len(names), classes, self.hidden, known, lags)
            descend(net.embedding(), lambda _: net.reconstruction(some(self.batch)[0]), self.steps, self.rate)
            descend(
                net.supervisor.parameters(),
                lambda _: net.supervised(net.embed(some(self.batch)[0]).detach()),
                self.steps,
                self.rate,
            )
            for share, factor in _LEGS:
                count = round(share * self.steps)
                descend(net.parameters(), lambda _: net.joint(*some(self.batch), random), count, factor * self.rate)
        return TimeGAN(net, margins, of_targets, data.y, names, length)


@final
@dataclass(frozen=True, eq=False)
class TimeGAN:
    """See `TimeGANConfig`.

    Attributes:
        net: the five networks.
        margins, of_targets: of the features, and of the targets.
        classes: of the training windows.
        targets: names of the last columns.
        length: rows in a window.
    """

    net: WindowGAN
    margins: Margins
    of_targets: Margins
    classes: NDArray[np.int64]
    targets: tuple[str, ...]
    length: int

    def rows(self, number: int, seed: int) -> LearnedRows:
        """Returns so many windows; those of a seed are the same on every call."""
        import torch

        from regimen.nets import torch_threads

        y = generator(seed, "timegan", "classes").choice(self.classes, number)
        random = torch.Generator().manual_seed(torch_seed(seed, "timegan", "windows"))
        with torch_threads(1):
            parts = [
                self.net.generate(torch.from_numpy(y[start : start + _TOGETHER]), self.length, random).numpy()
                for start in range(0, number, _TOGETHER)
            ]
        synthetic = np.concatenate(parts)
        features = synthetic.shape[2] - len(self.targets)
        x = self.margins.values(synthetic[..., :features].reshape(-1, features)).astype(np.float32)
        once = self.of_targets.values(synthetic[:, -1, features:])
        targets = {name: once[:, k] for k, name in enumerate(self.targets)}
        return LearnedRows(x.reshape(number, self.length, features), y, targets)


def as_series(x: NDArray[np.floating] | SeriesWindows) -> SeriesWindows:
    """Returns windows (n, window, feature) as windows of one series."""
    if isinstance(x, SeriesWindows):
        return x
    count, length, features = x.shape
    rows = np.ascontiguousarray(x.reshape(-1, features), dtype=np.float32)
    return SeriesWindows(rows, np.arange(length - 1, count * length, length), length)
