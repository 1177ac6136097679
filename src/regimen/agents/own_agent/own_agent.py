"""`OwnAgent`: a class of the user's own behind the verbs of every agent; its answers are looked at before they act."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.agents.own_agent.config import FILE, OwnAgentConfig
from regimen.envs import EnvSpec, VectorEnv, as_spec
from regimen.errors import RegimenError, RunError
from regimen.files import write_text
from regimen.learning import Iteration, Progress, check_learning, observed_rows
from regimen.own import call_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regimen.learning import Checkpoint

Report = Callable[..., None]


class Brought(Protocol):
    """What a class of one's own has; it is made with ``(spec, seed, **settings)``.

    A class may leave out what it does not need of the arguments that have a default here.
    """

    def learn(self, env: VectorEnv, steps: int, report: Report) -> None:
        """Learns from ``steps`` environment steps over all lanes; calls ``report(steps so far, reward=…, …)``."""

    def predict(self, observation: NDArray[np.float32], state: Any, deterministic: bool) -> Any:
        """Returns actions for rows (lane, column), or (actions, state (lane, memory)) if it has a memory."""

    def save(self, folder: Path) -> None:
        """Writes whatever it has learned into files of a folder."""

    def load(self, folder: Path) -> Any:
        """Reads it back into an agent that was made alike; a class method returns another one instead."""


@final
class OwnAgent:
    """The agent of `OwnAgentConfig`.

    It checks the environment and every answer, and keeps what a run needs to know beside the files of the class: the
    config, the columns, the seed and how long it learned. Learning that was interrupted begins anew.

    Args:
        config: where the class is, and its settings.
        spec: columns and actions of the environment.
        seed: decides everything random.

    Raises:
        ConfigError: the code is not what it was; it is no class, lacks a verb, or takes other settings.
    """

    def __init__(self, config: OwnAgentConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        self._brought: Brought = call_object(config.brought(), "model", config.settings, {"spec": spec, "seed": seed})

    def learn(
        self, env: VectorEnv, steps: int, progress: Progress | None = None, checkpoint: Checkpoint | None = None
    ) -> list[Iteration]:
        """Lets the class learn; what it reports becomes iterations, and the end is one where it did not report it.

        Raises:
            RunError: another environment; the class fails.
        """
        del checkpoint
        check_learning(self.spec, env, steps)
        history: list[Iteration] = []
        began = time.perf_counter()

        def report(done: int, reward: float = math.nan, entropy: float = math.nan, **numbers: float) -> None:
            nonlocal began
            now = time.perf_counter()
            self.iterations += 1
            least = history[-1].steps + 1 if history else 1
            if not least <= done <= max(steps, least):
                rule = f"must report steps that grow, from {least} to {steps}"
                raise RunError(self.config.source, rule, done)
            history.append(
                Iteration(self.iterations, int(done), steps, float(reward), float(entropy), numbers, now - began)
            )
            began = now
            if progress is not None:
                progress(history[-1])

        with self._named("learn"):
            self._brought.learn(env, steps, report)
        if not history or history[-1].steps < steps:
            report(steps)
        return history

    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns actions of observations (lane, width), and the memory for the next call.

        Raises:
            RunError: numbers that are not finite; the class fails, or answers with what is no action.
        """
        rows, single = observed_rows(self.spec, observation)
        with self._named("predict"):
            answer = self._brought.predict(rows, state, deterministic)
        actions, memory = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
        checked = self._actions(actions, len(rows))
        if memory is not None:
            memory = np.asarray(memory, dtype=np.float32)
            if memory.ndim != 2 or len(memory) != len(rows) or not np.isfinite(memory).all():
                rule = f"must return a memory of finite numbers ({len(rows)}, memory) from predict, or none"
                raise RunError(self.config.source, rule, memory.shape)
        return (checked[0] if single else checked), memory

    def save(self, folder: Path | str) -> None:
        """Writes what the class saves, then one file of the house that says whose it is."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        with self._named("save"):
            self._brought.save(Path(folder))
        document = {
            "config": self.config.model_dump(mode="json"),
            "spec": self.spec.model_dump(mode="json"),
            "seed": self.seed,
            "iterations": self.iterations,
        }
        write_text(Path(folder) / FILE, json.dumps(document, indent=1))

    @classmethod
    def load(
        cls,
        folder: Path | str,
        env: EnvSpec | VectorEnv | None = None,
        config: OwnAgentConfig | None = None,
    ) -> Self:
        """Reads what `save` wrote.

        Args:
            folder: where the files are.
            env: what the agent is to act in; its columns and actions are compared when given.
            config: says where the class is now; None: where it was.

        Raises:
            ConfigError: its code is not there, or not what it was.
            RunError: a file is absent or damaged; other columns or actions than those of ``env``; the class fails.
        """
        document = _read(Path(folder) / FILE)
        spec = EnvSpec.model_validate(document["spec"])
        if env is not None:
            spec.require(as_spec(env), "env")
        agent = cls(config or OwnAgentConfig(**document["config"]), spec, int(document["seed"]))
        with agent._named("load"):
            loaded = agent._brought.load(Path(folder))
        if loaded is not None:
            agent._brought = loaded
        agent.iterations = int(document["iterations"])
        return agent

    @contextmanager
    def _named(self, verb: str) -> Iterator[None]:
        """Puts an error of the user's code on one line that names it."""
        try:
            yield
        except RegimenError:
            raise
        except Exception as error:  # the user's code: any error is theirs to read
            rule = f"must run, but {verb} fails ({type(error).__name__}: {error})"
            raise RunError(self.config.source, rule) from error

    def _actions(self, answer: object, lanes: int) -> NDArray[Any]:
        spec, actions = self.spec, np.asarray(answer)
        shapes = {(lanes,)} if spec.choices else {(lanes, spec.size)} | ({(lanes,)} if spec.size == 1 else set())
        if actions.shape not in shapes or actions.dtype.kind not in "iuf":
            wanted = f"({lanes},)" if spec.choices else f"({lanes}, {spec.size})"
            raise RunError(self.config.source, f"must return actions {wanted} from predict", actions.shape)
        if spec.choices:
            good = (actions == np.round(actions)) & (actions >= 0) & (actions < spec.choices)
            rule = f"must return whole numbers in [0, {spec.choices - 1}] from predict"
        else:
            actions = actions.reshape(lanes, spec.size)
            good = (actions >= spec.low) & (actions <= spec.high)
            rule = f"must return actions in [{spec.low:g}, {spec.high:g}] from predict"
        if not good.all():  # NaN is not good either
            raise RunError(self.config.source, rule, actions[~good][0].item())
        return actions.astype(np.int64 if spec.choices else np.float32)


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(str(path), f"must be readable ({error.strerror or error})") from None
    except ValueError:
        raise RunError(str(path), "must be the JSON that was written") from None
    return document
