"""V-trace: value targets and advantages from actions that an older policy chose."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from regimen.errors import ConfigError
from regimen.ops.checks import require_alike, require_fraction, require_positive, require_rollout

__all__ = ["VTrace", "vtrace"]


class VTrace(NamedTuple):
    """What `vtrace` returns, each (time, ...).

    Attributes:
        targets: ``v_t``, what the value function is fitted to.
        advantages: ``ρ_t(r_t + γ·v(x'_t) − V(x_t))``, the weight of the policy gradient.
    """

    targets: Tensor
    advantages: Tensor


@torch.no_grad()
def vtrace(
    log_ratio: Tensor,
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    lam: float = 1.0,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
) -> VTrace:
    """Returns V-trace targets and advantages.

    With ``ρ_t = min(ρ̄, π(a_t|x_t)/μ(a_t|x_t))`` and ``c_t = λ·min(c̄, π/μ)``:

    ``v_t − V(x_t) = ρ_t(r_t + γ·V(x'_t) − V(x_t)) + γ·c_t·(v(x'_t) − V(x'_t))``

    On policy, with λ = 1, the targets are discounted returns; with any λ, λ-returns. What a terminated or cut
    episode, or the last row, means is said in `regimen.ops.returns`: ``v(x'_t) = V(x'_t)`` where the trace is cut,
    and both are 0 where the episode terminated. The results carry no gradient: they are targets.

    Args:
        log_ratio: (time, ...), ``log π(a_t|x_t) − log μ(a_t|x_t)``: the policy that learns, over the one that acted.
        rewards: (time, ...).
        values: (time, ...), ``V(x_t)`` under the learner's value function.
        next_values: (time, ...), ``V(x'_t)``.
        terminated: (time, ...) bool.
        truncated: (time, ...) bool.
        gamma: the discount.
        lam: a further decay of the trace; 1 in the paper's main text.
        rho_bar: ρ̄; decides which policy's value is the fixed point (infinite: that of π). It also clips the weight
            of the advantages.
        c_bar: c̄; decides how fast, at what variance.

    Raises:
        DataError: where shapes differ or flags are not boolean.
        ConfigError: where γ or λ is outside [0, 1], ρ̄ or c̄ is not positive, or c̄ > ρ̄.

    Source: Espeholt et al. 2018 (IMPALA), arXiv 1802.01561, equation 1, remarks 1 and 2, section 4.2.
    """
    require_alike(rewards=rewards, log_ratio=log_ratio)
    require_rollout(terminated, truncated, rewards=rewards, values=values, next_values=next_values)
    require_fraction(gamma=gamma, lam=lam)
    require_positive(rho_bar=rho_bar, c_bar=c_bar)
    if c_bar > rho_bar:
        raise ConfigError("c_bar", f"must not exceed rho_bar, {rho_bar:g}", c_bar)
    zero = torch.zeros((), dtype=values.dtype, device=values.device)
    ratio = log_ratio.exp()
    rho = ratio.clamp(max=rho_bar)
    trace = lam * ratio.clamp(max=c_bar)
    delta = rho * (rewards + torch.where(terminated, zero, gamma * next_values) - values)
    ended = terminated | truncated
    excess = torch.empty_like(delta)  # v_t − V(x_t)
    later = torch.zeros_like(delta)  # v(x'_t) − V(x'_t)
    for t in range(rewards.shape[0] - 1, -1, -1):
        if t + 1 < rewards.shape[0]:
            later[t] = torch.where(ended[t], zero, excess[t + 1])
        excess[t] = delta[t] + torch.where(ended[t], zero, gamma * trace[t] * later[t])
    future = torch.where(terminated, zero, gamma * (next_values + later))
    return VTrace(values + excess, rho * (rewards + future - values))
