"""The deterministic heads of Stable-Baselines3's policies, without the library's own checks and distributions."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, final

from torch import Tensor, nn

from regimen.runs.exporting.agents.body import Body
from regimen.runs.exporting.agents.inputs import NormalisedWide
from regimen.runs.exporting.decision import not_exportable

if TYPE_CHECKING:
    from regimen.agents import SB3


@final
class SB3Body(Body):
    """Logits or Q of the choices, or the mean within the environment's bounds.

    The policies that are known: those of ppo, a2c and trpo (an actor beside a critic), of sac and tqc, of td3 and ddpg,
    of dqn and of qrdqn, whose Q is the mean of its quantiles. The confidence of Q is that of softmax(Q).

    Raises:
        RunError: another policy of the library.
    """

    def __init__(self, agent: SB3) -> None:
        super().__init__()
        config, policy = agent.config, agent.model.policy
        layers, self.squashed = layers_of(policy)
        self.layers = deepcopy(layers).eval()
        self.spec = agent.spec
        self.inputs = (
            NormalisedWide(agent.observations, config.observation_clip)
            if config.normalise_observations
            else nn.Identity()
        )

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        output, spec = self.layers(self.inputs(row)), self.spec
        if spec.choices is not None:
            return output, memory
        if self.squashed:
            output = spec.low + 0.5 * (output + 1.0) * (spec.high - spec.low)
        return output.clamp(spec.low, spec.high), memory


@final
class _Mean(nn.Module):
    """The mean (n, choices) of quantiles (n, quantiles, choices)."""

    def forward(self, quantiles: Tensor) -> Tensor:
        return quantiles.mean(1)


def layers_of(policy: Any) -> tuple[nn.Sequential, bool]:
    """Returns the layers from a normalised observation to the policy's output, and whether that lies in [−1, 1].

    Args:
        policy: the library's.

    Raises:
        RunError: a policy whose layers are not known here.
    """
    from stable_baselines3.common.policies import ActorCriticPolicy
    from stable_baselines3.dqn.policies import DQNPolicy
    from stable_baselines3.sac.policies import SACPolicy
    from stable_baselines3.td3.policies import TD3Policy

    kind = type(policy)
    name = f"{kind.__module__}.{kind.__qualname__}"  # of sb3-contrib, which need not be there
    if kind is ActorCriticPolicy:
        body = policy.pi_features_extractor, policy.mlp_extractor.policy_net, policy.action_net
        return nn.Sequential(*body, *([nn.Tanh()] if policy.squash_output else [])), policy.squash_output
    if kind is SACPolicy or name == "sb3_contrib.tqc.policies.TQCPolicy":
        actor = policy.actor
        return nn.Sequential(actor.features_extractor, actor.latent_pi, actor.mu, nn.Tanh()), True
    if kind is TD3Policy:
        return nn.Sequential(policy.actor.features_extractor, policy.actor.mu), True
    if kind is DQNPolicy:
        return nn.Sequential(policy.q_net.features_extractor, policy.q_net.q_net), False
    if name == "sb3_contrib.qrdqn.policies.QRDQNPolicy":
        net = policy.quantile_net
        quantiles = net.n_quantiles, int(net.action_space.n)
        return nn.Sequential(net.features_extractor, net.quantile_net, nn.Unflatten(1, quantiles), _Mean()), False
    raise not_exportable(policy)
