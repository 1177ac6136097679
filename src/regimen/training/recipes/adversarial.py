"""Adversarial training: what is learned holds when the inputs are moved a little in the worst direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from regimen.errors import ConfigError
from regimen.seams import Objective
from regimen.training.recipes.recipe import Task

Distance = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Norm = Annotated[
    Literal["inf", "2"],
    BeforeValidator(lambda norm: "2" if norm == 2 else norm),  # as YAML reads `norm: 2`
]


class AttackSettings(BaseModel):
    """How far an attack may move each feature of a training row, in units of the scaled features.

    A row, or the window of rows that a sequence model sees, is moved by itself: the same bar may be moved differently
    in two windows. So this is no attack on the series.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epsilon: float = Field(
        0.1, gt=0.0, allow_inf_nan=False, description="How far a feature is moved, in units of the scaled features."
    )
    groups: Mapping[str, Distance] = Field(
        {},
        description="epsilon of the features of a group, by its name; 0: they stay. Others have epsilon itself.",
    )
    validation: Literal["clean", "attacked"] = Field(
        "clean",
        description="clean: the validation loss, which stops the training, is that of the rows as they are; attacked: "
        "that of attacked rows.",
    )

    copies: ClassVar[int] = 0

    def radius(self, task: Task, kind: str) -> tuple[float, ...]:
        """Returns ε of each feature.

        Args:
            task: knows the groups of its features.
            kind: of the recipe, for the error.

        Raises:
            ConfigError: a group that there is not, or no feature that is moved.
        """
        field, known = f"training.recipes: {kind}.groups", task.data.groups
        each = [self.epsilon] * task.data.x_train.shape[-1]
        for name, epsilon in self.groups.items():
            if name not in known:
                rule = f"must be among {', '.join(known)}" if known else "needs features whose groups are known"
                raise ConfigError(field, rule, name)
            for column in known[name]:
                each[column] = epsilon
        if not any(each):
            raise ConfigError(field, "must leave a feature that is moved", dict(self.groups))
        return tuple(each)


class FGSMConfig(AttackSettings):
    """Learns from rows that are moved by one step, ``x + ε sign(∂L/∂x)``.

    One step is cheap, but a network may learn to bend just where the step ends. Whether it did, PGD says.

    Source: Goodfellow et al. 2015, arXiv 1412.6572; what it may lead to: Wong et al. 2020, arXiv 2001.03994.
    """

    kind: Literal["fgsm"] = Field("fgsm", description="Learns from rows that one step makes worse.")
    ratio: float = Field(1.0, gt=0.0, le=1.0, description="Share of the attacked rows' loss; the rest: of clean ones.")

    @property
    def passes(self) -> float:
        """Two where attacked and clean rows are learned from; what the attack held is gone by then."""
        return 1.0 if self.ratio == 1.0 else 2.0

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns what is below at the attacked rows.

        Raises:
            ConfigError: see `radius`.
        """
        from regimen.training.adversarial import adversarial, one_step

        attack = one_step(self.radius(task, self.kind))
        return adversarial(below, attack, self.ratio, by_row=False, validation=self.validation == "attacked")


class PGDConfig(AttackSettings):
    """Learns from rows that many steps move to the worst place nearby: min over weights of max over ``|δ| ≤ ε``.

    What the attack raises is the objective below, with all its tasks, class weights and smoothing.

    Source: Madry et al. 2018, arXiv 1706.06083.
    """

    kind: Literal["pgd"] = Field("pgd", description="Learns from rows that many steps make worse.")
    norm: Norm = Field(
        "inf", description="inf: every number moves by at most epsilon; 2: the move's Euclidean length is."
    )
    steps: int = Field(7, ge=1, description="Steps of the attack; each is a forward and a backward pass.")
    restarts: int = Field(1, ge=1, description="Random places that the attack begins from; each row keeps its worst.")
    ratio: float = Field(1.0, gt=0.0, le=1.0, description="Share of the attacked rows' loss; the rest: of clean ones.")

    @property
    def passes(self) -> float:
        """Two where attacked and clean rows are learned from; what the attack held is gone by then."""
        return 1.0 if self.ratio == 1.0 else 2.0

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns what is below at the attacked rows.

        Raises:
            ConfigError: see `radius`.
        """
        from regimen.training.adversarial import adversarial, many_steps

        attack = many_steps(self.radius(task, self.kind), self.steps, self.norm, self.restarts)
        by_row, validation = self.restarts > 1, self.validation == "attacked"
        return adversarial(below, attack, self.ratio, by_row=by_row, validation=validation)


class TRADESConfig(AttackSettings):
    """Learns from clean rows, and that what is said of a row nearby is what is said of the row: ``L + β KL``.

    The attack raises the divergence of the class probabilities, and not the loss.

    Source: Zhang et al. 2019, arXiv 1901.08573, whose attack begins nearer to the row.
    """

    passes: ClassVar[float] = 3.0  # L of the rows, and the divergence of rows and attacked rows

    kind: Literal["trades"] = Field("trades", description="Learns to say the same of rows nearby.")
    norm: Norm = Field(
        "inf", description="inf: every number moves by at most epsilon; 2: the move's Euclidean length is."
    )
    steps: int = Field(7, ge=1, description="Steps of the attack; each is a forward and a backward pass.")
    beta: float = Field(6.0, gt=0.0, allow_inf_nan=False, description="What the divergence counts beside the loss.")

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns what is below, and β times the divergence.

        Raises:
            ConfigError: see `radius`.
        """
        from regimen.training.adversarial import many_steps, trades

        attack = many_steps(self.radius(task, self.kind), self.steps, self.norm)
        return trades(below, attack, self.beta, validation=self.validation == "attacked")
