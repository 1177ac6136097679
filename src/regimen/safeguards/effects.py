"""What each limit costs and saves: a backtest behind all of them, and again without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.execution import Market, Tape
from regimen.reprs import many, short
from regimen.safeguards.backtest import GuardRecord, replay_guarded
from regimen.safeguards.config import LIMITS, SafeguardsConfig

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LimitEffect:
    """One limit in a backtest. Returns and drawdowns are fractions.

    Attributes:
        limit: its name.
        value: where it is set.
        bars: on which it acted: changed a target, or the mode.
        targets: that it changed.
        total_return: without this limit, all others as they are.
        drawdown: the deepest one, without this limit.
        cost: return without it less that with it; below 0 it earned something.
        saved: drawdown without it less that with it; below 0 it made the drawdown deeper.
    """

    limit: str
    value: float
    bars: int
    targets: int
    total_return: float
    drawdown: float
    cost: float
    saved: float


@dataclass(frozen=True)
class LimitEffects:
    """What the limits of a guard cost and saved in a backtest. Returns and drawdowns are fractions.

    Attributes:
        effects: of each limit that is on, in the order of `LIMITS`.
        total_return, drawdown: behind all of them.
        free_return, free_drawdown: without a guard.
        mode: in which the backtest ended.
        reducing, halted: shares of the bars that were decided in these modes.
        resumed: how often the operator of the backtest resumed trading.
        warned: bars on which the drawdown warned.
        unseen: limits that nothing of a backtest can show: no bar is late, nothing rings from outside, or no confidence
            is known.
    """

    effects: tuple[LimitEffect, ...]
    total_return: float
    drawdown: float
    free_return: float
    free_drawdown: float
    mode: str
    reducing: float
    halted: float
    resumed: int
    warned: int
    unseen: tuple[str, ...]

    def __repr__(self) -> str:
        acting = sum(effect.bars > 0 for effect in self.effects)
        return short(self, f"{many(acting, 'limit')} acted, {self.total_return:+.1%} against {self.free_return:+.1%}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def limit_effects(
    market: Market,
    bars: Bars,
    targets: Floats,
    config: SafeguardsConfig,
    start: int = 0,
    stop: int | None = None,
    confidence: Floats | None = None,
    *,
    tape: Tape | None = None,
    advance: Callable[[int, int, str], None] | None = None,
) -> LimitEffects:
    """Trades targets behind all limits, without a guard, and behind all limits but one for each that acted.

    A limit that did not act changed nothing, so it cost and saved nothing. Limits answer for each other: what one lets
    through another may stop, so their costs do not add up to that of all.

    Args:
        market, bars, targets, start, stop, confidence, tape: as `guarded` has them.
        config: the limits.
        advance: progress.

    Raises:
        DataError, ConfigError: as `guarded`.
    """
    tape = market.tape(bars) if tape is None else tape

    def traded(limits: SafeguardsConfig) -> GuardRecord:
        return replay_guarded(market, bars, targets, limits, start, stop, confidence, tape=tape)

    own = traded(config)
    acting = [name for name in config.limits if own.bars(name)]
    free = traded(config.without(*LIMITS))
    effects = []
    for done, name in enumerate(config.limits):
        if advance is not None:
            advance(done, len(config.limits), f"without {name}")
        other = traded(config.without(name)) if name in acting else own
        effects.append(
            LimitEffect(
                limit=name,
                value=float(getattr(config, name)),
                bars=own.bars(name),
                targets=own.changed(name),
                total_return=other.total_return,
                drawdown=other.deepest,
                cost=other.total_return - own.total_return,
                saved=other.deepest - own.deepest,
            )
        )
    reducing, halted = own.shares
    return LimitEffects(
        effects=tuple(effects),
        total_return=own.total_return,
        drawdown=own.deepest,
        free_return=free.total_return,
        free_drawdown=free.deepest,
        mode=own.mode,
        reducing=reducing,
        halted=halted,
        resumed=own.bars("operator"),
        warned=own.warned,
        unseen=_unseen(config, bars, confidence),
    )


def _unseen(config: SafeguardsConfig, bars: Bars, confidence: Floats | None) -> tuple[str, ...]:
    unknown = confidence is None or bool(np.isnan(confidence).all())
    never = {"staleness", "drift"} | ({"confidence"} if unknown else set())
    never |= {"correlated_exposure"} if bars.shape[1] == 1 else set()
    return tuple(name for name in config.limits if name in never)
