"""The one training loop and its three seams: which rows, what happens to a batch, what is minimised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily
from regimen.seams import Batch, Epoch, Inputs, Objective, Sampler, Transform
from regimen.training.config import TrainingConfig, learning_rate
from regimen.training.data import TrainingData
from regimen.training.pairs import check_pairs
from regimen.training.recipes import RecipeConfig
from regimen.training.samplers import balanced, shuffled

if TYPE_CHECKING:
    from regimen.training.loop import FitResult, fit
    from regimen.training.objectives import (
        LearnsMore,
        classification,
        cross_entropy,
        joint,
        weighted_mean,
    )
    from regimen.training.ranks import followed_by_the_others

__all__ = [
    "Batch",
    "Epoch",
    "FitResult",
    "Inputs",
    "LearnsMore",
    "Objective",
    "RecipeConfig",
    "Sampler",
    "TrainingConfig",
    "TrainingData",
    "Transform",
    "balanced",
    "check_pairs",
    "classification",
    "cross_entropy",
    "fit",
    "followed_by_the_others",
    "joint",
    "learning_rate",
    "shuffled",
    "weighted_mean",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "FitResult": ".loop",
        "fit": ".loop",
        "followed_by_the_others": ".ranks",
        "LearnsMore": ".objectives",
        "joint": ".objectives",
        "classification": ".objectives",
        "cross_entropy": ".objectives",
        "weighted_mean": ".objectives",
    },
)
