"""Reading a saved agent of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from regimen.agents.config import agent_configs
from regimen.agents.own_agent.config import FILE, OwnAgentConfig
from regimen.errors import RunError
from regimen.learning import kind_of

if TYPE_CHECKING:
    from regimen.envs import EnvSpec, VectorEnv
    from regimen.learning import Agent, AgentSettings


def load_agent(
    folder: Path | str, env: EnvSpec | VectorEnv | None = None, config: AgentSettings | None = None
) -> Agent:
    """Reads the agent of a folder, whichever kind it is.

    Args:
        folder: where `save` wrote.
        env: what the agent is to act in; its columns and actions are compared when given.
        config: of the run, which says where code of the user's own is now; None: where it was.

    Raises:
        RunError: the file is absent or damaged, of an unknown kind, or belongs to other columns.
    """
    if (Path(folder) / FILE).exists():
        from regimen.agents.own_agent.own_agent import OwnAgent

        return OwnAgent.load(folder, env, config if isinstance(config, OwnAgentConfig) else None)
    kind = kind_of(folder)
    for member in agent_configs():
        if member.model_fields["kind"].default == kind:
            return member.agent().load(folder, env)
    raise RunError(str(folder), "must hold an agent of a kind that this version knows", kind)
