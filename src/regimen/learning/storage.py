"""The file of a saved agent: weights, config, columns, seed and normaliser; whole or absent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from pydantic import ValidationError

from regimen.envs import EnvSpec, VectorEnv, as_spec
from regimen.errors import ConfigError, RunError
from regimen.reprs import many, short
from regimen.stateful import Parts, restore_into, state_of
from regimen.tensorfile import read_tensors, write_tensors

if TYPE_CHECKING:
    from regimen.learning.settings import AgentSettings

FILE = "agent.safetensors"
"""The file of a saved agent, in its folder."""


class Persistent:
    """An agent that can be saved: it names its parts, and writing and reading them is the same for all.

    Attributes:
        settings: class of its config.
        saved: the parts of a file of the agent, by name and attribute; see `regimen.stateful`.
        resumed: the parts that an interrupted learning needs besides them; see `checkpoint`.
        notes: fingerprints, by name, of what is not saved because config and seed make it again.
        config, spec, seed, iterations: see `Agent`.
    """

    settings: ClassVar[type[AgentSettings]]
    saved: Parts
    resumed: Parts
    config: Any
    spec: EnvSpec
    seed: int
    iterations: int
    notes: Mapping[str, str] = {}

    def __init__(self, config: Any, spec: EnvSpec, seed: int = 0) -> None: ...

    @final
    def __repr__(self) -> str:
        return short(self, f"{self.config!r}, {many(self.iterations, 'iteration')}")

    @final
    def save(self, folder: Path | str) -> None:
        """Writes ``agent.safetensors``: the agent's parts, config, spec, seed; no optimiser, no replay, no data.

        Raises:
            RunError: the folder cannot be written to.
        """
        document = {
            "config": self.config.model_dump(mode="json", by_alias=True),
            "spec": self.spec.model_dump(mode="json"),
            "seed": self.seed,
            "iterations": self.iterations,
            "schema": self.spec.schema_hash,
        } | ({"notes": dict(self.notes)} if self.notes else {})
        write_tensors(Path(folder) / FILE, state_of(self, self.saved), document)

    @final
    @classmethod
    def load(cls, folder: Path | str, env: EnvSpec | VectorEnv | None = None) -> Self:
        """Reads what `save` wrote; `predict` gives the same actions. `learn` begins with a fresh optimiser.

        Args:
            folder: where the file is.
            env: what the agent is to act in; its columns and actions are compared when given.

        Raises:
            RunError: the file is absent or damaged, of another kind or architecture, or not for the columns of ``env``.
        """
        path = Path(folder) / FILE
        tensors, document = read_tensors(path)
        kind, given = cls.settings.model_fields["kind"].default, document["config"].get("kind")
        if given != kind:
            raise RunError(str(path), f"must hold an agent of kind {kind!r}", given)
        try:
            config, spec = cls.settings(**document["config"]), EnvSpec.model_validate(document["spec"])
        except (ConfigError, ValidationError) as error:
            raise RunError(str(path), f"must hold a config of this version ({str(error).splitlines()[0]})") from None
        if env is not None:
            spec.require(as_spec(env), "env")
        agent = cls(config, spec, int(document["seed"]))
        for name, own in agent.notes.items():
            theirs = document.get("notes", {}).get(name, "")
            if theirs != own:
                rule = f"must be {own[:12]}, what its config and seed make here; it was trained with another"
                raise RunError(f"{path}: {name}", rule, theirs[:12])
        restore_into(agent, agent.saved, tensors, path)
        agent.iterations = int(document["iterations"])
        return agent


def kind_of(folder: Path | str) -> str:
    """Returns which kind of agent a folder holds.

    Raises:
        RunError: the file is absent or damaged.
    """
    path = Path(folder) / FILE
    kind = read_tensors(path)[1].get("config", {}).get("kind")
    if not isinstance(kind, str):
        raise RunError(str(path), "must hold an agent", kind)
    return kind
