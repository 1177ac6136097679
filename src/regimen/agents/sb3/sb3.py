"""Every algorithm of Stable-Baselines3 behind the agents' verbs: its own code learns, unchanged."""

from __future__ import annotations

import math
import time
import warnings
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from regimen.agents.sb3.algorithm import algorithm_of, arguments_of, complaint, require_suited, rollout_of
from regimen.agents.sb3.config import SB3Config
from regimen.agents.sb3.environment import Statistics, Unseen, vec_env
from regimen.agents.sb3.state import OwnStreams, Variables
from regimen.envs import EnvSpec, VectorEnv
from regimen.learning import (
    Checkpoint,
    Iteration,
    Persistent,
    Progress,
    RunningMoments,
    Session,
    check_learning,
    observed_rows,
)
from regimen.nets import torch_threads
from regimen.seeding import generator, torch_seed
from regimen.stateful import parts


@final
class SB3(Persistent):
    """An agent: an algorithm of Stable-Baselines3, and the normaliser that belongs to it.

    Built by `SB3Config.build`. The same config, spec, seed, environment and threads give the same bytes on one machine.
    The library draws from the global random streams; here it finds streams of the agent's own in their place.

    Args:
        config: algorithm and numbers.
        spec: columns and actions of its environment.
        seed: of weights and exploration.

    Attributes:
        model: the library's object.
        observations: what the columns are normalised by; changes in `learn` only.
        iterations: reported so far.

    Raises:
        ConfigError: see `SB3Config.build`.
    """

    config: SB3Config
    settings = SB3Config
    saved = parts(policy="model.policy", variables="_variables", observations="_statistics")
    resumed = parts()

    def __init__(self, config: SB3Config, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed = config, spec, seed
        self.iterations = 0
        self.observations = RunningMoments(spec.width)
        self._statistics = Statistics(self.observations)
        self._algorithm = algorithm_of(config)
        self._streams, self._variables = OwnStreams(), Variables(lambda: self.model)
        self._random = generator(seed, "sb3", "predict")
        self._lanes: int | None = None
        with torch_threads(config.threads), self._streams.in_use(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the number of lanes, which will be another
            self.model = self._build(Unseen(spec))

    def _build(self, lanes: VectorEnv) -> BaseAlgorithm:
        kind, config = self._algorithm, self.config
        make: Any = kind
        arguments = arguments_of(config, kind, self.spec)
        seed = torch_seed(self.seed, "sb3", self.iterations) % 2**31
        try:
            model: BaseAlgorithm = make(env=self._vec_env(lanes), seed=seed, _init_setup_model=False, **arguments)
            if isinstance(lanes, Unseen) and hasattr(model, "buffer_size"):
                model.buffer_size = lanes.n_envs  # it will hold nothing
            model._setup_model()
        except (TypeError, ValueError, AssertionError, NotImplementedError) as error:
            raise complaint(error, config, kind, self.spec) from None
        model.set_logger(Logger(None, []))  # the library's own makes a folder
        return model

    def _vec_env(self, lanes: VectorEnv) -> Any:
        statistics = self._statistics if self.config.normalise_observations else None
        return vec_env(self.spec, lanes, statistics, self.config.observation_clip)

    def learn(
        self,
        env: VectorEnv,
        steps: int,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Iteration]:
        """Learns from an environment, which is reset first.

        What the library decides by the steps made so far (warm-up, exploration) is not begun anew. Another number of
        lanes than in the call before begins with an empty replay buffer and fresh optimisers.

        Args:
            env: lanes with autoreset and the agent's own columns and actions.
            steps: environment steps over all lanes; rounded up to whole rollouts of the algorithm.
            progress: called after every iteration; its ``numbers`` are what the library logs about its last update,
                and its ``entropy`` is NaN where the library logs none.
            checkpoint: of no effect: a call that was interrupted begins anew, and ends with the same bytes.

        Returns:
            The iterations of this call.

        Raises:
            ConfigError: fewer than one step; a number of lanes that does not suit the parameters.
            RunError: another environment than the agent was built for; an observation or reward that is not finite.
        """
        check_learning(self.spec, env, steps)
        require_suited(self.model, env.n_envs)
        del checkpoint  # the library cannot go on bit for bit, and begun anew it ends with the same bytes
        rollout = rollout_of(self.model, env.n_envs)
        total = -(-steps // rollout) * rollout
        with torch_threads(self.config.threads), self._streams.in_use():
            self._enter(env)
            session = Session(self, env, total, progress, None)
            report: Any = _Report(session, self.config.report_steps)
            never: Any = None
            self.model.learn(total, report, log_interval=never, reset_num_timesteps=False)
        return session.history

    def _enter(self, lanes: VectorEnv) -> None:
        """Gives the library's object these lanes; builds it anew where it was made for another number."""
        old = self.model
        if self._lanes == lanes.n_envs:
            old.set_env(self._vec_env(lanes))
            assert old.env is not None
            old.env.seed(torch_seed(self.seed, "sb3", "env", self.iterations) % 2**31)
            return
        learned = self._variables.state()
        self.model = self._build(lanes)
        self.model.policy.load_state_dict(old.policy.state_dict())
        self._variables.restore(learned)
        self._lanes = lanes.n_envs

    @torch.no_grad()
    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns actions as the environment takes them, and the state, which most algorithms do not have.

        The normaliser is frozen here. Noise that an algorithm explores with (td3, ddpg, dqn) belongs to learning: their
        policies answer alike in both modes. Draws come from a stream of the agent's own, which begins anew on `load`.

        Args:
            observation: (lane, width), or (width,) for one lane; a panel's (lane, symbol, width) is flattened.
            state: the memory that the last call returned; None begins one.
            deterministic: the most probable choice or the mean, instead of a draw.

        Raises:
            RunError: another width, or a number that is not finite.
        """
        rows, single = observed_rows(self.spec, observation)
        policy: Any = self.model.policy
        if self.config.normalise_observations:
            rows = self._statistics.normalised(rows, self.config.observation_clip)
        with torch_threads(self.config.threads), torch.random.fork_rng(devices=[], enabled=not deterministic):
            if not deterministic:
                torch.manual_seed(int(self._random.integers(2**63)))
                if self.model.use_sde:
                    policy.reset_noise(len(rows))
            actions, state = policy.predict(rows, state, None, deterministic)
        return actions[0] if single else actions, state


class _Report(BaseCallback):  # type: ignore[misc, unused-ignore]
    """Cuts the library's learning into iterations, each of which ends between an update and the next rollout."""

    def __init__(self, session: Session, steps: int) -> None:
        super().__init__()
        self._session, self._steps = session, steps
        self._mark, self._earned, self._since = 0, 0.0, 0.0

    def _on_training_start(self) -> None:
        self._begin()

    def _on_step(self) -> bool:
        self._earned += float(self.locals["rewards"].sum(dtype=np.float64))
        return True

    def _on_rollout_start(self) -> None:
        if self.model.num_timesteps - self._mark >= self._steps:
            self._tell()

    def _on_training_end(self) -> None:
        if self.model.num_timesteps > self._mark:
            self._tell()

    def _begin(self) -> None:
        self._mark, self._earned, self._since = self.model.num_timesteps, 0.0, time.perf_counter()

    def _tell(self) -> None:
        logged = self.logger.name_to_value
        numbers = {name.partition("/")[2]: float(value) for name, value in sorted(logged.items())}
        logged.clear()
        entropy = -numbers.pop("entropy_loss") if "entropy_loss" in numbers else math.nan
        steps, earned, seconds = self.model.num_timesteps - self._mark, self._earned, time.perf_counter() - self._since
        self._begin()
        self._session.add(steps, earned / steps, entropy, numbers, seconds)
