"""What comes after each bar of a training slice, and nothing from beyond its end."""

from __future__ import annotations

from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.envs import LevelsConfig, VectorEnv, VectorMarket, markets_of
from regimen.errors import ConfigError, RunError
from regimen.learning.auxiliary.config import CLASSES, AuxiliaryConfig
from regimen.replay import Hindsight

Floats = NDArray[np.float64]

_LEAST = 16
"""Bars that volatility, volume and regime are of, at least."""
_FIELD = "agents.auxiliary"


@final
class AuxiliaryTargets:
    """The targets of every bar of every market, in the order of the tasks; NaN where there is none.

    *Purged:* the target of a bar reads bars up to t + 1 + span. Where that reaches the market's ``stop``, the end of
    the slice that agents learn from, there is none. *Scaled:* a return and a log volatility are in deviations of the
    slice's own.

    Args:
        env: lanes of markets of one symbol each.
        config: which tasks.

    Raises:
        ConfigError: lanes whose actions or account the task ``action`` cannot have.
        RunError: lanes that are no market of one symbol.
    """

    def __init__(self, env: VectorEnv, config: AuxiliaryConfig) -> None:
        markets = markets_of(env)
        if not markets or any(len(market.symbols) > 1 for market in markets):
            raise RunError("env", "must be lanes of markets of one symbol for auxiliary tasks", type(env).__name__)
        self._tables = [_table(market, config) for market in markets]
        edges = np.cumsum([0, *(market.n_envs for market in markets)]).tolist()
        self._lanes = [slice(*ends) for ends in pairwise(edges)]

    def at(self, bars: NDArray[np.generic]) -> NDArray[np.float32]:
        """Returns the targets (lane, task) of the bars (lane,) that lanes show."""
        rows = bars.astype(np.int64)
        return np.concatenate([table[rows[part]] for table, part in zip(self._tables, self._lanes, strict=True)])


def sizes(config: AuxiliaryConfig, choices: int | None) -> tuple[int, ...]:
    """Returns the outputs of each task: 1, or the classes.

    Raises:
        ConfigError: the task ``action`` of an agent without choices.
    """
    if "action" in config.tasks and choices is None:
        raise ConfigError(f"{_FIELD}.tasks", "must be without 'action' where actions are continuous", config.tasks)
    return tuple((choices or 1) if task == "action" else CLASSES.get(task, 1) for task in config.tasks)


def _table(market: VectorMarket, config: AuxiliaryConfig) -> NDArray[np.float32]:
    """Returns (time, task)."""
    tape, stop = market.config.market.build().tape(market.bars), market.config.stop or len(market.bars)
    start = market.config.start
    ratios = tape.ratios[:, 0] if len(tape.ratios) else np.ones(len(market.bars))
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.append(np.log(tape.opens[1:, 0] * ratios[1:] / tape.opens[:-1, 0]), np.nan)  # from each open
        volume = np.log(np.where(market.bars.volume[:, 0] > 0.0, market.bars.volume[:, 0], np.nan))
    wide = max(config.horizon, _LEAST)
    columns = []
    for task in config.tasks:
        span = config.horizon if task == "return" else wide
        column = np.full(len(market.bars), np.nan)
        if task == "action":
            column[start : start + len(_best(market))] = _best(market)
        elif task == "return":
            column = _ahead(steps, span)
        elif task == "volatility":
            with np.errstate(divide="ignore", invalid="ignore"):
                column = 0.5 * np.log(_ahead(steps**2, span) / span)
        elif task == "volume":
            column = _ahead(volume, span) / span
        else:
            column = _regime(_ahead(steps, span), _ahead(steps**2, span), slice(start, stop))
        column[max(stop - 1 - span, 0) :] = np.nan
        column[~np.isfinite(column)] = np.nan
        columns.append(_scaled(task, column, slice(start, stop)))
    return np.stack(columns, axis=1).astype(np.float32)


def _ahead(values: Floats, span: int) -> Floats:
    """Returns at t the sum of ``span`` values from t + 1 on."""
    total = np.append(0.0, np.nan_to_num(values).cumsum())
    out = np.full(len(values), np.nan)
    last = len(values) - span
    out[:last] = total[1 + span : 1 + span + last] - total[1 : 1 + last]
    return out


def _regime(rise: Floats, squares: Floats, part: slice) -> Floats:
    calm = squares <= np.nanmedian(squares[part])
    classes = 2.0 * (rise > 0.0) + calm
    return np.where(np.isfinite(rise), classes, np.nan)


def _best(market: VectorMarket) -> Floats:
    """Returns the index of the best level in hindsight, from the first bar of the slice."""
    actions = market.config.actions
    if not isinstance(actions, LevelsConfig):
        raise ConfigError(f"{_FIELD}.tasks", "must be without 'action' where actions are not levels", actions.kind)
    exposures = Hindsight(market).path.exposures
    return np.searchsorted(np.array(actions.levels), exposures).astype(np.float64)


def _scaled(task: str, column: Floats, part: slice) -> Floats:
    known = column[part][np.isfinite(column[part])]
    if task == "volume":
        classes = np.digitize(column, np.quantile(known, [1 / 3, 2 / 3])) if len(known) else column
        return np.where(np.isfinite(column), classes, np.nan)
    if task in ("return", "volatility") and len(known):
        return np.asarray((column - known.mean()) / (known.std() or 1.0))
    return column
