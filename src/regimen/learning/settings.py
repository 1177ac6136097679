"""What the configs of all agents share: they are frozen, complain in one line, and build their agent."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, ValidationError

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

    @property
    def shows(self) -> Mapping[str, float]:
        """Columns that `wrap` adds to what lanes show, and what they hold where the agent trades; for most, none."""
        return {}
