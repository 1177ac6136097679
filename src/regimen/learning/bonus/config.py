"""The configs of bonuses: which there are, and which columns they look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

if TYPE_CHECKING:
    from regimen.envs import EnvSpec
    from regimen.learning.bonus.icm import ICM
    from regimen.learning.bonus.rnd import RND


class _BonusSettings(BaseModel):
    """What every bonus has.

    Prices move by themselves and are new for ever, so a bonus on all columns is a television with noise on it (Burda
    et al. 2018, arXiv 1808.04355): an agent that looks at it learns nothing else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    columns: tuple[str, ...] = Field(
        default=(),
        description="of the observation, whose novelty counts; none: the account's, or all where lanes show none of it",
    )
    hidden: tuple[PositiveInt, ...] = Field(default=(64,), min_length=1, description="widths of the hidden layers")
    learning_rate: float = Field(default=1e-3, gt=0.0, description="of Adam")
    minibatch_size: int = Field(default=512, ge=1, description="transitions in one gradient step, at most")

    def chosen(self, spec: EnvSpec) -> tuple[int, ...]:
        """Returns the places of the columns whose novelty counts; those of a panel are ``symbol.position`` and so on.

        Raises:
            ConfigError: a column that the environment does not show.
        """
        from regimen.envs import require_shown
        from regimen.observation import ACCOUNT  # with it come compiled steps

        require_shown("agents.bonus.columns", self.columns, spec.columns)
        moved = (*ACCOUNT, "target", "gain")
        own = tuple(name for name in spec.columns if name.rpartition(".")[2] in moved)
        return tuple(spec.columns.index(name) for name in self.columns or own or spec.columns)


class RNDConfig(_BonusSettings):
    """Random network distillation: what a network has not learned yet of another, random one is new.

    Source: Burda, Edwards, Storkey and Klimov 2018, arXiv 1810.12894.
    """

    kind: Literal["rnd"] = Field(default="rnd", description="the bonus")
    weight: float = Field(default=0.1, gt=0.0, description="pay of a novelty of one deviation, in the rewards' unit")
    features: int = Field(default=32, ge=1, description="numbers that the random network gives")

    def build(self, spec: EnvSpec, seed: int) -> RND:
        """Returns the bonus for the columns of an environment.

        Raises:
            ConfigError: a column that the environment does not show.
        """
        from regimen.learning.bonus.rnd import RND

        return RND(self, spec, seed)


class ICMConfig(_BonusSettings):
    """Intrinsic curiosity: what a model of the world cannot foretell of what an action leads to is new.

    Source: Pathak, Agrawal, Efros and Darrell 2017, arXiv 1705.05363.
    """

    kind: Literal["icm"] = Field(default="icm", description="the bonus")
    weight: float = Field(default=1.0, gt=0.0, description="η: reward per unit of ½‖φ̂(s′) − φ(s′)‖²")
    beta: float = Field(
        default=0.2, gt=0.0, lt=1.0, description="share of the forward model in the loss; the rest is the inverse one's"
    )
    features: int = Field(default=32, ge=1, description="numbers that the encoder makes of the columns")

    def build(self, spec: EnvSpec, seed: int) -> ICM:
        """Returns the bonus for the columns and actions of an environment.

        Raises:
            ConfigError: a column that the environment does not show.
        """
        from regimen.learning.bonus.icm import ICM

        return ICM(self, spec, seed)


BonusConfig = Annotated[RNDConfig | ICMConfig, Field(discriminator="kind")]
"""The union of bonuses; ``kind`` chooses."""
