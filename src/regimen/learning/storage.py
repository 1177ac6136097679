"""The file of a saved agent: weights, config, columns, seed and normaliser; whole or absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from regimen.envs import EnvSpec, VectorEnv, as_spec
from regimen.errors import ConfigError, RunError
from regimen.learning.moments import RunningMoments
from regimen.tensorfile import grouped, named, read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

    from regimen.learning.agent import Agent

FILE = "agent.safetensors"
"""The file of a saved agent, in its folder."""


StorableAgent = TypeVar("StorableAgent", bound="Storable")


@dataclass(frozen=True)
class Saved:
    """A file's content, checked.

    Attributes:
        path: of the file.
        config, spec, seed, iterations: of the agent.
        groups: the tensors, by the part of their names before the first ``/``, then by the rest.
        notes: what else was written down.
    """

    path: Path
    config: Any
    spec: EnvSpec
    seed: int
    iterations: int
    groups: Mapping[str, Mapping[str, Tensor]]
    notes: Mapping[str, str]


def write_agent(
    agent: Agent, folder: Path | str, tensors: dict[str, Tensor], notes: Mapping[str, str] | None = None
) -> None:
    """Writes an agent's file.

    Args:
        agent: gives config, spec, seed and iterations.
        folder: made when absent.
        tensors: named ``group/name``.
        notes: what else is to be read back, by name; an agent without any writes none.

    Raises:
        RunError: the folder cannot be written to.
    """
    document = {
        "config": agent.config.model_dump(mode="json"),
        "spec": agent.spec.model_dump(mode="json"),
        "seed": agent.seed,
        "iterations": agent.iterations,
        "schema": agent.spec.schema_hash,
    } | ({"notes": dict(notes)} if notes else {})
    write_tensors(Path(folder) / FILE, tensors, document)


def read_agent(kind: type[BaseModel], folder: Path | str, env: EnvSpec | VectorEnv | None = None) -> Saved:
    """Reads an agent's file.

    Args:
        kind: class of its config.
        folder: where the file is.
        env: what the agent is to act in; its columns and actions are compared when given.

    Raises:
        RunError: the file is absent or damaged, holds another kind of agent, or belongs to other columns.
    """
    path = Path(folder) / FILE
    tensors, document = read_tensors(path)
    wanted, given = kind.model_fields["kind"].default, document["config"].get("kind")
    if given != wanted:
        raise RunError(str(path), f"must hold an agent of kind {wanted!r}", given)
    try:
        config, spec = kind(**document["config"]), EnvSpec.model_validate(document["spec"])
    except (ConfigError, ValidationError) as error:
        raise RunError(str(path), f"must hold a config of this version ({str(error).splitlines()[0]})") from None
    if env is not None:
        spec.require(as_spec(env), "env")
    numbers = int(document["seed"]), int(document["iterations"])
    return Saved(path, config, spec, *numbers, grouped(tensors), document.get("notes", {}))


class Storable(Protocol):
    """What an agent's file is made of, besides the four verbs."""

    iterations: int

    def __init__(self, config: Any, spec: EnvSpec, seed: int) -> None: ...

    def restore(self, place: Path | str, groups: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Takes back the tensors that were written; ``place`` is named in errors."""


def load_into(
    agent: type[StorableAgent],
    config: type[BaseModel],
    folder: Path | str,
    env: EnvSpec | VectorEnv | None,
) -> StorableAgent:
    """Returns the agent of a file; see `read_agent` for what is compared.

    Raises:
        RunError: as `read_agent`; or weights of another architecture.
    """
    saved = read_agent(config, folder, env)
    found = agent(saved.config, saved.spec, saved.seed)
    found.restore(saved.path, saved.groups)
    found.iterations = saved.iterations
    return found


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


def part_tensors(agent: Any, names: Iterable[str]) -> dict[str, Tensor]:
    """Returns the weights of an agent's networks and the state of its normalisers, named ``attribute/name``."""
    found: dict[str, Tensor] = {}
    for name in names:
        part = getattr(agent, name)
        found |= named(name, part.tensors() if isinstance(part, RunningMoments) else part.state_dict())
    return found


def restore_parts(
    agent: Any, names: Iterable[str], place: Path | str, groups: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Takes back `part_tensors`, grouped.

    Raises:
        RunError: weights of another architecture.
    """
    for name in names:
        part = getattr(agent, name)
        if isinstance(part, RunningMoments):
            part.restore_tensors(groups[name])
        else:
            fill(place, part, groups[name])


def fill(place: Path | str, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts weights into a module.

    Raises:
        RunError: a tensor is missing, superfluous or of another shape: the first, after ``place``.
    """
    own = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(own.keys() | given.keys()):
        if own.get(name) != given.get(name):
            rule = f"must be {own.get(name, 'absent')} in this architecture"
            raise RunError(f"{place}: {name}", rule, given.get(name, "absent"))
    module.load_state_dict(dict(tensors))
