"""What the configs of all agents share: they are frozen, complain in one line, and build their agent."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from regimen.settings import one_line

if TYPE_CHECKING:
    from regimen.agents.agent import Agent
    from regimen.envs import EnvSpec, VectorEnv, VectorMarket


class AgentSettings(BaseModel):
    """Every number that decides how an agent learns, once.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    actions: ClassVar[str | None] = None
    """The only kind of actions that the agent can choose among; None where it takes the environment's default."""

    if not TYPE_CHECKING:  # type checkers keep the signature that the fields make

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise one_line(error, type(self), values, "agents.") from None

    @staticmethod
    @abstractmethod
    def agent() -> type[Agent]:
        """Returns the class of the agent; imports it, and torch with it, only now."""

    @abstractmethod
    def build(self, env: EnvSpec | VectorEnv | VectorMarket, seed: int = 0) -> Agent:
        """Returns an untrained agent for an environment, or for the spec of one; the seed decides everything random."""
