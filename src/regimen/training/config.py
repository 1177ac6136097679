"""How a model is trained: every number of the one loop, written once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from regimen.training.recipes import (
    AttackSettings,
    BalancedConfig,
    LabelSmoothingConfig,
    NeedsTargets,
    Recipe,
    RecipeConfig,
)


class TrainingConfig(BaseModel):
    """The settings of `regimen.training.fit`; epochs count from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(50, ge=1, description="Most passes over the training rows.")
    batch_size: int = Field(1024, ge=1, description="Rows in one optimiser step.")
    learning_rate: float = Field(1e-3, gt=0.0, allow_inf_nan=False, description="Highest learning rate.")
    weight_decay: float = Field(
        1e-2,
        ge=0.0,
        allow_inf_nan=False,
        description="Decoupled decay of weight matrices (not biases, norms).",
    )
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="AdamW, or SGD with momentum 0.9.")
    gradient_clip: float | None = Field(
        1.0, gt=0.0, description="Largest L2 norm of the whole gradient; null: no clipping."
    )
    accumulation: int = Field(
        1,
        ge=1,
        description="Parts that a batch is computed in, one after the other; their gradients add up to the whole's.",
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="Precision of the network's products; weights, losses and the optimiser stay in float32."
    )
    schedule: Literal["constant", "cosine", "plateau"] = Field(
        "constant",
        description="Learning rate after the warm-up: constant, half a cosine down to zero, or lowered on a plateau.",
    )
    plateau_patience: int = Field(
        3, ge=1, description="plateau: epochs without a better result after which the rate is lowered."
    )
    plateau_factor: float = Field(0.5, gt=0.0, lt=1.0, description="plateau: what the rate is multiplied by.")
    warmup_epochs: float = Field(
        0.0, ge=0.0, allow_inf_nan=False, description="Epochs (or part of one) of linear rise from zero."
    )
    patience: int | None = Field(
        10, ge=1, description="Stop after this many epochs without a better result; null: never."
    )
    min_improvement: float = Field(
        0.0,
        ge=0.0,
        allow_inf_nan=False,
        description="A result is better when it is better by more than this.",
    )
    select: Literal["loss", "sharpe"] = Field(
        "loss",
        description="What makes an epoch the best: its validation loss, or its Sharpe ratio there after costs.",
    )
    sampler: Literal["shuffled", "balanced"] = Field(
        "shuffled",
        description="shuffled: each row once an epoch; balanced: classes equally often, with replacement.",
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: a row's loss counts by rows / (classes x rows of its class)."
    )
    label_smoothing: float = Field(
        0.0, ge=0.0, lt=1.0, description="Share of the target spread evenly over the classes."
    )
    recipes: tuple[RecipeConfig, ...] = Field(
        (),
        exclude_if=lambda recipes: not recipes,  # a config without one is written, and known, as before there were any
        description="Methods that wrap the sampler, the batch or the objective; a later one wraps those before it.",
    )
    snapshots: int = Field(
        1,
        ge=1,
        le=100,
        exclude_if=lambda number: number == 1,  # as before there were any
        description="Epochs up to the chosen one whose probabilities are averaged: a snapshot ensemble.",
    )
    pause: int | None = Field(
        None,
        ge=1,
        exclude_if=lambda epochs: epochs is None,  # as before there was any
        description="Stop for now after this many of the epochs; the same training without it goes on from there.",
    )
    allow_missing_classes: bool = Field(
        False, description="Train even though a class never occurs in the training rows."
    )
    threads: int = Field(1, ge=1, description="CPU threads; part of the result, since sums split by thread.")
    processes: int = Field(
        1,
        ge=1,
        le=256,
        exclude_if=lambda number: number == 1,  # as before there were any
        description="Processes that share each batch; part of the result as threads are, by rounding.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda where there is one, else cpu.")

    @field_validator("recipes")
    @classmethod
    def _each_kind_once(cls, recipes: tuple[RecipeConfig, ...]) -> tuple[RecipeConfig, ...]:
        kinds = [recipe.kind for recipe in recipes]
        for kind in kinds:
            if kinds.count(kind) > 1:
                raise ValueError(f"must hold each kind once, but {kind} is there {kinds.count(kind)} times")
        attacks = [recipe.kind for recipe in recipes if isinstance(recipe, AttackSettings)]
        if len(attacks) > 1:
            raise ValueError(f"must hold one attack, and not one inside another: {', '.join(attacks)}")
        return recipes

    @model_validator(mode="after")
    def _one_word_for_one_thing(self) -> Self:
        fields = {"balanced": self.sampler == "balanced", "label_smoothing": self.label_smoothing > 0.0}
        for recipe in self.recipes:
            if fields.get(recipe.kind):
                field = {"balanced": "sampler"}.get(recipe.kind, recipe.kind)
                raise ValueError(f"recipes must not hold {recipe.kind} where {field} says so already")
        return self

    @model_validator(mode="after")
    def _stages_fill_the_training(self) -> Self:
        for recipe in self.recipes:
            stages = getattr(recipe, "stages", None)
            if stages is not None and sum(stages) != self.epochs:
                total = f"{list(stages)}, which sum to {sum(stages)}"
                raise ValueError(f"stages of {recipe.kind} must sum to epochs, {self.epochs}; got {total}")
        return self

    @property
    def all_recipes(self) -> tuple[Recipe, ...]:
        """The recipes that ``sampler`` and ``label_smoothing`` stand for, and then those listed."""
        first: list[Recipe] = [BalancedConfig()] if self.sampler == "balanced" else []
        first += [LabelSmoothingConfig(epsilon=self.label_smoothing)] if self.label_smoothing > 0.0 else []
        return (*first, *self.recipes)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what the recipes need of a row besides its class."""
        needed = (name for recipe in self.recipes if isinstance(recipe, NeedsTargets) for name in recipe.targets)
        return tuple(dict.fromkeys(needed))


def learning_rate(config: TrainingConfig, progress: float, better: Sequence[bool] = ()) -> float:
    """Returns the learning rate at a point of the run; it needs no state, so a resume needs none either.

    ``rate = peak x min(1, progress / warmup)``. After the warm-up, for ``cosine``,
    ``peak x (1 + cos(π (progress - warmup) / (epochs - warmup))) / 2``; for ``plateau``, ``peak x factor^k``, where k
    counts how often ``plateau_patience`` epochs in a row, all after the warm-up, were not the best so far.

    Args:
        config: the training's settings.
        progress: epochs done, counted to the end of the step at hand (0.5: half of the first epoch).
        better: of each epoch done, whether it was the best so far.
    """
    peak, warmup = config.learning_rate, config.warmup_epochs
    if progress < warmup:
        return peak * progress / warmup
    if config.schedule == "cosine" and config.epochs > warmup:
        done = min(1.0, (progress - warmup) / (config.epochs - warmup))
        return peak * 0.5 * (1.0 + math.cos(math.pi * done))
    if config.schedule == "plateau":
        stale = 0
        for number, was_better in enumerate(better, start=1):
            stale = 0 if was_better or number <= warmup else stale + 1
            if stale == config.plateau_patience:
                peak, stale = peak * config.plateau_factor, 0
    return peak
