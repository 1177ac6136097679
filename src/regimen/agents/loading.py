"""Reading a saved agent of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from regimen.agents.config import agent_configs
from regimen.errors import RunError
from regimen.learning import kind_of

if TYPE_CHECKING:
    from regimen.envs import EnvSpec, VectorEnv
    from regimen.learning import Agent


def load_agent(folder: Path | str, env: EnvSpec | VectorEnv | None = None) -> Agent:
    """Reads the agent of a folder, whichever kind it is.

    Args:
        folder: where `save` wrote.
        env: what the agent is to act in; its columns and actions are compared when given.

    Raises:
        RunError: the file is absent or damaged, of an unknown kind, or belongs to other columns.
    """
    kind = kind_of(folder)
    for config in agent_configs():
        if config.model_fields["kind"].default == kind:
            return config.agent().load(folder, env)
    raise RunError(str(folder), "must hold an agent of a kind that this version knows", kind)
