"""Which rows withstand which attacks, over a ladder of ε."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from regimen.ops.attacks import Losses, apgd, class_margin, difference_of_logits_ratio, fgsm, pgd, quiet, square
from regimen.runs.stress.rows import LabelledRows
from regimen.seeding import torch_seed

_PGD_STEPS, _RESTARTS, _APGD_STEPS, _QUERIES = 20, 5, 50, 300

OfLogits = Callable[[Tensor, Tensor], Tensor]
Search = Callable[[Losses, Tensor, Tensor, torch.Generator], Tensor]


def _entropy(logits: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(logits, y, reduction="none")


def _pgd(losses: Losses, x: Tensor, radius: Tensor, random: torch.Generator) -> Tensor:
    return pgd(losses, x, radius, steps=_PGD_STEPS, restarts=_RESTARTS, random=random)


def _apgd(losses: Losses, x: Tensor, radius: Tensor, random: torch.Generator) -> Tensor:
    return apgd(losses, x, radius, steps=_APGD_STEPS, random=random)


def _square(losses: Losses, x: Tensor, radius: Tensor, random: torch.Generator) -> Tensor:
    return square(losses, x, radius, queries=_QUERIES, random=random)


WITH_GRADIENT: Mapping[str, tuple[OfLogits, Search]] = {
    "FGSM": (_entropy, lambda losses, x, radius, _: fgsm(losses, x, radius)),
    "PGD": (_entropy, _pgd),
    "APGD-CE": (_entropy, _apgd),
    "APGD-DLR": (difference_of_logits_ratio, _apgd),
    "Square": (class_margin, _square),
}
"""Name, the loss of logits that is raised, and how."""
WITHOUT_GRADIENT = {"Square": WITH_GRADIENT["Square"]}


def withstanding(
    rows: LabelledRows, share: Sequence[float], epsilons: Sequence[float], seed: tuple[int | str, ...]
) -> dict[str, NDArray[np.bool_]]:
    """Returns which rows are still right, (ε, n), by the name of the attack.

    A row that is wrong as it is has not withstood. Every place that an attack looks at counts, and not its last alone;
    a row that was led astray within a smaller ε is so within a larger one, and is not attacked again.

    Args:
        rows: and the model.
        share: (features,) of ε that each feature may be moved by.
        epsilons: ascending.
        seed: path of the random streams; the first is the run's seed.
    """
    with quiet(rows.modules):
        with torch.no_grad():
            right = rows.logits(rows.x).argmax(1) == rows.y
        attacks = WITH_GRADIENT if rows.has_gradient else WITHOUT_GRADIENT
        return {name: _ladder(rows, right, share, epsilons, name, attack, seed) for name, attack in attacks.items()}


def _ladder(
    rows: LabelledRows,
    right: Tensor,
    share: Sequence[float],
    epsilons: Sequence[float],
    name: str,
    attack: tuple[OfLogits, Search],
    seed: tuple[int | str, ...],
) -> NDArray[np.bool_]:
    standing, rungs = right.clone(), []
    for number, epsilon in enumerate(epsilons):
        if bool(standing.any()):
            random = torch.Generator().manual_seed(torch_seed(int(seed[0]), *seed[1:], name, number))
            x, y = rows.x[standing], rows.y[standing]
            standing[standing.clone()] = ~_astray(rows, x, y, x.new_tensor(share) * epsilon, attack, random)
        rungs.append(standing.numpy().copy())
    return np.stack(rungs)


def _astray(
    rows: LabelledRows, x: Tensor, y: Tensor, radius: Tensor, attack: tuple[OfLogits, Search], random: torch.Generator
) -> Tensor:
    """Returns which rows (n,) were given another class at any place that the attack looked at."""
    of_logits, search = attack
    astray = torch.zeros(len(x), dtype=torch.bool)

    def losses(at: Tensor) -> Tensor:
        nonlocal astray
        logits = rows.logits(at)
        astray = astray | (logits.detach().argmax(1) != y)
        return of_logits(logits, y)

    worst = search(losses, x, radius, random)
    with torch.no_grad():
        losses(worst)
    return astray
