"""A target network that follows its learner."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regimen.errors import DataError
from regimen.ops.checks import require_fraction

__all__ = ["polyak_update"]


@torch.no_grad()
def polyak_update(online: nn.Module, target: nn.Module, tau: float) -> None:
    """Moves ``target`` towards ``online`` in place: ``θ' ← θ' + τ·(θ − θ')``; buffers are copied.

    ``tau`` = 1 copies, exactly; ``tau`` = 0 leaves the weights as they are.

    Args:
        online: the learner; not touched.
        target: a module with the same parameters and buffers.
        tau: the share of the learner, e.g. 0.005.

    Raises:
        DataError: where names or shapes of parameters or buffers differ; then nothing has been moved.
        ConfigError: where τ is outside [0, 1].

    Source: Polyak & Juditsky (1992); Lillicrap et al. 2016 (DDPG), arXiv 1509.02971, algorithm 1.
    """
    require_fraction(tau=tau)
    for kind, ours, theirs in (
        ("parameters", dict(online.named_parameters()), dict(target.named_parameters())),
        ("buffers", dict(online.named_buffers()), dict(target.named_buffers())),
    ):
        if {name: value.shape for name, value in ours.items()} != {n: value.shape for n, value in theirs.items()}:
            raise DataError(f"target.{kind}", f"must have the names and shapes of online.{kind}")
    learner = dict(online.named_parameters())
    moved: list[Tensor] = list(target.parameters())
    goal: list[Tensor] = [learner[name] for name, _ in target.named_parameters()]
    if tau == 1.0:
        torch._foreach_copy_(moved, goal)
    elif moved:
        torch._foreach_lerp_(moved, goal, tau)
    for name, buffer in target.named_buffers():
        buffer.copy_(online.get_buffer(name))
