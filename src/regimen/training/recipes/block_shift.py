"""Windows that end a few bars earlier, so that nothing hangs on the newest bar alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import ConfigError
from regimen.seams import Batch, Transform
from regimen.training.recipes.recipe import Task

if TYPE_CHECKING:
    import torch


class BlockShiftConfig(BaseModel):
    """A window's rows move k places towards its end, k drawn from 0 to ``bars`` for each window.

    The k newest rows fall out, and the places that come free at the old end have the oldest row: the model sees what
    was known k bars ago, and learns what came after now. No row comes back at the other end, where the newest bars
    would be among the oldest.

    Source: Um et al., Data augmentation of wearable sensor data (2017), for shifts in time; without wrapping around.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["block_shift"] = Field("block_shift", description="Windows that end a few bars earlier.")
    bars: int = Field(2, ge=1, description="Bars that a window is shifted by, at most.")

    def transform(self, below: Transform, task: Task) -> Transform:
        """Returns what is below, and then the shift.

        Raises:
            ConfigError: a model that sees one row at a time; a shift as long as its windows.
        """
        from torch import arange, randint

        if len(task.data.x_train.shape) < 3:
            raise ConfigError("training.recipes: block_shift", "needs a model of windows (model.context)")
        length = task.data.x_train.shape[1]
        if self.bars >= length:
            rule = f"must be less than the {length} rows of a window"
            raise ConfigError("training.recipes: block_shift.bars", rule, self.bars)

        def shifted(batch: Batch, generator: torch.Generator) -> Batch:
            batch = below(batch, generator)
            device, rows = batch.x.device, len(batch.x)
            by = randint(self.bars + 1, (rows, 1), generator=generator, device=device)
            places = (arange(length, device=device)[None] - by).clamp_min(0)
            return batch._replace(x=batch.x[arange(rows, device=device)[:, None], places])

        return shifted
