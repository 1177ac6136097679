"""TabDDPM: rows by diffusion, of a class each; heavy tails go on beyond the largest value that was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.augment.samples import LearnedRows, require_training_rows
from regimen.seeding import generator, torch_seed
from regimen.splits import Slice

if TYPE_CHECKING:
    from regimen.augment.column_noise import ColumnNoise
    from regimen.augment.margins import Margins

_LEGS = ((0.6, 1.0), (0.3, 0.3), (0.1, 0.1))
"""Shares of the steps, and the learning rate's factor in each."""

_TOGETHER = 8192
"""Rows that are made at once."""


class TabDDPMConfig(BaseModel):
    """Denoising diffusion of the columns of a row, its targets among them, given its class.

    Each column becomes standard normal scores by its ranks; a perceptron learns to take added noise away. A row that is
    made has the class of a training row that is drawn at random, so that classes are as frequent as they are there.

    Deviations from the source: beyond the outermost ``tail`` of its values on either side a column follows a
    generalised Pareto distribution, where the source cannot leave the range of the data; the perceptron learns what is
    besides the best answer for jointly normal rows, which is known; features are numbers, so there is no multinomial
    diffusion.

    Source: Kotelnikov, Baranchuk, Rubachev, Babenko, TabDDPM: Modelling tabular data with diffusion models (2023),
    arXiv 2209.15421.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    learns: ClassVar[Literal["rows", "windows"]] = "rows"

    kind: Literal["tabddpm"] = Field("tabddpm", description="Rows by diffusion, for models that see one row.")
    fraction: float = Field(0.2, gt=0.0, le=100.0, description="Rows that are made for each real training row.")
    steps: int = Field(3000, ge=1, description="Steps of gradient descent.")
    rate: float = Field(2e-3, gt=0.0, description="Learning rate; the last tenth of the steps takes a tenth of it.")
    batch: int = Field(1024, ge=1, description="Rows in a step.")
    hidden: int = Field(128, ge=1, description="Width of the perceptron's two layers.")
    diffusion: int = Field(1000, ge=2, description="Steps in which noise is added, and taken away.")
    tail: float = Field(0.01, gt=0.0, lt=0.25, description="Share of a column's values in each Pareto tail.")

    def fit(self, data: LearnedRows, part: Slice, seed: int) -> TabDDPM:
        """Returns what makes rows like those of a training slice.

        Args:
            data: scaled rows (n, feature) with classes and targets.
            part: the slice of role ``train`` that they come from.
            seed: of first weights and batches.

        Raises:
            SplitError: anything but a training slice.
            DataError: fewer than two rows, rows of another shape, or a number that is not finite.
            RunError: the descent has no finite loss.
        """
        import torch

        from regimen.augment.column_noise import ColumnNoise
        from regimen.augment.margins import Margins
        from regimen.nets import descend, first_weights

        require_training_rows(data, part, dimensions=2)
        names = tuple(sorted(data.targets))
        columns = np.column_stack([data.x[:], *(data.targets[name] for name in names)])
        margins = Margins.fit(columns, self.tail)
        scores = margins.scores(columns, generator(seed, "tabddpm", "ties"))
        with first_weights(seed, "tabddpm"):
            covariance = torch.from_numpy(scores.T @ scores / len(scores))
            net = ColumnNoise(covariance, int(data.y.max()) + 1, self.hidden, self.diffusion)
            rows, y = torch.from_numpy(scores.astype(np.float32)), torch.from_numpy(data.y)
            random = torch.Generator().manual_seed(torch_seed(seed, "tabddpm", "batches"))

            def loss(_: int) -> torch.Tensor:
                chosen = torch.randint(len(rows), (self.batch,), generator=random)
                return net.loss(rows[chosen], y[chosen], random)

            for share, factor in _LEGS:
                descend(net.parameters(), loss, round(share * self.steps), factor * self.rate)
        return TabDDPM(net, margins, data.y, names)


@final
@dataclass(frozen=True, eq=False)
class TabDDPM:
    """See `TabDDPMConfig`.

    Attributes:
        net: takes noise away.
        margins: of the features and the targets.
        classes: of the training rows.
        targets: names of the last columns.
    """

    net: ColumnNoise
    margins: Margins
    classes: NDArray[np.int64]
    targets: tuple[str, ...]

    def rows(self, number: int, seed: int) -> LearnedRows:
        """Returns so many rows; those of a seed are the same on every call."""
        import torch

        from regimen.nets import torch_threads

        y = generator(seed, "tabddpm", "classes").choice(self.classes, number)
        random = torch.Generator().manual_seed(torch_seed(seed, "tabddpm", "rows"))
        with torch_threads(1):
            parts = [
                self.net.generate(torch.from_numpy(y[start : start + _TOGETHER]), random).numpy()
                for start in range(0, number, _TOGETHER)
            ]
        synthetic = self.margins.values(np.concatenate(parts))
        features = synthetic.shape[1] - len(self.targets)
        targets = {name: synthetic[:, features + k] for k, name in enumerate(self.targets)}
        return LearnedRows(synthetic[:, :features].astype(np.float32), y, targets)
