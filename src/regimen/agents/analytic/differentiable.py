"""Markets that a gradient can go back through: what a step pays as a function of the band that decides positions.

Recorded prices do not answer to a small account, so that the only way from an action to a later reward is the account:
position, cash, equity. That way is short and known. Each market here gives the rewards of the environment that it was
made of, step for step; the tests hold them together.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.envs import VectorEnv, VectorMarket
from regimen.errors import RunError
from regimen.jit import jit

Floats = NDArray[np.float64]


class Band(NamedTuple):
    """Where positions go: x_t = x_{t−1} + rate·(clamp(x_{t−1}, lower, upper) − x_{t−1}); float64, lower ≤ upper."""

    lower: Tensor
    upper: Tensor
    rate: Tensor

    def move(self, position: Tensor) -> Tensor:
        """Returns x_t (...) of x_{t−1} (...); inside the band exactly x_{t−1}."""
        near = torch.minimum(torch.maximum(position, self.lower), self.upper)
        return near + (1.0 - self.rate) * (position - near)  # exact inside the band, and at the rate 1


class DifferentiableMarket(Protocol):
    """A path that lanes walk along; rewards are a function of the band that torch can differentiate.

    Attributes:
        starts: (start,) bars at which a lane may begin.
        last: the last bar at which a position can be decided.
        unit: deviation of what a position of 1 gains in a bar: the scale of rewards.
    """

    starts: NDArray[np.int64]
    last: int
    unit: float

    def shown(self, bars: Tensor) -> Tensor:
        """Returns (..., column) float32 that lanes see of the market at the close of bars (...)."""

    def unroll(self, bars: Tensor, positions: Tensor, band: Band) -> tuple[Tensor, float]:
        """Walks lanes that hold positions (lane,) at first along bars (time, lane).

        Args:
            bars: consecutive in time.
            positions: float64, not differentiated.
            band: of every bar, (time, lane).

        Returns:
            (time, lane) rewards, and the mean |x_t − x_{t−1}|.
        """


class Terms(Protocol):
    """What a `PositionMarket` pays: U(cash + x·(gain − cash)) − c|Δx| − (λ/2)Δx² − (κ/2)x².

    Attributes:
        proportional, quadratic, holding: c, λ, κ.
        aversion: γ of U: 0: U(g) = g; 1: log(1 + g); else ((1 + g)^{1−γ} − 1)/(1 − γ).
        cash: what the rest earns.
    """

    @property
    def proportional(self) -> float: ...
    @property
    def quadratic(self) -> float: ...
    @property
    def holding(self) -> float: ...
    @property
    def aversion(self) -> float: ...
    @property
    def cash(self) -> float: ...


def differentiable(env: VectorEnv) -> DifferentiableMarket:
    """Returns the market of an environment: of a `VectorMarket`, or of one with a ``path``.

    A ``path`` is (shown (time, column), gains (time,), `Terms`): the position decided at bar t gains ``gains[t]``.

    Raises:
        RunError: anything that has no gradient, by its name.
    """
    if isinstance(env, VectorMarket):
        from regimen.agents.analytic.differentiable_account import AccountMarket

        return AccountMarket(env)
    path = getattr(env, "path", None)
    if path is None:
        raise RunError("env", "must be a VectorMarket or have a path, to be differentiated", type(env).__name__)
    return PositionMarket(*path)


@jit
def _forward(
    x: Floats, gains: Floats, lower: Floats, upper: Floats, rate: Floats, terms: tuple[float, ...], rewards: Floats
) -> None:
    """Fills positions x (time + 1, lane) below row 0, and rewards (time, lane)."""
    proportional, quadratic, holding, aversion, cash = terms
    for t in range(rewards.shape[0]):
        for n in range(rewards.shape[1]):
            before = x[t, n]
            near = min(max(before, lower[t, n]), upper[t, n])
            position = near + (1.0 - rate[t, n]) * (before - near)
            traded = position - before
            growth = cash + position * (gains[t, n] - cash)
            if aversion == 1.0:
                growth = math.log1p(growth)
            elif aversion != 0.0:
                growth = ((1.0 + growth) ** (1.0 - aversion) - 1.0) / (1.0 - aversion)
            rewards[t, n] = (
                growth
                - proportional * abs(traded)
                - 0.5 * quadratic * traded * traded
                - 0.5 * holding * position * position
            )
            x[t + 1, n] = position


@jit
def _backward(
    x: Floats,
    gains: Floats,
    lower: Floats,
    upper: Floats,
    rate: Floats,
    terms: tuple[float, ...],
    weights: Floats,
    of_lower: Floats,
    of_upper: Floats,
    of_rate: Floats,
) -> None:
    """Fills the derivatives (time, lane) of Σ weights·rewards: the adjoint of `_forward`, last bar first."""
    proportional, quadratic, holding, aversion, cash = terms
    later = np.zeros(x.shape[1])  # of what comes after bar t, with respect to x_t
    for t in range(weights.shape[0] - 1, -1, -1):
        for n in range(weights.shape[1]):
            before, position, weight, share = x[t, n], x[t + 1, n], weights[t, n], rate[t, n]
            traded = position - before
            excess = gains[t, n] - cash
            slope = excess
            if aversion != 0.0:
                slope *= (1.0 + cash + position * excess) ** -aversion
            charge = proportional * np.sign(traded) + quadratic * traded
            of_position = later[n] + weight * (slope - holding * position - charge)
            kept = 1.0 - share
            if before < lower[t, n]:
                of_lower[t, n], of_upper[t, n] = share * of_position, 0.0
                of_rate[t, n] = (lower[t, n] - before) * of_position
            elif before > upper[t, n]:
                of_lower[t, n], of_upper[t, n] = 0.0, share * of_position
                of_rate[t, n] = (upper[t, n] - before) * of_position
            else:
                of_lower[t, n], of_upper[t, n], of_rate[t, n], kept = 0.0, 0.0, 0.0, 1.0
            later[n] = weight * charge + kept * of_position


class _Unroll(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, lower: Tensor, upper: Tensor, rate: Tensor, start: Tensor, gains: Tensor, terms: tuple[float, ...]
    ) -> tuple[Tensor, Tensor]:
        x, rewards = torch.empty((len(gains) + 1, gains.shape[1]), dtype=torch.float64), torch.empty_like(gains)
        x[0] = start
        paid, low, high, share = (part.detach().contiguous().numpy() for part in (gains, lower, upper, rate))
        _forward(x.numpy(), paid, low, high, share, terms, rewards.numpy())
        context.parts = x.numpy(), paid, low, high, share, terms
        context.mark_non_differentiable(x)
        return rewards, x

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, gains, lower, upper, rate, terms = context.parts
        weights = gradients[0].contiguous()
        derivatives = [torch.empty_like(weights) for _ in range(3)]
        of_lower, of_upper, of_rate = (part.numpy() for part in derivatives)
        _backward(x, gains, lower, upper, rate, terms, weights.numpy(), of_lower, of_upper, of_rate)
        return (*derivatives, None, None, None)


@final
class PositionMarket:
    """A utility of a position's gain, less charges for trading and for holding.

    Forward and backward are one compiled pass each; |Δx| has the derivative 0 at 0.

    Args:
        shown: (time, column).
        gains: (time,) of a position of 1.
        terms: what is paid for them.
    """

    def __init__(self, shown: NDArray[Any], gains: NDArray[Any], terms: Terms) -> None:
        self._shown = torch.from_numpy(shown.astype(np.float32))
        self._gains = torch.from_numpy(np.array(gains, dtype=np.float64))
        names = ("proportional", "quadratic", "holding", "aversion", "cash")
        self._terms = tuple(float(getattr(terms, name)) for name in names)
        self.last = len(gains) - 1
        self.starts = np.arange(len(gains))
        self.unit = max(float(self._gains.std()), 1e-12)

    def shown(self, bars: Tensor) -> Tensor:
        """Returns (..., column)."""
        return self._shown[bars]

    def unroll(self, bars: Tensor, positions: Tensor, band: Band) -> tuple[Tensor, float]:
        """Returns rewards (time, lane) and the mean |Δx|; see `DifferentiableMarket`."""
        rewards, x = _Unroll.apply(*band, positions, self._gains[bars], self._terms)  # type: ignore[no-untyped-call]
        return rewards, float(x.diff(dim=0).abs().mean())
