"""Objectives that are taken where the inputs of each row are moved to its loss's worst place nearby."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from regimen.ops.attacks import Losses, Norm, fgsm, kl_divergence, pgd, quiet
from regimen.predictors import logits_of
from regimen.seams import Batch, Objective
from regimen.seeding import torch_seed
from regimen.training.objectives import weighted_mean

Attack = Callable[[Losses, Tensor, torch.Generator], Tensor]
"""``attack(losses, x, random) -> rows near x`` at which the losses are high."""


def one_step(radius: tuple[float, ...]) -> Attack:
    """FGSM within the radius (features,)."""
    return lambda losses, x, random: fgsm(losses, x, x.new_tensor(radius))  # noqa: ARG005


def many_steps(radius: tuple[float, ...], steps: int, norm: Norm, restarts: int = 1) -> Attack:
    """PGD within the radius (features,)."""
    search = partial(pgd, steps=steps, norm=norm, restarts=restarts)
    return lambda losses, x, random: search(losses, x, x.new_tensor(radius), random=random)


def adversarial(below: Objective, attack: Attack, ratio: float, *, by_row: bool, validation: bool) -> Objective:
    """Returns ``ratio · L(x') + (1 − ratio) · L(x)``, where x' is near x and makes the objective L below large.

    Args:
        below: L; what is attacked is L itself, whatever it is made of.
        attack: looks for x'.
        ratio: 1: attacked rows only.
        by_row: whether the attack compares places row by row, and so needs the loss of each; otherwise their mean does.
        validation: whether validation rows are attacked too; otherwise their loss is L(x).
    """

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        if _watched() and not validation:
            return below(module, batch)
        losses = partial(_each if by_row else _alike, below, module, batch)
        with quiet(module):
            worst = attack(losses, batch.x, _random(batch.x.device))
        hard = below(module, batch._replace(x=worst))
        return hard if ratio == 1.0 else ratio * hard + (1.0 - ratio) * below(module, batch)

    return loss


def trades(below: Objective, attack: Attack, beta: float, *, validation: bool) -> Objective:
    """Returns ``L(x) + β · KL(p(x) ‖ p(x'))``, where x' is near x and makes that divergence large, not L.

    Args:
        below: L.
        attack: looks for x'.
        beta: β.
        validation: whether validation rows are attacked too; otherwise their loss is L(x).

    Source: Zhang et al. 2019, arXiv 1901.08573, equation 5.
    """

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        if _watched() and not validation:
            return below(module, batch)
        with quiet(module):
            with torch.no_grad():
                before = torch.log_softmax(logits_of(module(batch.x)), -1)
            worst = attack(
                lambda rows: kl_divergence(before, logits_of(module(rows))), batch.x, _random(batch.x.device)
            )
        clean, hard = logits_of(module(torch.cat([batch.x, worst]))).chunk(2)
        rows = kl_divergence(torch.log_softmax(clean, -1), hard)
        return below(module, batch) + beta * weighted_mean(rows, batch.weights)

    return loss


def _watched() -> bool:
    """Whether these are validation rows: the loop records no gradients there."""
    return not torch.is_grad_enabled()


def _random(device: torch.device) -> torch.Generator:
    """Returns a generator for one batch: of torch's own stream, which the loop seeds anew for each epoch.

    Validation rows are attacked from the same places in every epoch, so that their loss moves with the weights alone.
    """
    seed = torch_seed(0, "attack", "validation") if _watched() else int(torch.randint(2**62, ()))
    return torch.Generator(device).manual_seed(seed)


def _alike(below: Objective, module: nn.Module, batch: Batch, x: Tensor) -> Tensor:
    """Returns the objective (n,), once for each row: its gradient in a row of x points where that row's loss rises."""
    return below(module, batch._replace(x=x)).expand(len(x))


def _each(below: Objective, module: nn.Module, batch: Batch, x: Tensor) -> Tensor:
    """Returns the loss (n,) of each row, whose sum has the gradient of the objective times n.

    An objective gives only ``L = Σ w l / Σ w``. But ``∂L/∂w_i = (l_i − L) / Σ w``, which gives each l_i.
    """
    with torch.enable_grad():
        weights = batch.weights.detach().clone().requires_grad_()
        loss = below(module, batch._replace(x=x, weights=weights))
        (share,) = torch.autograd.grad(loss, weights, retain_graph=True, materialize_grads=True)
        return loss.detach() + share * weights.detach().sum() + (loss - loss.detach())
