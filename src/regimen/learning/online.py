"""`OnlineAgent`: an agent that steps the lanes of an environment and improves, iteration by iteration."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack

from regimen.envs import VectorEnv
from regimen.learning.agent import check_learning
from regimen.learning.checkpoint import Checkpoint, Session
from regimen.learning.iteration import Iteration, Progress
from regimen.learning.storage import Persistent
from regimen.nets import keep_freed_memory, torch_threads


class OnlineAgent(Persistent, ABC):
    """An agent that learns while it acts. Its config has ``threads``.

    Attributes:
        until_learned: of a call of `learn`: what `prepare` enters here ends with it.
    """

    until_learned: ExitStack

    def learn(
        self,
        env: VectorEnv,
        steps: int,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Iteration]:
        """Learns from an environment, which is reset first, or goes on where an earlier call stopped, bit for bit.

        Args:
            env: lanes with autoreset and the agent's own columns and actions.
            steps: environment steps over all lanes; rounded up to whole iterations.
            progress: called after every iteration; `iterate` says what its ``numbers`` are.
            checkpoint: where to write what an interrupted call needs to go on.

        Returns:
            The iterations of this call.

        Raises:
            ConfigError: fewer than one step, or an environment without autoreset; what `prepare` refuses.
            RunError: another environment than the agent was built for; an observation, reward or loss that is not
                finite; a checkpoint of another learning.
        """
        check_learning(self.spec, env, steps)
        keep_freed_memory()
        with torch_threads(self.config.threads), ExitStack() as self.until_learned:
            size = self.prepare(env)
            total = -(-steps // size) * size
            session = Session(self, env, total, progress, checkpoint)
            if not session.resume():
                self.begin(env)
            while not session.done:
                start = time.perf_counter()
                reward, entropy, numbers = self.iterate(env, session.steps, total)
                session.add(size, reward, entropy, numbers, time.perf_counter() - start)
        return session.history

    @abstractmethod
    def prepare(self, env: VectorEnv) -> int:
        """Makes room for these lanes; returns the steps of an iteration over all lanes.

        Raises:
            ConfigError: lanes that the agent's numbers do not go with.
            RunError: an environment that it cannot learn from.
        """

    @abstractmethod
    def begin(self, env: VectorEnv) -> None:
        """Begins a call of `learn` that goes on with no checkpoint: resets the lanes."""

    @abstractmethod
    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Makes an iteration after ``done`` of ``total`` steps; returns mean reward, entropy, and what else to tell."""
