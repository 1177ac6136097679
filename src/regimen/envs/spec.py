"""What is to be known of an environment to act in it: its columns, its actions, and four verbs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.envs.goal_space import GoalSpace
from regimen.envs.kinds import ActionConfig, ContinuousConfig
from regimen.errors import RunError
from regimen.settings import require_names

Step = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]


class EnvSpec(BaseModel):
    """The columns that a lane shows and the actions that it takes.

    A panel of symbols is one lane: its columns are those of all symbols, its action has one number per symbol.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    columns: tuple[str, ...] = Field(min_length=1, description="names of the observation's columns, in their order")
    choices: int | None = Field(default=None, ge=2, description="choices of each number in an action; null: continuous")
    size: int = Field(default=1, ge=1, description="numbers in an action")
    low: float = Field(default=-1.0, description="smallest number in a continuous action")
    high: float = Field(default=1.0, description="largest number in a continuous action")
    goal: GoalSpace | None = Field(
        default=None,
        description="which columns are a goal; null: the lanes have none",
        exclude_if=lambda goal: goal is None,  # lanes without one are known as before
    )

    @model_validator(mode="after")
    def _goals_are_shown(self) -> Self:
        for name in (*self.goal.goal, *self.goal.achieved) if self.goal else ():
            if name not in self.columns:
                raise ValueError(f"goal must be of columns that lanes show; got {name!r}")
        return self

    @model_validator(mode="after")
    def _bounds_are_apart(self) -> Self:
        if self.high <= self.low:
            raise ValueError(f"high must be above low; got {self.high:g} and {self.low:g}")
        return self

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.columns)

    @property
    def schema_hash(self) -> str:
        """SHA-256 of columns and actions; a saved agent carries it."""
        return hashlib.sha256(f"agent 1|{self.model_dump_json()}".encode()).hexdigest()

    def require(self, other: EnvSpec, field: str) -> None:
        """Refuses an environment that is not the one at hand in columns or actions.

        Raises:
            RunError: naming the first difference.
        """
        if other.width != self.width:
            raise RunError(f"{field}: observation", f"must have the agent's {self.width} columns", other.width)
        for position, (mine, theirs) in enumerate(zip(self.columns, other.columns, strict=True)):
            if mine != theirs:
                raise RunError(f"{field}: column {position}", f"must be {mine!r}, as the agent was built for", theirs)
        for name in ("choices", "size", "low", "high", "goal"):
            if getattr(self, name) != getattr(other, name):
                rule = f"must be {getattr(self, name)}, as the agent was built for"
                place = name if name == "goal" else f"actions.{name}"
                raise RunError(f"{field}: {place}", rule, getattr(other, name))


def require_shown(field: str, names: Iterable[str], columns: Sequence[str]) -> None:
    """Refuses names of columns that lanes do not show.

    Args:
        field: where the names stand.
        names: as a person wrote them.
        columns: that the lanes show.

    Raises:
        ConfigError: the first name that is none of them, with the nearest that is, or with some that are.
    """
    require_names(field, names, columns, "must be of columns that lanes show", columns[-8:])


class VectorEnv(Protocol):
    """Many independent lanes, stepped in one call. `VectorMarket` is one; so is whatever has these.

    One that wraps another has it as its ``below``; see `innermost`.

    *Autoreset in the same step:* where a flag is set, the observation is already the first of the lane's next episode,
    and ``info["final_observation"]`` (lane, ...) holds in that lane the last of the one that ended. The arrays may be
    the environment's own and written over by the next call.
    """

    @property
    def n_envs(self) -> int:
        """Number of lanes."""

    @property
    def spec(self) -> EnvSpec:
        """Columns and actions."""

    def reset(self, seed: int | None = None, starts: ArrayLike | None = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins new episodes; returns observations (lane, width) and an info.

        Args:
            seed: begins the lanes' random streams anew; None: they go on.
            starts: (lane,) bars to start at, instead of random ones: the same for two policies pairs their episodes.

        Raises:
            RunError: starts of another shape, or one at which no episode can start.
        """

    def step(self, actions: NDArray[Any]) -> Step:
        """Takes (lane,) int64 or (lane, size) float32 actions; returns Gymnasium's five."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes, for a checkpoint."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`."""


class PossibleStarts(NamedTuple):
    """Where the episodes of neighbouring lanes can start.

    Attributes:
        lanes: how many.
        bars: what `VectorEnv.reset` takes as the start of each; to be read only.
    """

    lanes: int
    bars: NDArray[np.int64]


def starts_of(env: object) -> tuple[PossibleStarts, ...]:
    """Returns where episodes can start, of all lanes in their order, whatever is wrapped around them.

    Raises:
        RunError: lanes without ``possible_starts``.
    """
    starts: tuple[PossibleStarts, ...] | None = getattr(innermost(env), "possible_starts", None)
    if starts is None:
        rule = "must take starts, and say in possible_starts which there are"
        raise RunError("env", rule, type(innermost(env)).__name__)
    return starts


def spec_of(env: object) -> EnvSpec:
    """Returns the spec of lanes.

    Raises:
        RunError: something that has none.
    """
    spec = getattr(env, "spec", None)
    if not isinstance(spec, EnvSpec):
        raise RunError("env", "must be a VectorMarket, a MarketGroup or lanes with a spec", type(env).__name__)
    return spec


def as_spec(env: EnvSpec | VectorEnv) -> EnvSpec:
    """Returns the spec of an environment, or the spec itself, for an agent.

    Raises:
        RunError: a panel of symbols with discrete actions, which no agent can take.
    """
    spec = env if isinstance(env, EnvSpec) else spec_of(env)
    if spec.choices and spec.size > 1:
        raise RunError("actions", "must be continuous for a panel of symbols", f"{spec.choices} choices each")
    return spec


def market_spec(columns: Sequence[str], symbols: Sequence[str], actions: ActionConfig) -> EnvSpec:
    """Returns the spec of a market: of a panel, the columns of each symbol in turn, named ``symbol.column``."""
    names = tuple(columns) if len(symbols) == 1 else tuple(f"{each}.{name}" for each in symbols for name in columns)
    if isinstance(actions, ContinuousConfig):
        return EnvSpec(columns=names, size=len(symbols), low=actions.low, high=actions.high)
    return EnvSpec(columns=names, size=len(symbols), choices=int(actions.high) + 1)


def innermost(env: Any) -> Any:
    """Returns the lanes that wrappers stand around: what is ``below`` them all, or the lanes themselves."""
    while (below := getattr(env, "below", None)) is not None:
        env = below
    return env
