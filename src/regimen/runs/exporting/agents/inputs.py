"""What an agent's network is given for a row of raw numbers, as the agent itself prepares it."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from regimen.learning import RunningMoments


@final
class Normalised(nn.Module):
    """``clamp((x − mean) / scale, ±limit)`` in float32: `RunningMoments.normalised` with its moments as constants.

    Args:
        moments: of the columns, frozen.
        limit: of what is returned.
        scaled: False: rows are held within ±limit only.
    """

    shift: Tensor
    factor: Tensor

    def __init__(self, moments: RunningMoments, limit: float, scaled: bool) -> None:
        super().__init__()
        shift, factor = moments.shift_and_factor()
        self.limit, self.scaled = limit, scaled
        self.register_buffer("shift", shift.clone())
        self.register_buffer("factor", factor.clone())

    def forward(self, rows: Tensor) -> Tensor:
        """Returns (..., width) float32 of rows (..., width) float32."""
        if not self.scaled:
            return rows.clamp(-self.limit, self.limit)
        return ((rows - self.shift) * self.factor).clamp(-self.limit, self.limit)


@final
class NormalisedWide(nn.Module):
    """``clamp((x − mean) / √variance, ±limit)`` in float64, then float32: as `VecNormalize` of Stable-Baselines3 does.

    Args:
        moments: of the columns, frozen.
        limit: of what is returned.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, moments: RunningMoments, limit: float) -> None:
        super().__init__()
        self.limit = limit
        self.register_buffer("mean", torch.from_numpy(moments.mean.copy()))
        self.register_buffer("deviation", torch.from_numpy(moments.scale**2).sqrt())

    def forward(self, rows: Tensor) -> Tensor:
        """Returns (..., width) float32 of rows (..., width) float32."""
        return ((rows.double() - self.mean) / self.deviation).clamp(-self.limit, self.limit).float()
