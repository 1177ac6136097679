"""The agents whose network sees one observation and remembers nothing: PPO, V-trace, SAC, CQL, ES, the analytic."""

from __future__ import annotations

from copy import deepcopy
from typing import final

from torch import Tensor, nn

from regimen import ops
from regimen.agents import CQL, ES, MOSAC, PPO, SAC, Analytic, Cloned, HybridES, VTraceAgent
from regimen.envs import EnvSpec
from regimen.runs.exporting.agents.body import Body
from regimen.runs.exporting.agents.inputs import Normalised


@final
class PPOBody(Body):
    """Logits of the choices, or the mean within the environment's bounds."""

    def __init__(self, agent: PPO | VTraceAgent) -> None:
        super().__init__()
        config = agent.config
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.network = deepcopy(agent.network)

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        network = self.network
        return network.to_env(network.actor(self.inputs(row))), memory


@final
class ClonedBody(Body):
    """Logits of the expert's choices, or its mean within the environment's bounds."""

    def __init__(self, agent: Cloned) -> None:
        super().__init__()
        config, self.spec = agent.config, agent.spec
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.network = deepcopy(agent.network)

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        spec, output = self.spec, self.network(self.inputs(row))
        if spec.choices is not None:
            return output, memory
        middle, half = 0.5 * (spec.low + spec.high), 0.5 * (spec.high - spec.low)
        return (middle + half * output).clamp(spec.low, spec.high), memory


@final
class SACBody(Body):
    """Logits of the choices, or the tanh of the mean within the environment's bounds.

    Of a population beside it, the parent in the place of the actor, where that is ahead.
    """

    def __init__(self, agent: SAC | HybridES) -> None:
        super().__init__()
        actor = agent.actor if isinstance(agent, HybridES) else agent.soft.actor
        agent = agent.learner if isinstance(agent, HybridES) else agent
        config, self.spec = agent.config, agent.spec
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.actor = deepcopy(actor)

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        return _soft_output(self.actor(self.inputs(row).mT)[0], self.spec), memory


def _soft_output(output: Tensor, spec: EnvSpec) -> Tensor:
    if spec.choices is not None:
        return output.mT
    middle, half = 0.5 * (spec.low + spec.high), 0.5 * (spec.high - spec.low)
    return (middle + half * ops.squashed_mode(output[: spec.size])).clamp(spec.low, spec.high).mT


@final
class MOSACBody(Body):
    """As `SACBody`; the preference is in the row."""

    def __init__(self, agent: MOSAC) -> None:
        super().__init__()
        config, self.spec = agent.config, agent.spec
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.actor = deepcopy(agent.soft.actor)

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        return _soft_output(self.actor(self.inputs(row).mT)[0], self.spec), memory


@final
class ESBody(Body):
    """Scores of the choices, or the action within the environment's bounds."""

    def __init__(self, agent: ES) -> None:
        super().__init__()
        config, self.spec = agent.config, agent.spec
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.network = deepcopy(agent.network)

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        spec = self.spec
        output = self.network(self.inputs(row).mT)[0].mT
        if spec.choices is not None:
            return output, memory
        middle, half = 0.5 * (spec.low + spec.high), 0.5 * (spec.high - spec.low)
        return (middle + half * output).clamp(spec.low, spec.high), memory


@final
class CQLBody(Body):
    """Q of every choice, the mean of the critics, in their own unit: one deviation of a reward.

    Its confidence is that of softmax(Q / temperature) where the agent draws at a temperature; else of softmax(Q), the
    distribution that the conservative penalty is written with.
    """

    def __init__(self, agent: CQL) -> None:
        super().__init__()
        config = agent.config
        self.temperature = config.temperature or 1.0
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.critics = deepcopy(agent.critics).cpu()

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        return self.critics(self.inputs(row).mT).mean(0).mT, memory


@final
class AnalyticBody(Body):
    """Where the band moves the position that the observation shows."""

    def __init__(self, agent: Analytic) -> None:
        super().__init__()
        config, self.spec = agent.config, agent.spec
        self.position = len(agent.observations.mean)
        self.inputs = (
            Normalised(agent.observations, config.observation_clip, True)
            if config.normalise_observations
            else nn.Identity()
        )
        self.network = deepcopy(agent.network)

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        band = self.network(self.inputs(row[:, : self.position]))
        moved = band.move(row[:, self.position].double())
        return moved.clamp(self.spec.low, self.spec.high).float()[:, None], memory
