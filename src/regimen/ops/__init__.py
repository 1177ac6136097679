"""Pure mathematics of reinforcement learning on tensors: returns, advantages, losses, distributions.

No networks, no loops over data, no random state: what is random takes its noise as an argument. The functions are the
same on every device. The recursions over time exist a second time, compiled and on numpy arrays, in
`regimen.ops.arrays`.
"""

from regimen.ops.categorical import (
    categorical_entropy,
    categorical_log_prob,
    categorical_log_probs,
    categorical_mode,
    categorical_sample,
)
from regimen.ops.cql import conservative_loss, conservative_weight_loss
from regimen.ops.critic import explained_variance, huber_loss, quantile_huber_loss, value_loss
from regimen.ops.evolution import centred_ranks, evolution_gradient
from regimen.ops.gaussian import (
    SquashedSample,
    gaussian_entropy,
    gaussian_log_prob,
    squashed_entropy,
    squashed_log_prob,
    squashed_mode,
    squashed_sample,
    unsquash,
)
from regimen.ops.likelihood import gaussian_nll, pinball, poisson_deviance
from regimen.ops.multitask import pcgrad, uncertainty_weighted
from regimen.ops.policy_gradient import masked_mean, normalise_advantages, policy_gradient_loss
from regimen.ops.polyak import polyak_update
from regimen.ops.ppo import Surrogate, clipped_surrogate, entropy_loss
from regimen.ops.q_learning import double_dqn_target, dqn_target
from regimen.ops.returns import (
    discounted_returns,
    gae,
    lambda_returns,
    n_step_returns,
    returns_to_go,
    successor_values,
)
from regimen.ops.sac import sac_actor_loss, sac_critic_loss, sac_target, sac_temperature_loss
from regimen.ops.smoothing import Certificate, certified_radius, certify
from regimen.ops.vtrace import VTrace, vtrace

__all__ = [
    "Certificate",
    "SquashedSample",
    "Surrogate",
    "VTrace",
    "categorical_entropy",
    "categorical_log_prob",
    "categorical_log_probs",
    "categorical_mode",
    "categorical_sample",
    "centred_ranks",
    "certified_radius",
    "certify",
    "clipped_surrogate",
    "conservative_loss",
    "conservative_weight_loss",
    "discounted_returns",
    "double_dqn_target",
    "dqn_target",
    "entropy_loss",
    "evolution_gradient",
    "explained_variance",
    "gae",
    "gaussian_entropy",
    "gaussian_log_prob",
    "gaussian_nll",
    "huber_loss",
    "lambda_returns",
    "masked_mean",
    "n_step_returns",
    "normalise_advantages",
    "pcgrad",
    "pinball",
    "poisson_deviance",
    "policy_gradient_loss",
    "polyak_update",
    "quantile_huber_loss",
    "returns_to_go",
    "sac_actor_loss",
    "sac_critic_loss",
    "sac_target",
    "sac_temperature_loss",
    "squashed_entropy",
    "squashed_log_prob",
    "squashed_mode",
    "squashed_sample",
    "successor_values",
    "uncertainty_weighted",
    "unsquash",
    "value_loss",
    "vtrace",
]
