"""What positions earn: the next return, less proportional and quadratic costs and a charge for risk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError
from regimen.jit import jit
from regimen.seeding import generator
from regimen.simulators.simulation import Simulation, checked_positions

Values = NDArray[np.float64]


@jit
def _rewards(x: Values, gains: Values, proportional: float, quadratic: float, risk: float) -> Values:
    out = np.empty(gains.shape[0])
    last = 0.0
    for t in range(gains.shape[0]):
        position = x[t]
        traded = position - last
        out[t] = (
            position * gains[t]
            - proportional * abs(traded)
            - 0.5 * quadratic * traded * traded
            - 0.5 * risk * position * position
        )
        last = position
    return out


def position_rewards(
    simulation: Simulation,
    positions: object,
    expected: bool = False,
    proportional: float = 0.0,
    quadratic: float = 0.0,
    risk: float = 0.0,
    lag: int = 0,
) -> Values:
    """x_t·r_{t+1+k} − c|x_t − x_{t−1}| − (λ/2)(x_t − x_{t−1})² − (κ/2)x_t², with x_{−1} = 0.

    Args:
        simulation: gives r (``truth["returns"]``), or its conditional mean when ``expected``.
        positions: (time,), decided at the close of each bar.
        expected: E[r_{t+1+k}] given the truth at t + k instead of r.
        proportional, quadratic, risk: c, λ, κ.
        lag: k, bars of delay beyond the open of t + 1.

    Returns:
        (time − 1 − lag,) the reward of each decision.

    Raises:
        DataError: positions of another shape or not finite; a path too short for the lag.
    """
    x = checked_positions(simulation, positions)
    if len(x) < 2 + lag:
        raise DataError("simulation", f"must have at least {2 + lag} bars to reward a decision", len(x))
    gains = simulation.expected[lag:-1] if expected else simulation.returns[1 + lag :]
    return _rewards(x, np.ascontiguousarray(gains), proportional, quadratic, risk)


def random_sides(bars: int, seed: int) -> Values:
    """Returns (time,) drawn evenly from −1, 0 and 1, independently each bar."""
    return generator(seed, "simulators", "random sides").integers(-1, 2, bars).astype(np.float64)
