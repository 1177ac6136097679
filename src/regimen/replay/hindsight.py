"""The best path in hindsight, by dynamic programming with proportional costs: an upper bound, and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.envs import ContinuousConfig, LevelsConfig, VectorMarket
from regimen.errors import ConfigError, DataError
from regimen.replay.lane_random import LaneRandom

Floats = NDArray[np.float64]


class HindsightPath(NamedTuple):
    """The answer of `hindsight_path`.

    Attributes:
        choices: (time, level) int64, the best level's index at each time for each level held before it.
        exposures: (time,) the best path from ``initial``: labels that look into the future.
        value: log growth that the path earns after costs; no other path over these levels earns more.
    """

    choices: NDArray[np.int64]
    exposures: Floats
    value: float


def hindsight_path(returns: ArrayLike, levels: Sequence[float], cost: float, initial: float = 0.0) -> HindsightPath:
    """Maximises ``Σ_t ln(1 + x_t·R_t) + ln(1 − cost·|x_t − x_{t−1}|)`` over all paths of levels, exactly.

    *Look-ahead:* every number here uses the whole path. It is what a trader who knows the future earns at most in
    this model, not something that can be learned. The model restores the exposure at every bar without charge and
    leaves the end open: no cost for getting out. Of equal paths the one that trades later is taken.

    Args:
        returns: (time,) simple return that an exposure decided at t earns, known only later.
        levels: rising exposures to choose from.
        cost: of a change of exposure by 1, a share of the equity (0.001: 10 basis points).
        initial: exposure held before the first decision, any number.

    Raises:
        DataError: returns that are not finite, not (time,), none, or at or below −1.
        ConfigError: levels that do not rise, a negative cost, or one that could take all of the equity.

    Source: Bellman (1957); with a known path it is Viterbi's recursion on levels.
    """
    earned = np.asarray(returns, np.float64)
    if earned.ndim != 1 or len(earned) == 0:
        raise DataError("hindsight.returns", "must have the shape (time,) with at least one", earned.shape)
    if not (np.isfinite(earned) & (earned > -1.0)).all():
        bad = int((~(np.isfinite(earned) & (earned > -1.0))).argmax())
        raise DataError("hindsight.returns", f"must be finite and above -1; row {bad}", float(earned[bad]))
    grid = np.asarray(levels, np.float64)
    if grid.ndim != 1 or len(grid) == 0 or not np.isfinite(grid).all() or not (np.diff(grid) > 0.0).all():
        raise ConfigError("hindsight.levels", "must be finite and rise", tuple(levels))
    reach = max(float(grid[-1]), initial) - min(float(grid[0]), initial)
    if not 0.0 <= cost * reach < 1.0:
        raise ConfigError("hindsight.cost", f"must lie in [0, {1.0 / max(reach, 1e-300):g}) for these levels", cost)
    moves = np.log1p(-cost * np.abs(grid[:, None] - grid))  # (held, next)
    with np.errstate(divide="ignore"):  # ruin is worth −∞ and never chosen while anything else is left
        gains = np.log(np.maximum(1.0 + earned[:, None] * grid, 0.0))
    current = np.arange(len(grid))
    choices = np.empty((len(earned), len(grid)), np.int64)
    ahead = np.zeros(len(grid))
    first = ahead
    for t in range(len(earned) - 1, -1, -1):
        first = gains[t] + ahead  # worth of holding each level from t on
        worth = moves + first
        best = worth.argmax(axis=1)
        ahead = worth[current, best]
        stay = worth[current, current] >= ahead
        choices[t] = np.where(stay, current, best)
    entry = np.log1p(-cost * np.abs(grid - initial)) + first
    at = int(entry.argmax())
    same = np.flatnonzero(grid == initial)
    if len(same) and entry[same[0]] >= entry[at]:
        at = int(same[0])
    path = np.empty(len(earned), np.int64)
    path[0] = at
    for t in range(1, len(earned)):
        path[t] = at = choices[t, at]
    return HindsightPath(choices, grid[path], float(entry[path[0]]))


@final
class Hindsight:
    """The behaviour that knows the market's path: an upper bound for labels and for scale, not a policy to compare.

    It looks up the best level for the bar and the level nearest to the position it sees, so it also recovers from
    the noise of `noisy`. Prices are opens, because a decision of bar t fills at the open of t + 1; splits are taken
    into account; the last decision earns the last bar from open to close. The horizon is the last bar of the
    environment, not the end of an episode. Charged are ``commission_bps`` and ``half_spread_bps``; other costs are
    left out. The account differs a little from the model: it lets exposures drift between trades.

    Args:
        env: of one symbol, which shows the account, with continuous actions or levels and a latency of one bar.
        levels: exposures to choose from; None: those of the actions, or the bounds and 0 of continuous ones.

    Attributes:
        path: best path from a flat start at ``start``; row k belongs to bar ``start + k``.
        start: first bar.
        levels: exposures.

    Raises:
        ConfigError: an environment of another kind, or levels outside its actions.
        DataError: a missing bar.
    """

    knows_the_future: ClassVar[bool] = True
    """So no backtest takes it for a policy."""

    def __init__(self, env: VectorMarket, levels: Sequence[float] | None = None) -> None:
        config = env.config
        if len(env.symbols) > 1:
            raise ConfigError("hindsight.env", "must trade one symbol", len(env.symbols))
        if config.market.latency_bars != 1 or not config.show_account:
            raise ConfigError("hindsight.env", "must have a latency of one bar and show the account")
        if isinstance(config.actions, LevelsConfig):
            if levels is not None and tuple(levels) != config.actions.levels:
                raise ConfigError("hindsight.levels", f"must be those of the actions, {config.actions.levels}", levels)
            chosen: tuple[float, ...] = config.actions.levels
        elif isinstance(config.actions, ContinuousConfig):
            low, high = config.actions.low, config.actions.high
            chosen = tuple(levels) if levels is not None else tuple(sorted({low, 0.0, high}))
            if min(chosen) < low or max(chosen) > high:
                raise ConfigError("hindsight.levels", f"must lie in [{low:g}, {high:g}]", chosen)
        else:
            raise ConfigError("hindsight.env", "must have levels or continuous actions", config.actions.kind)
        self._indices = isinstance(config.actions, LevelsConfig)
        self.levels = chosen
        self.start, stop = config.start, config.stop or len(env.bars)
        tape = config.market.build().tape(env.bars)
        opens = tape.opens[self.start : stop, 0]
        if np.isnan(opens).any():
            raise DataError(
                "bars", "must have no missing bar for hindsight", self.start + int(np.isnan(opens).argmax())
            )
        ratios = tape.ratios[self.start : stop, 0] if len(tape.ratios) else np.ones(len(opens))
        earned = np.empty(len(opens) - 1)
        earned[:-1] = opens[2:] * ratios[2:] / opens[1:-1] - 1.0
        earned[-1] = tape.closes[stop - 1, 0] / opens[-1] - 1.0
        costs = config.market.costs
        self.path = hindsight_path(earned, chosen, 1e-4 * (costs.commission_bps + costs.half_spread_bps))
        self._grid = np.array(chosen)
        self._position = env.columns.index("position")

    def __call__(self, observation: NDArray[np.float32], info: Mapping[str, Any], _random: LaneRandom) -> NDArray[Any]:
        """Returns the best levels, (lane,): indices, or exposures for continuous actions."""
        positions = observation[:, self._position].astype(np.float64)
        nearest = np.abs(positions[:, None] - self._grid).argmin(axis=1)
        best = self.path.choices[np.asarray(info["bar"]) - self.start, nearest]
        return np.asarray(best if self._indices else self._grid[best])
