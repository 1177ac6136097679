"""`learn_online`: an agent steps the lanes of an environment and improves, iteration by iteration."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from regimen.envs import VectorEnv
from regimen.learning.agent import check_learning
from regimen.learning.checkpoint import Checkpoint, Learner, Session
from regimen.learning.iteration import Iteration, Progress
from regimen.nets import torch_threads


class OnlineLearner(Learner, Protocol):
    """What `learn_online` asks of an agent. Its config has ``threads``."""

    def prepare(self, env: VectorEnv) -> int:
        """Makes room for these lanes; returns the steps of an iteration over all lanes.

        Raises:
            ConfigError: lanes that the agent's numbers do not go with.
            RunError: an environment that it cannot learn from.
        """

    def begin(self, env: VectorEnv) -> None:
        """Begins a call of `learn` that goes on with no checkpoint: resets the lanes."""

    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Makes an iteration after ``done`` of ``total`` steps; returns mean reward, entropy, and what else to tell."""


def learn_online(
    agent: OnlineLearner, env: VectorEnv, steps: int, progress: Progress | None, checkpoint: Checkpoint | None
) -> list[Iteration]:
    """Lets an agent learn from lanes, which are reset first, or goes on where a checkpoint stopped, bit for bit.

    Args:
        agent: learns.
        env: lanes with autoreset and the agent's own columns and actions.
        steps: environment steps over all lanes; rounded up to whole iterations.
        progress: called after every iteration.
        checkpoint: where to write what an interrupted call needs to go on.

    Returns:
        The iterations of this call.

    Raises:
        ConfigError: fewer than one step, or an environment without autoreset; what `prepare` refuses.
        RunError: another environment than the agent was built for; an observation, reward or loss that is not finite;
            a checkpoint of another learning.
    """
    check_learning(agent.spec, env, steps)
    with torch_threads(agent.config.threads):
        size = agent.prepare(env)
        total = -(-steps // size) * size
        session = Session(agent, env, total, progress, checkpoint)
        if not session.resume():
            agent.begin(env)
        while not session.done:
            start = time.perf_counter()
            reward, entropy, numbers = agent.iterate(env, session.steps, total)
            session.add(size, reward, entropy, numbers, time.perf_counter() - start)
    return session.history
