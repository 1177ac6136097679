"""What attacks and a certificate say of a run: two measures of an ablation."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch.nn import functional

from regimen.labels import CLASSES
from regimen.ops import certify
from regimen.ops.attacks import pgd, quiet
from regimen.runs.ablation.scored import Scored
from regimen.runs.stress.rows import LabelledRows, labelled_rows
from regimen.seeding import torch_seed
from regimen.splits import Window, evenly_spread

EPSILON, STEPS = 0.1, 10
"""How far an attack moves each scaled feature, and its steps."""
SIGMA, RADIUS = 0.25, 0.125
"""Noise of the certificate, and the Euclidean length of a move that it must bear, both in units of scaled features."""
_ROWS, _CERTIFIED = 200, 50
_SELECTION, _ESTIMATION = 50, 400


def adversarial_accuracy(scored: Scored, seed: int, window: Window) -> float:
    """Returns the share of test rows that are right after projected gradient descent, %; NaN without a gradient."""
    rows = _rows(scored, seed, window)
    if rows is None or not rows.has_gradient:
        return math.nan

    def losses(x: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(rows.logits(x), rows.y, reduction="none")

    with quiet(rows.modules):
        worst = pgd(losses, rows.x, EPSILON, steps=STEPS, random=_random(seed, window, "attack"))
        with torch.no_grad():
            right = (rows.logits(rows.x).argmax(1) == rows.y) & (rows.logits(worst).argmax(1) == rows.y)
    return 100.0 * float(right.float().mean())


def certified_accuracy(scored: Scored, seed: int, window: Window) -> float:
    """Returns the share of test rows whose smoothed class is right and certified up to `RADIUS`, %."""
    rows = _rows(scored, seed, window)
    if rows is None:
        return math.nan
    places = torch.from_numpy(evenly_spread(len(rows.y), _CERTIFIED))
    with quiet(rows.modules), torch.no_grad():
        certificate = certify(
            partial(_classes, rows),
            rows.x[places],
            SIGMA,
            classes=len(CLASSES),
            selection=_SELECTION,
            estimation=_ESTIMATION,
            random=_random(seed, window, "certificate"),
        )
    right = (certificate.y == rows.y[places].numpy()) & (certificate.radius >= RADIUS)
    return 100.0 * float(right.mean())


def _rows(scored: Scored, seed: int, window: Window) -> LabelledRows | None:
    """The rows that are asked about; None of a model that is no classifier, or where no row has a label."""
    rows = labelled_rows(*scored.seen(seed, window), scored.prepared.labels, window.test, _ROWS)
    return rows if rows is not None and len(rows.y) else None


def _classes(rows: LabelledRows, x: torch.Tensor) -> torch.Tensor:
    return rows.logits(x).argmax(1)


def _random(seed: int, window: Window, name: str) -> torch.Generator:
    return torch.Generator().manual_seed(torch_seed(seed, "ablation", name, window.number))
