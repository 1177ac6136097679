"""Several networks side by side whose forecasts become one: a deep ensemble."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import final

import torch
from torch import Tensor, nn

from regimen.errors import ConfigError, DataError
from regimen.nets.hybrid import Forecast

_STACKED = 3  # dimensions of the logits of stacked forecasts, at least: (row, member, classes)


@final
class Ensemble(nn.Module):
    """Asks every member, and keeps the answers apart: the loss needs each, the prediction their `mixture`.

    Members share no weights, so the mean of their losses gives each the gradient of its own loss, divided by their
    number. Source: Lakshminarayanan et al. 2017, arXiv 1612.01474, without the adversarial examples. Unlike there all
    members see one order of batches, and a clip of the gradient's norm is over all of them: what makes them differ is
    their first weights and their dropout.

    Args:
        members: networks that answer with a `Forecast`, each with weights of its own. They are held, not copied.

    Raises:
        ConfigError: no member, or one module twice.
    """

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        if not len(self.members):
            raise ConfigError("members", "must be 1 or more", 0)
        owned = [id(parameter) for member in self.members for parameter in member.parameters()]
        if len(set(owned)) != len(owned):
            raise ConfigError("members", "must share no weights: shared weights agree without adding knowledge")

    def forward(self, x: Tensor) -> Forecast:
        """Returns every member's forecast: logits (row, member, classes), mean and log-variance (row, member)."""
        forecasts: list[Forecast] = [member(x) for member in self.members]
        return Forecast(
            torch.stack([forecast.logits for forecast in forecasts], -2),
            torch.stack([forecast.mean for forecast in forecasts], -1),
            torch.stack([forecast.log_variance for forecast in forecasts], -1),
        )


def mixture(forecasts: Forecast) -> Forecast:
    """Returns the one forecast that the members make together, each with the same weight.

    The probabilities are the mean of the members' (the logits their logarithms); μ* = mean μ and
    σ*² = mean σ² + mean (μ − μ*)², which equals mean(σ² + μ²) − μ*² and cancels nothing. The second term is what the
    members do not agree on: it falls with more data, the first does not. A NaN stays in its row.

    Args:
        forecasts: of `Ensemble`: logits (row, member, classes), mean and log-variance (row, member).

    Returns:
        logits (row, classes), mean and log-variance (row,); of further leading axes as they came.

    Raises:
        DataError: shapes that are no stacked forecasts.

    Source: Lakshminarayanan et al. 2017, arXiv 1612.01474, section 2.4.
    """
    logits, mean, log_variance = forecasts
    stacked = logits.ndim >= _STACKED and logits.shape[:-1] == mean.shape == log_variance.shape
    if not stacked or not mean.shape[-1]:
        shapes = (tuple(logits.shape), tuple(mean.shape), tuple(log_variance.shape))
        raise DataError("forecasts", "must be (row, member, classes), (row, member) and (row, member)", shapes)
    centre = mean.mean(-1)
    disagreement = (mean - centre[..., None]).square().mean(-1)
    probability = torch.log_softmax(logits, -1).logsumexp(-2) - math.log(mean.shape[-1])
    return Forecast(probability, centre, (log_variance.exp().mean(-1) + disagreement).log())
