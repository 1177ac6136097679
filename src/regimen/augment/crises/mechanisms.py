"""What happens to prices in a crisis: volatility explodes, sales force further sales, and all symbols fall together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from regimen.augment.crises.falls import PriceJumps, deepest_fall
from regimen.augment.crises.templates import Template

Floats = NDArray[np.float64]
BRANCHING = 0.5
"""Forced sales that one forced sale sets off by itself, on average. A choice: a handful of jumps cannot tell it."""
_LAG = 0.5
"""A sale that is set off comes one step later, or two, three ...: the chance that it comes at the next."""
_TRIES = 100_000


def liquidations(random: np.random.Generator, steps: int, rate: float, branching: float = BRANCHING) -> Floats:
    """Returns how many liquidations (steps,) fall into each step: each sets off others soon after (Hawkes' process).

    In the long run there are ``rate`` in a step; over many steps their variance is ``rate / (1 − branching)²`` of it.

    Args:
        random: draws.
        steps: of the series.
        rate: mean number in a step.
        branching: mean number that one sets off; 0 makes them independent (Poisson's process).

    Source: Hawkes and Oakes, A cluster process representation of a self-exciting process (Journal of Applied
    Probability 11, 1974). Deviation: steps instead of continuous time, with geometric lags; what is set off after the
    last step falls into the first ones, so that none is emptier.
    """
    counts = np.zeros(steps)
    parents = random.integers(0, steps, random.poisson(rate * (1.0 - branching) * steps))
    while len(parents):
        np.add.at(counts, parents % steps, 1.0)
        children = np.repeat(parents, random.poisson(branching, len(parents)))
        parents = children + random.geometric(_LAG, len(children))
    return counts


def jump_diffusion(random: np.random.Generator, steps: int, jumps: PriceJumps, branching: float = 0.0) -> Floats:
    """Returns log returns (steps,): a diffusion, and jumps of normal size.

    With independent jumps the variance of a step is ``quiet² + rate (mean² + deviation²)``.

    Args:
        random: draws.
        steps: of the series.
        jumps: the volatility between jumps, and the rate, mean and deviation of jumps.
        branching: see `liquidations`.

    Source: Merton, Option pricing when underlying stock returns are discontinuous (Journal of Financial Economics 3,
    1976).
    """
    counts = liquidations(random, steps, jumps.rate, branching)
    sizes = jumps.mean * counts + jumps.deviation * np.sqrt(counts) * random.standard_normal(steps)
    returns: Floats = jumps.quiet * random.standard_normal(steps) + sizes
    return returns


def together(random: np.random.Generator, market: Floats, symbols: int, template: Template) -> Floats:
    """Returns what each symbol of a panel does (steps, symbol) where the market does this: the correlation spike.

    Every symbol has the template's volatility, any two its correlation; a single symbol is the market itself.

    Args:
        random: draws.
        market: (steps,) deviations from the drift.
        symbols: their number.
        template: of the crisis.
    """
    if symbols == 1:
        return market[:, None]
    own = [noise(random, len(market), template) for _ in range(symbols)]
    shared = np.sqrt(template.correlation)
    apart = shared * market[:, None] + np.sqrt(1.0 - template.correlation) * np.column_stack(own)
    apart -= apart.mean(axis=0)
    scaled: Floats = apart * template.volatility / apart.std(axis=0)
    return scaled


def noise(random: np.random.Generator, steps: int, template: Template) -> Floats:
    """Returns a jump diffusion with liquidations (steps,): mean 0, and the template's volatility exactly."""
    drawn = jump_diffusion(random, steps, template.jumps, BRANCHING)
    drawn -= drawn.mean()
    scaled: Floats = drawn * template.volatility / drawn.std()
    return scaled


def crisis(random: np.random.Generator, template: Template, symbols: int = 1) -> Floats:
    """Returns the log returns of a crisis (template.length, symbol), by the template's own steps.

    The market falls by the template's drawdown and regains its rebound. A draw whose peak or trough lies elsewhere, so
    that its drawdown, its duration or its volatility is not the template's, is drawn again.
    """
    depth = np.log1p(-template.drawdown)
    falling = _until(random, template, depth, lambda x: _as_measured(x, template))
    returns: Floats = depth / template.steps + together(random, falling, symbols, template)
    if not template.rebound:
        return returns
    rise = -depth * template.rebound
    rising = _until(random, template, rise, lambda x: 0.0 <= x.min() <= x.max() < -depth)
    return np.concatenate([returns, rise / template.steps + together(random, rising, symbols, template)])


def _until(random: np.random.Generator, template: Template, rise: float, fits: Callable[[Floats], bool]) -> Floats:
    """Returns the first noise whose path, with the drift that makes it rise so far, fits."""
    for _ in range(_TRIES):
        drawn = noise(random, template.steps, template)
        if fits(np.concatenate([[0.0], np.cumsum(drawn + rise / template.steps)])):
            return drawn
    raise AssertionError(f"no path of {template.name} in {_TRIES} draws")  # a template that nothing can follow


def _as_measured(x: Floats, template: Template) -> bool:
    """Whether the deepest fall of a log price has the template's drawdown, duration and volatility, nearly."""
    fall = deepest_fall(np.exp(x))
    return (
        fall.steps >= 0.93 * template.steps
        and np.log1p(-fall.drawdown) >= 1.04 * np.log1p(-template.drawdown)
        and abs(fall.volatility / template.volatility - 1.0) <= 0.07
    )
