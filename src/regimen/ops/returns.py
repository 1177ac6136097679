"""Returns of a rollout on tensors: discounted, to go, n-step, λ, and generalised advantages.

Row ``t`` is one transition: from an observation ``x_t`` the action earned ``rewards[t]`` and led to a successor
``x'_t``. ``next_values[t]`` is the value of **that** successor, which differs from ``values[t + 1]`` where an
episode was cut and the environment started anew: there it is the value of the episode's final observation
(`successor_values` puts it in). The flags describe the transition:

- ``terminated``: the episode is over for good (ruin); nothing follows, so nothing is bootstrapped and
  ``next_values[t]`` is not read: it may be NaN. It wins where both flags stand.
- ``truncated``: the data or the time ran out; the value of the successor stands for what would have come.

Either flag cuts the trace: no later row, of another episode, reaches an earlier one. After the last row, too, the
value of the successor stands for the rest. All arrays are (time, ...), mostly (time, env), of one shape. A NaN spreads
to the earlier rows of its own episode and no further. The results carry gradients; detach them, or compute them
without, where they are targets. The same recursions on numpy arrays are in `regimen.ops.arrays`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from regimen.errors import ConfigError
from regimen.ops.checks import require_alike, require_flags, require_fraction, require_rollout

__all__ = ["discounted_returns", "gae", "lambda_returns", "n_step_returns", "returns_to_go", "successor_values"]


def successor_values(values: Tensor, bootstrap: Tensor, truncated: Tensor, final_values: Tensor) -> Tensor:
    """Returns the value of each row's successor: ``values`` one row later, and the final one where cut.

    Args:
        values: (time, ...), the value of the observation that each action was taken from.
        bootstrap: (...), the value of the observation after the last row.
        truncated: (time, ...) bool, true where the episode was cut and the next row starts another.
        final_values: (time, ...), the value of the final observation of a cut episode; read only where
            ``truncated``. It must not be the value of the first observation after the reset.

    Raises:
        DataError: where shapes differ or the flags are not boolean.
    """
    require_alike(values=values, truncated=truncated, final_values=final_values)
    require_flags(truncated=truncated)
    if values.shape[0] == 0:
        return values.clone()
    require_alike(**{"values[0]": values[0], "bootstrap": bootstrap})
    shifted = torch.cat([values[1:], bootstrap[None]])
    return torch.where(truncated, final_values, shifted)


def lambda_returns(
    rewards: Tensor, next_values: Tensor, terminated: Tensor, truncated: Tensor, gamma: float, lam: float
) -> Tensor:
    """Returns ``G_t = r_t + γ[(1 − λ)·V(x'_t) + λ·G_{t+1}]``, (time, ...).

    Where the episode was cut, and in the last row, the bracket is ``V(x'_t)``; where it terminated, it is 0. λ = 0
    gives one-step targets, λ = 1 discounted returns with a bootstrap.

    Raises:
        DataError: where shapes differ or flags are not boolean.
        ConfigError: where γ or λ is outside [0, 1].

    Source: Sutton & Barto (2018), equation 12.18 in recursive form.
    """
    require_rollout(terminated, truncated, rewards=rewards, next_values=next_values)
    require_fraction(gamma=gamma, lam=lam)
    zero = torch.zeros((), dtype=next_values.dtype, device=next_values.device)
    rows: list[Tensor] = []
    for t in range(rewards.shape[0] - 1, -1, -1):
        future = next_values[t]
        if rows:
            mixed = (1.0 - lam) * next_values[t] + lam * rows[-1]
            future = torch.where(truncated[t], future, mixed)
        rows.append(rewards[t] + torch.where(terminated[t], zero, gamma * future))
    return torch.stack(rows[::-1]) if rows else torch.empty_like(rewards)


def discounted_returns(
    rewards: Tensor, next_values: Tensor, terminated: Tensor, truncated: Tensor, gamma: float
) -> Tensor:
    """Returns ``G_t = r_t + γ·G_{t+1}``, (time, ...), the λ-return at λ = 1.

    ``G_{t+1}`` is ``V(x'_t)`` where the episode was cut and in the last row, and 0 where it terminated.

    Raises:
        DataError: where shapes differ or flags are not boolean.
        ConfigError: where γ is outside [0, 1].

    Source: Sutton & Barto (2018), equation 3.9.
    """
    require_rollout(terminated, truncated, rewards=rewards, next_values=next_values)
    require_fraction(gamma=gamma)
    zero = torch.zeros((), dtype=next_values.dtype, device=next_values.device)
    rows: list[Tensor] = []
    for t in range(rewards.shape[0] - 1, -1, -1):
        future = torch.where(truncated[t], next_values[t], rows[-1]) if rows else next_values[t]
        rows.append(rewards[t] + torch.where(terminated[t], zero, gamma * future))
    return torch.stack(rows[::-1]) if rows else torch.empty_like(rewards)


def returns_to_go(rewards: Tensor, ended: Tensor, gamma: float = 1.0) -> Tensor:
    """Returns ``R_t = r_t + γ·R_{t+1}`` within each episode, (time, ...): what was really earned from here.

    No value is bootstrapped: a cut episode and the last row count nothing of what would have come. So rows near a
    cut promise less than the same rows would in the middle.

    Args:
        rewards: (time, ...).
        ended: (time, ...) bool, true in the last row of an episode: terminated or truncated.
        gamma: the discount; 1 in the paper.

    Raises:
        DataError: where shapes differ or the flags are not boolean.
        ConfigError: where γ is outside [0, 1].

    Source: Chen et al. 2021 (Decision Transformer), arXiv 2106.01345, section 3.
    """
    require_alike(rewards=rewards, ended=ended)
    require_flags(ended=ended)
    return discounted_returns(rewards, torch.zeros_like(rewards), ended, torch.zeros_like(ended), gamma)


def n_step_returns(
    rewards: Tensor, next_values: Tensor, terminated: Tensor, truncated: Tensor, gamma: float, steps: int
) -> Tensor:
    """Returns ``G_t = r_t + … + γ^(m−1)·r_{t+m−1} + γ^m·V(x'_{t+m−1})``, (time, ...).

    ``m`` is ``steps``, or fewer where the episode or the rollout ends before; the last term is missing where it
    terminated. One step gives TD targets, at least as many steps as rows the discounted returns.

    Raises:
        DataError: where shapes differ or flags are not boolean.
        ConfigError: where γ is outside [0, 1] or ``steps`` below 1.

    Source: Sutton & Barto (2018), equation 7.1.
    """
    require_rollout(terminated, truncated, rewards=rewards, next_values=next_values)
    require_fraction(gamma=gamma)
    if steps < 1:
        raise ConfigError("steps", "must be at least 1", steps)
    zero = torch.zeros((), dtype=next_values.dtype, device=next_values.device)
    returns = rewards + torch.where(terminated, zero, gamma * next_values)
    for _ in range(min(steps, rewards.shape[0]) - 1):
        later = torch.cat([returns[1:], next_values[-1:]])
        future = torch.where(truncated, next_values, later)
        returns = rewards + torch.where(terminated, zero, gamma * future)
    return returns


def gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    lam: float,
) -> Tensor:
    """Returns the advantages ``A_t = δ_t + γλ·A_{t+1}``, ``δ_t = r_t + γ·V(x'_t) − V(x_t)``, (time, ...).

    ``V(x'_t)`` is left out where the episode terminated; ``A_{t+1}`` where it terminated or was cut. λ = 0 gives
    the one-step advantage, λ = 1 the discounted return minus the value. ``advantages + values`` are the λ-returns
    that the value function is fitted to.

    Raises:
        DataError: where shapes differ or flags are not boolean.
        ConfigError: where γ or λ is outside [0, 1].

    Source: Schulman et al. 2016, arXiv 1506.02438, equation 16.
    """
    require_rollout(terminated, truncated, rewards=rewards, values=values, next_values=next_values)
    require_fraction(gamma=gamma, lam=lam)
    zero = torch.zeros((), dtype=next_values.dtype, device=next_values.device)
    delta = rewards + torch.where(terminated, zero, gamma * next_values) - values
    ended = terminated | truncated
    rows: list[Tensor] = []
    for t in range(rewards.shape[0] - 1, -1, -1):
        rows.append(delta[t] + torch.where(ended[t], zero, gamma * lam * rows[-1]) if rows else delta[t])
    return torch.stack(rows[::-1]) if rows else torch.empty_like(rewards)
