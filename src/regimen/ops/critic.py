"""What a value function is fitted by, and how much of the returns it explains."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from regimen.errors import DataError
from regimen.ops.checks import require_alike, require_batch, require_positive
from regimen.ops.policy_gradient import kept, masked_mean

__all__ = ["explained_variance", "huber_loss", "quantile_huber_loss", "value_loss"]


def value_loss(
    values: Tensor,
    targets: Tensor,
    old_values: Tensor | None = None,
    clip: float | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Returns ``½·mean((V − G)²)``, or with a clip ``½·mean(max((V − G)², (V_c − G)²))``; a scalar.

    ``V_c = V_old + clamp(V − V_old, −clip, clip)``: an entry that has already moved further than ``clip`` towards
    its target has no gradient. The clip is in the unit of the values, so it means nothing for unscaled rewards.

    Args:
        values: ``V(x)``, any shape; carries the gradient.
        targets: ``G``, of the same shape; held fixed.
        old_values: the values when the rollout was made, of the same shape; held fixed.
        clip: given together with ``old_values``, or neither.
        mask: bool of the same shape, false in padding, or None.

    Raises:
        DataError: where shapes differ, the mask is not boolean, no entry is left, or one of ``old_values`` and
            ``clip`` comes without the other.
        ConfigError: where ``clip`` is not positive.

    Source: Schulman et al. 2017, arXiv 1707.06347, equation 9; the clip is of the authors' code, not of the paper.
    """
    require_batch(values=values, targets=targets)
    values, targets = kept(values, mask), kept(targets.detach(), mask)
    error = (values - targets).square()
    if old_values is None and clip is None:
        return 0.5 * masked_mean(error, mask)
    if old_values is None or clip is None:
        raise DataError("old_values, clip", "must be given together")
    require_alike(values=values, old_values=old_values)
    require_positive(clip=clip)
    old_values = kept(old_values.detach(), mask)
    nearby = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * masked_mean(torch.maximum(error, (nearby - targets).square()), mask)


def huber_loss(values: Tensor, targets: Tensor, delta: float = 1.0) -> Tensor:
    """Returns the mean of ``½e²`` where ``|e| ≤ delta``, else of ``delta·(|e| − ½·delta)``; a scalar.

    Args:
        values: any shape; carries the gradient.
        targets: of the same shape; held fixed.
        delta: where the parabola becomes a line; the largest gradient of an entry.

    Raises:
        DataError: where shapes differ or there is no entry.
        ConfigError: where ``delta`` is not positive.

    Source: Huber (1964).
    """
    require_batch(values=values, targets=targets)
    require_positive(delta=delta)
    return F.huber_loss(values, targets.detach(), delta=delta)


def quantile_huber_loss(quantiles: Tensor, targets: Tensor, kappa: float = 1.0) -> Tensor:
    """Returns the quantile regression loss of ``quantiles`` against samples of the target distribution; a scalar.

    ``Σ_i mean_j |τ_i − 1{u_ij < 0}|·L_κ(u_ij)/κ``, averaged over the rows, with ``u_ij = targets_j − quantiles_i``,
    ``τ_i = (i + ½)/K``, and ``L_κ`` the Huber loss. For small κ its minimum is at the quantiles τ_i of the target.

    Args:
        quantiles: (batch, K); carries the gradient.
        targets: (batch, J); held fixed. J may differ from K.
        kappa: where the parabola becomes a line.

    Raises:
        DataError: where either is not two-dimensional or empty, or the numbers of rows differ.
        ConfigError: where ``kappa`` is not positive.

    Source: Dabney et al. 2018 (QR-DQN), arXiv 1710.10044, equations 9 and 10 and algorithm 1.
    """
    for name, array in (("quantiles", quantiles), ("targets", targets)):
        if array.ndim != 2 or 0 in array.shape:
            raise DataError(name, "must be (batch, quantiles) and not empty", tuple(array.shape))
    require_alike(**{"quantiles[:, 0]": quantiles[:, 0], "targets[:, 0]": targets[:, 0]})
    require_positive(kappa=kappa)
    count = quantiles.shape[1]
    levels = (torch.arange(count, dtype=quantiles.dtype, device=quantiles.device) + 0.5) / count
    error = targets.detach()[:, None, :] - quantiles[:, :, None]  # (batch, K, J)
    size = error.abs()
    loss = torch.where(size <= kappa, 0.5 * error.square(), kappa * (size - 0.5 * kappa))
    weight = (levels[None, :, None] - (error.detach() < 0).to(error.dtype)).abs()
    return (weight * loss / kappa).mean(2).sum(1).mean()


@torch.no_grad()
def explained_variance(values: Tensor, targets: Tensor) -> float:
    """Returns ``1 − Var(G − V)/Var(G)``: 1 is perfect, 0 no better than a constant, below 0 worse.

    NaN where the targets do not vary, or either has a NaN.

    Args:
        values: any shape.
        targets: of the same shape.

    Raises:
        DataError: where shapes differ or there is no entry.
    """
    require_batch(values=values, targets=targets)
    targets = targets.double()
    spread = targets.var(correction=0)
    if float(spread) == 0.0:
        return float("nan")
    return float(1.0 - (targets - values.double()).var(correction=0) / spread)
