"""The out of sample rows of a window that have a label, as its model sees them, and what it says of rows like them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen.execution import History
from regimen.labels import Labels
from regimen.policies import CalibratedClassifier, ClassifierPolicy, Policy, innermost
from regimen.predictors import SnapshotPredictor, TorchPredictor, logits_of
from regimen.splits import Slice, evenly_spread
from regimen.windows import Lanes

_SMALLEST = 1e-15


class Says(Protocol):
    """A model of probabilities, whichever library it is of."""

    def predict_proba(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Returns (n, class) of scaled rows, or of windows of them."""


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows, their classes, and the model that is asked about them.

    Attributes:
        x: (n, features) float32 scaled, or windows (n, window, features).
        y: (n,) int64.
        logits: what the model says of rows like x, (n, class), before any calibration.
        modules: the nets behind it, to be kept quiet; empty where it has no gradient.
    """

    x: Tensor
    y: Tensor
    logits: Callable[[Tensor], Tensor]
    modules: nn.ModuleList

    @property
    def has_gradient(self) -> bool:
        """Whether the model can say in which direction its answer changes."""
        return len(self.modules) > 0


def labelled_rows(policy: Policy, history: History, labels: Labels, part: Slice, most: int) -> LabelledRows | None:
    """Returns at most so many of a slice's labelled rows, evenly spread; None of what is no single classifier.

    Args:
        policy: of the window, with whatever is around it.
        history: bars and features as it sees them.
        labels: of the whole series.
        part: the test slice.
        most: rows.
    """
    inner, sight = innermost(policy, history)
    if not isinstance(inner, ClassifierPolicy):
        return None
    context, features = inner.classifier.context, sight.features[: part.stop]
    present = sight.bars.present[: part.stop] & np.isfinite(features.sum(axis=2))
    times, symbols = part.positions
    kept = present[times, symbols] & (labels.y[times, symbols] >= 0)
    lanes = None if context == 1 else Lanes.of(_scaled(inner, features), present)
    if lanes is not None:
        kept &= lanes.whole(context)[times, symbols]
    places = np.flatnonzero(kept)
    places = places[evenly_spread(len(places), most)]
    times, symbols = times[places], symbols[places]
    if lanes is None:
        x = np.asarray(_scaled(inner, features[times, symbols]), dtype=np.float32)
    else:
        x = lanes.windows(times, symbols, context)[:]
    logits, modules = said_by(inner.classifier)
    y = labels.y[times, symbols].astype(np.int64)
    return LabelledRows(torch.tensor(x), torch.from_numpy(y), logits, modules)


def said_by(classifier: Says) -> tuple[Callable[[Tensor], Tensor], nn.ModuleList]:
    """Returns what a classifier says of rows as logits, before any calibration, and the nets behind it."""
    while isinstance(classifier, CalibratedClassifier):
        classifier = classifier.below
    if isinstance(classifier, TorchPredictor | SnapshotPredictor):
        nets = [classifier] if isinstance(classifier, TorchPredictor) else classifier.predictors
        modules = nn.ModuleList([net.module for net in nets])
        return lambda x: _mixed([logits_of(module(x)) for module in modules]), modules
    asked = classifier

    def black_box(x: Tensor) -> Tensor:
        return torch.from_numpy(np.log(np.maximum(asked.predict_proba(x.detach().numpy()), _SMALLEST)))

    return black_box, nn.ModuleList()


def _mixed(parts: list[Tensor]) -> Tensor:
    """Returns logits (n, class) of the mean probabilities of nets (n, class), or of members (n, member, class)."""
    if len(parts) == 1 and parts[0].ndim == 2:
        return parts[0]
    each = torch.cat([part if part.ndim == 3 else part[:, None] for part in parts], dim=1)
    return torch.log_softmax(each, -1).logsumexp(1) - math.log(each.shape[1])


def _scaled(policy: ClassifierPolicy, rows: NDArray[np.float64]) -> NDArray[np.floating]:
    return rows if policy.scaler is None else policy.scaler.transform(rows, policy.scaler.names)
