"""What the configs of all agents share: they are frozen, complain in one line, and build their agent."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, PositiveInt, ValidationError

from regimen.errors import ConfigError
from regimen.reprs import short_config
from regimen.settings import ModelSettings, one_line

if TYPE_CHECKING:
    from regimen.envs import EnvSpec, VectorEnv
    from regimen.learning.agent import Agent


class AgentSettings(ModelSettings):
    """Every number that decides how an agent learns, once.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    reads: ClassVar[tuple[str, ...]] = ("preprocess", "augment", "environment")
    implementation: ClassVar[str]
    """Where the class of the agent is, ``module:Class``; a config imports no algorithm."""
    needs: ClassVar[tuple[str, str] | None] = None
    """The library that the algorithm imports and the extra of ours that installs it."""

    if not TYPE_CHECKING:  # type checkers keep the signature that the fields make

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise one_line(error, type(self), values, "agents.") from None

    def __repr__(self) -> str:
        return short_config(self)

    @classmethod
    def agent(cls) -> type[Agent]:
        """Returns the class of the agent; imports it, and torch with it, only now.

        Raises:
            ConfigError: the library that it needs is not installed.
        """
        module, _, name = cls.implementation.partition(":")
        try:
            algorithm: type[Agent] = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if cls.needs is None or (error.name or "").partition(".")[0] != cls.needs[0]:
                raise
            library, extra = cls.needs[0].replace("_", "-"), cls.needs[1]
            rule = f"needs {library}, which is not installed: pip install 'regimen[{extra}]'"
            raise ConfigError("agents.kind", rule, cls.model_fields["kind"].default) from None
        return algorithm

    def build(self, env: EnvSpec | VectorEnv, seed: int = 0) -> Agent:
        """Returns an untrained agent for an environment, or for the spec of one; the seed decides everything random.

        Raises:
            ConfigError: a library is absent; a number that the environment does not go with.
            RunError: an environment whose actions or columns the agent cannot have.
        """
        from regimen.envs import as_spec  # with it come compiled steps, which a config alone does not need

        return self.agent()(self, as_spec(env), seed)

    def wrap(self, env: VectorEnv) -> VectorEnv:
        """Returns the lanes of a run as this agent learns in them: for most, as they are.

        Raises:
            ConfigError: lanes that it cannot learn in.
        """
        return env

    def alternatives(self, spec: EnvSpec) -> int | None:
        """Returns what a decision is one of, which its entropy is measured by: for most, the choices of the lanes.

        None: a decision is a continuous action.
        """
        return spec.choices

    @property
    def shows(self) -> Mapping[str, float]:
        """Columns that `wrap` adds to what lanes show, and what they hold where the agent trades; for most, none."""
        return {}


class ClippedSettings(AgentSettings):
    """What decides how agents learn that make clipped updates of rollouts; see `ClippedUpdate`.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    kind: str = Field(description="the algorithm")
    rollout_steps: int = Field(default=32, ge=1, description="steps of every lane between two updates")
    epochs: int = Field(default=4, ge=1, description="passes over a rollout")
    minibatch_size: int | None = Field(
        default=None,
        ge=2,
        description="transitions in one gradient step, at most; null: an eighth of a rollout, between 64 and 2048",
    )
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of a step")
    clip: float = Field(default=0.2, gt=0.0, description="half-width of the band of probability ratios")
    entropy_coefficient: float = Field(default=0.01, ge=0.0, description="weight of the entropy, per nat")
    value_coefficient: float = Field(default=0.5, ge=0.0, description="weight of the critic's loss")
    gradient_clip: float = Field(default=0.5, gt=0.0, description="largest norm of a gradient")
    learning_rate: float = Field(default=3e-3, gt=0.0, description="learning rate of Adam at the first update")
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    hidden: tuple[PositiveInt, ...] = Field(default=(64, 64), description="widths of the hidden layers of each network")
    activation: Literal["tanh", "relu"] = Field(default="tanh", description="activation between the layers")
    log_std: float = Field(default=-0.5, ge=-5.0, le=2.0, description="first log σ of continuous actions, half-ranges")
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by what was seen")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    value_share: float = Field(
        default=0.25, gt=0.0, le=1.0, description="how far the critic's unit follows the targets of each rollout"
    )
    threads: int = Field(
        default=1, ge=1, description="processors to learn on; with two, actor and critic are trained side by side"
    )

    def minibatch(self, rows: int) -> int:
        """Returns how many of a rollout's transitions are in one gradient step, at most.

        Few lanes need several steps a pass: with one, 100,000 steps of 64 lanes are 196 gradient steps in all, and
        what costs or a long horizon hide is not learned in so few (`docs/collapse.md`).
        """
        return self.minibatch_size or min(max(rows // 8, 64), 2048)
