"""Few-shot regression of sinusoids: what MAML is worth beside the best that fine-tuning a jointly trained net does."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from regimen.nets import torch_threads
from regimen.seams import Batch
from regimen.training.recipes.maml.adaptation import MetaLoss

SHOTS, TASKS = 10, 25


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))


def _square(module: nn.Module, batch: Batch) -> Tensor:
    return ((module(batch.x)[:, 0] - batch.targets["sine"]) ** 2).mean()


def _episodes(tasks: int, random: torch.Generator) -> Batch:
    """A sin(x − phase) with amplitudes .1 to 5, phases 0 to π and x from −5 to 5: ten rows of support, ten of query.

    Source: Finn, Abbeel and Levine, arXiv 1703.03400, section 5.1.
    """
    amplitude = 0.1 + 4.9 * torch.rand(tasks, 1, generator=random)
    phase = math.pi * torch.rand(tasks, 1, generator=random)
    x = 10.0 * torch.rand(tasks, 2 * SHOTS, generator=random) - 5.0
    rows = x.numel()
    targets = {"sine": (amplitude * torch.sin(x - phase)).flatten()}
    return Batch(x.reshape(rows, 1), torch.zeros(rows, dtype=torch.int64), torch.ones(rows), targets)


def _error(module: nn.Module, steps: int, rate: float) -> float:
    """Mean squared error on the queries of 200 new tasks, after so many steps on their supports."""
    loss = MetaLoss(_square, tasks=200, shots=SHOTS, rate=rate, steps=steps, first_order=True, adapts="all")
    return loss(module, _episodes(200, torch.Generator().manual_seed(99))).item()


def _trained(loss: Callable[[nn.Module, Batch], Tensor], steps: int) -> nn.Module:
    module, random = _net(), torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss(module, _episodes(TASKS, random)).backward()
        optimizer.step()
    return module


@pytest.mark.slow
def test_ten_shots_leave_a_quarter_of_the_best_fine_tuned_joint_net() -> None:
    with torch_threads(1):
        joint = _trained(_square, 4000)
        best = min(_error(joint, steps, rate) for steps in (1, 5, 10) for rate in (0.001, 0.005, 0.01, 0.02))
        meta = MetaLoss(_square, tasks=TASKS, shots=SHOTS, rate=0.01, steps=1, first_order=False, adapts="all")
        learner = _trained(meta, 4000)
        assert _error(learner, 10, 0.01) <= 0.25 * best
        assert _error(learner, 1, 0.01) < 0.5 * best
