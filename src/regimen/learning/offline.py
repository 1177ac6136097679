"""`OfflineAgent`: the updates that an agent makes with recorded trajectories, iteration by iteration."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.envs import VectorEnv
from regimen.errors import ConfigError, RunError
from regimen.learning.agent import check_learning
from regimen.learning.checkpoint import Checkpoint, Session
from regimen.learning.dataset_config import DatasetConfig
from regimen.learning.datasets import recorded, require_fit
from regimen.learning.iteration import Iteration, Progress
from regimen.learning.storage import Persistent
from regimen.nets import keep_freed_memory, torch_threads
from regimen.replay import Trajectories
from regimen.seeding import generator


class OfflineAgent(Persistent, ABC):
    """An agent that learns from recorded transitions.

    Its config has ``dataset``, ``updates``, ``report_updates`` and ``threads``.
    """

    def learn(
        self,
        env: VectorEnv,
        steps: int,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Iteration]:
        """Records ``steps`` transitions with the config's behaviour, then makes the config's ``updates`` with them.

        The dataset depends on the agent's seed, on the environment and on ``steps``, and on nothing else: a call that
        goes on with a checkpoint records it again, bit for bit, and a second call studies the same data further.

        Args:
            env: lanes with autoreset and the agent's own columns and actions; reset first.
            steps: transitions over all lanes; rounded up to whole steps of all lanes.
            progress: called after every iteration; see `learn_from`.
            checkpoint: where to write what an interrupted call needs to go on, bit for bit.

        Returns:
            The iterations of this call.

        Raises:
            ConfigError: fewer than one step; a behaviour that the environment cannot have.
            RunError: another environment than the agent was built for; see also `learn_from`.
        """
        check_learning(self.spec, env, steps)
        dataset: DatasetConfig = self.config.dataset
        own = int(generator(self.seed, "offline").integers(2**31))
        return self.learn_from(recorded(dataset, env, steps, own), None, progress, checkpoint)

    def learn_from(
        self,
        trajectories: Trajectories,
        updates: int | None = None,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Iteration]:
        """Makes updates with recorded trajectories and goes on where a checkpoint stopped, bit for bit.

        An `Iteration` is ``report_updates`` updates. Nothing acts meanwhile, so its ``total`` is the number of
        transitions in the data, and its ``steps`` are that number in proportion to the updates made: they run to
        ``total`` whatever the number of updates is. They are rounded up, so that half of the updates are never told as
        fewer steps than half. Its ``reward`` is the mean of the data, what the behaviour earned.

        Args:
            trajectories: with the agent's columns and actions: a file, a backtest's (see `offline.as_choices`).
            updates: how many; None: the config's.
            progress: called after every iteration; `improve` says what its ``numbers`` are.
            checkpoint: where to write what an interrupted call needs to go on.

        Returns:
            The iterations of this call.

        Raises:
            ConfigError: fewer than one update; what `begin` refuses.
            RunError: data that the agent cannot learn from; a loss that is not finite; a checkpoint of another
                learning or of other data.
        """
        config = self.config
        total = config.updates if updates is None else updates
        if total < 1:
            raise ConfigError("updates", "must be at least 1", total)
        require_fit(self.spec, trajectories)
        session = Session(self, Shelf(trajectories, total), len(trajectories), progress, checkpoint)
        reward = float(trajectories.rewards.mean())
        keep_freed_memory()
        with torch_threads(config.threads):
            session.resume()
            self.begin(trajectories)
            done = len(session.history) * config.report_updates
            while done < total:
                start = time.perf_counter()
                count = min(config.report_updates, total - done)
                entropy, numbers = self.improve(done, count, total)
                done += count
                fresh = -(-len(trajectories) * done // total) - session.steps
                session.add(fresh, reward, entropy, numbers, time.perf_counter() - start)
        return session.history

    @abstractmethod
    def begin(self, trajectories: Trajectories) -> None:
        """Takes in the data that `improve` will draw from; fits the normalisers of an agent that has none yet.

        Called after a checkpoint is read back, whose normalisers may be of earlier data.
        """

    @abstractmethod
    def improve(self, first: int, count: int, total: int) -> tuple[float, Mapping[str, float]]:
        """Makes the updates [first, first + count) of ``total``; returns the policy's entropy and what else to tell."""


@final
class Shelf:
    """Recorded data in the place where a session has its environment: what a checkpoint must find again.

    Args:
        trajectories: the data.
        updates: that are to be made with it.
    """

    def __init__(self, trajectories: Trajectories, updates: int) -> None:
        self.n_envs = 1
        digest = hashlib.sha256(f"{updates} {trajectories.choices} {trajectories.actions.shape}".encode())
        for name in ("observations", "actions", "rewards", "terminated", "truncated", "final_observations"):
            digest.update(getattr(trajectories, name).data)
        self._digest = np.frombuffer(digest.digest(), np.uint8).copy()

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the SHA-256 of data and number of updates."""
        return {"digest": self._digest}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Refuses a state of other data or another number of updates.

        Raises:
            RunError: it is one.
        """
        if not np.array_equal(state["digest"], self._digest):
            raise RunError("checkpoint", "must be of the same trajectories and number of updates")
