"""What rule an agent has learned, read off the positions that it held: trading rate and aim, threshold, fraction."""

from __future__ import annotations

import math

import numpy as np

from regimen.proving.evaluation import Walk, scored
from regimen.simulators import (
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KellyConfig,
    MartingaleConfig,
    MertonConfig,
    OrnsteinUhlenbeckConfig,
)


def fitted_rule(walked: Walk) -> tuple[float, float]:
    """Fits x_t = (1 − τ)x_{t−1} + τ·m·f_t to a walk on a Gârleanu–Pedersen market with one signal.

    Returns:
        τ, the share of the way that is traded in a bar, and m, the aim per unit of signal.
    """
    inputs = np.column_stack([walked.before().ravel(), walked.signal().ravel()])
    (keep, push), *_ = np.linalg.lstsq(inputs, walked.positions.ravel(), rcond=None)
    return 1.0 - float(keep), float(push) / (1.0 - float(keep))


def fitted_threshold(walked: Walk) -> float:
    """Returns the q that best tells the bars where a walk on a hysteresis market changed sides from the others.

    It makes the fewest mistakes in "changes sides when the signal is beyond q against the position"; NaN when no side
    was ever held.
    """
    before, after = walked.before().ravel(), walked.positions.ravel()
    against = -walked.signal().ravel() * np.sign(before)
    has_side = before != 0.0
    order = np.argsort(against[has_side], kind="stable")
    size = against[has_side][order]
    if len(size) == 0:
        return math.nan
    changed = (np.sign(after) == -np.sign(before))[has_side][order]
    # with q after the first n in order: those of them that changed, and the others that did not, are mistakes
    mistakes = np.concatenate([[0], np.cumsum(changed)]) + np.concatenate([np.cumsum(~changed[::-1])[::-1], [0]])
    best = np.flatnonzero(mistakes == mistakes.min())
    middle = int(best[len(best) // 2])
    edges = np.concatenate([size[:1], size, size[-1:]])
    return float(0.5 * (edges[middle] + edges[middle + 1]))


def lag_law(walked: Walk, lag: int = 1) -> float:
    """Returns by how many standard errors a walk on an OU market breaks the law of lags.

    Positions that fill ``lag`` bars later earn ρ^lag of what they earned: the price has reverted by that much.
    """
    market = walked.market
    assert isinstance(market, OrnsteinUhlenbeckConfig)
    late = market.model_copy(update={"lag": market.lag + lag})
    gaps = np.array(
        [
            late.rewards(simulation, positions, True).mean()
            - market.rho**lag * market.rewards(simulation, positions, True).mean()
            for simulation, positions in walked.paths()
        ]
    )
    return float(abs(gaps.mean()) / (gaps.std(ddof=1) / math.sqrt(len(gaps))))


def _value_of(walked: Walk, baseline: str) -> float:
    paths = walked.baseline(baseline)
    return float(np.mean([walked.market.rewards(simulation, rows, True).mean() for simulation, rows in paths]))


def _turnover_of(walked: Walk, baseline: str) -> float:
    return float(np.mean([np.abs(np.diff(rows, prepend=0.0)).mean() for _, rows in walked.baseline(baseline)]))


def measures(walked: Walk) -> dict[str, float]:
    """Returns what is demanded of a walk, by name: ``score`` everywhere, then what the market is about.

    - ``turnover/random``: on the martingale, over that of random sides;
    - ``lag law``: on the OU price, in standard errors;
    - ``q−q*`` and ``J/myopic``: on hysteresis, the learned threshold less the best one, and J over that of sign(f);
    - ``τ/τ*``, ``m/m*``: on Gârleanu–Pedersen, fitted over known;
    - ``J/memoryless``: on the hidden regime, over the best that sees the last return only;
    - ``x/x*``: on the Kelly and Merton markets, mean over best fraction.
    """
    market, evaluation = walked.market, scored(walked)
    numbers = {"score": evaluation.score}
    if isinstance(market, MartingaleConfig):
        numbers["turnover/random"] = evaluation.turnover / _turnover_of(walked, "random")
    elif isinstance(market, OrnsteinUhlenbeckConfig):
        numbers["lag law"] = lag_law(walked)
    elif isinstance(market, HysteresisConfig):
        numbers["q−q*"] = fitted_threshold(walked) - market.threshold
        numbers["J/myopic"] = evaluation.value / _value_of(walked, "myopic")
    elif isinstance(market, GarleanuPedersenConfig):
        rate, aim = fitted_rule(walked)
        numbers |= {"τ/τ*": rate / market.rate, "m/m*": aim / float(market.aims[0])}
    elif isinstance(market, HiddenRegimeConfig):
        numbers["J/memoryless"] = evaluation.value / _value_of(walked, "memoryless")
    elif isinstance(market, KellyConfig | MertonConfig):
        numbers["x/x*"] = float(walked.positions.mean()) / market.fraction
    return numbers
