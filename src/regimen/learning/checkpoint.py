"""Learning that was stopped at any moment goes on and ends with the same bytes as learning that never was."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, final

import torch

from regimen.envs import EnvSpec
from regimen.errors import RunError
from regimen.learning.iteration import Iteration, Progress
from regimen.stateful import Parts, Stateful, restore_into, state_of
from regimen.tensorfile import read_tensors, write_tensors

FILE = "learning.safetensors"
_FORMAT = 1
_LANES = {"env": "_env"}


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often a call of `learn` writes down all that it needs to go on.

    A call with the folder of an interrupted one continues it; of a finished one, it returns at once. Nothing but
    the wall clock depends on ``seconds``.

    Attributes:
        folder: made when absent; belongs to one call of `learn`.
        seconds: between two checkpoints, at least; 0: after every iteration.
    """

    folder: Path
    seconds: float = 15.0


class Learner(Protocol):
    """What a checkpoint needs of an agent."""

    config: Any
    spec: EnvSpec
    seed: int
    iterations: int
    notes: Mapping[str, str]

    @property
    def saved(self) -> Parts:
        """What a file of the agent holds."""

    @property
    def resumed(self) -> Parts:
        """What learning needs besides, to go on: optimisers, replay, what the lanes showed last."""


class Resumable(Stateful, Protocol):
    """Where a call of `learn` learns from: lanes that step, or recorded data."""

    @property
    def n_envs(self) -> int:
        """Number of lanes; 1 for recorded data."""


@final
class Session:
    """One call of `learn`: its history, its progress and its checkpoints.

    Args:
        learner: the agent.
        env: its environment, or the data that it studies.
        total: steps that the call makes.
        progress: called after every iteration.
        checkpoint: None writes nothing.

    Attributes:
        history: the iterations of this call, those before an interruption included.
    """

    def __init__(
        self, learner: Learner, env: Resumable, total: int, progress: Progress | None, checkpoint: Checkpoint | None
    ) -> None:
        self.history: list[Iteration] = []
        self._learner, self._env, self._total = learner, env, total
        self._progress, self._checkpoint = progress, checkpoint
        self._written = time.perf_counter()
        self._identity = {
            "torch": torch.__version__,
            "config": learner.config.model_dump(mode="json", by_alias=True),
            "spec": learner.spec.schema_hash,
            "seed": learner.seed,
            "lanes": env.n_envs,
            "total": total,
        } | ({"notes": dict(learner.notes)} if learner.notes else {})

    def resume(self) -> bool:
        """Puts agent and environment back where the checkpoint left them; False where there is none.

        Raises:
            RunError: the checkpoint is damaged, or belongs to another call of `learn` (names the first difference).
        """
        path = None if self._checkpoint is None else self._checkpoint.folder / FILE
        if path is None or not path.exists():
            return False
        tensors, document = read_tensors(path)
        if document.get("format") != _FORMAT:
            raise RunError(str(path), f"must be a checkpoint of format {_FORMAT}", document.get("format"))
        theirs = {"notes": self._identity.get("notes"), **document["identity"]}  # 0.1.0 wrote none down
        for key, mine in self._identity.items():
            if theirs.get(key) != mine:
                rule = f"must be a checkpoint of this learning, but its {key} was {theirs.get(key)!r}"
                raise RunError(str(path), rule, mine)
        restore_into(self, _LANES, tensors, path)
        self._learner.iterations = int(document["iterations"])
        restore_into(self._learner, {**self._learner.saved, **self._learner.resumed}, tensors, "checkpoint")
        self.history = [Iteration(**_numbers(row)) for row in document["history"]]
        return True

    @property
    def steps(self) -> int:
        """Steps of this call so far."""
        return self.history[-1].steps if self.history else 0

    @property
    def done(self) -> bool:
        """Whether the call has made all its steps."""
        return self.steps >= self._total

    def add(self, steps: int, reward: float, entropy: float, numbers: Mapping[str, float], seconds: float) -> None:
        """Counts one more iteration of so many steps, tells it, and writes a checkpoint when one is due."""
        self._learner.iterations += 1
        iteration = Iteration(
            self._learner.iterations, self.steps + steps, self._total, reward, entropy, dict(numbers), seconds
        )
        self.history.append(iteration)
        if self._progress is not None:
            self._progress(iteration)
        if self._checkpoint is None:
            return
        if self.done or time.perf_counter() - self._written >= self._checkpoint.seconds:
            self._write(self._checkpoint.folder / FILE)
            self._written = time.perf_counter()

    def _write(self, path: Path) -> None:
        document = {
            "format": _FORMAT,
            "identity": self._identity,
            "iterations": self._learner.iterations,
            "history": [_plain(asdict(row)) for row in self.history],
        }
        tensors = state_of(self._learner, {**self._learner.saved, **self._learner.resumed})
        write_tensors(path, {**tensors, **state_of(self, _LANES)}, document)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(row: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: math.nan if value is None else value for name, value in row["numbers"].items()}
    return {name: math.nan if value is None else value for name, value in row.items()} | {"numbers": numbers}
