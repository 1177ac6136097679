"""The heads of auxiliary tasks on a memory's features, and their loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from regimen import ops
from regimen.learning.auxiliary.config import AuxiliaryConfig
from regimen.learning.auxiliary.targets import sizes


@final
class AuxiliaryHeads(nn.Module):
    """One linear map for each task, of features (..., hidden).

    Args:
        hidden: features.
        choices: of the agent; None: continuous actions.
        config: which tasks.

    Source: Jaderberg et al. 2017, arXiv 1611.05397 (auxiliary tasks on a shared recurrent trunk).
    """

    def __init__(self, hidden: int, choices: int | None, config: AuxiliaryConfig) -> None:
        super().__init__()
        self.config = config
        self.heads = nn.ModuleList(nn.Linear(hidden, outputs) for outputs in sizes(config, choices))

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Returns λ Σ L: half the mean squared error, or the cross-entropy, over the rows that have a target.

        Args:
            features: (..., hidden).
            targets: (..., task); NaN where there is none.
        """
        rows, wanted = features.flatten(0, -2), targets.flatten(0, -2)
        total = torch.zeros(())
        for head, target in zip(self.heads, wanted.unbind(1), strict=True):
            known = torch.isfinite(target)
            if not known.any():
                continue
            output, target = head(rows[known]), target[known]
            if output.shape[1] == 1:
                total = total + ops.value_loss(output[:, 0], target)  # which refuses shapes that would broadcast
            else:
                total = total + nn.functional.cross_entropy(output, target.long())
        return self.config.weight * total

    @torch.no_grad()
    def scores(self, features: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Returns R² of each number and the accuracy of each class, and of the return's sign, by name."""
        rows, wanted = features.flatten(0, -2), targets.flatten(0, -2)
        numbers: dict[str, float] = {}
        for task, head, target in zip(self.config.tasks, self.heads, wanted.unbind(1), strict=True):
            known = torch.isfinite(target)
            if int(known.sum()) < 2:
                continue
            output, target = head(rows[known]), target[known]
            if output.shape[1] == 1:
                left, spread = (target - output[:, 0]).square().sum(), (target - target.mean()).square().sum()
                numbers[f"auxiliary_{task}"] = float(1.0 - left / spread)
                if task == "return":
                    numbers["auxiliary_sign"] = float((output[:, 0].sign() == target.sign()).float().mean())
            else:
                numbers[f"auxiliary_{task}"] = float((output.argmax(1) == target.long()).float().mean())
        return numbers
