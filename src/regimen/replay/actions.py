"""`ActionSpace`: columns and actions of any lanes that can be recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.envs import ContinuousConfig, MarketGroup, VectorMarket
from regimen.errors import RunError


@final
@dataclass(frozen=True)
class ActionSpace:
    """What a lane shows and takes.

    Attributes:
        columns: of an observation, those of a panel as ``symbol.column``, symbol by symbol.
        size: numbers in an action.
        choices: how many choices each number has; 0: it is a number in [low, high].
        low, high: bounds of a continuous action.
    """

    columns: tuple[str, ...]
    size: int = 1
    choices: int = 0
    low: float = -1.0
    high: float = 1.0

    def checked(self, actions: object, lanes: int) -> NDArray[Any]:
        """Returns a behaviour's actions as (lane, size), int64 choices or float32.

        Raises:
            RunError: another shape or type, or a number that is not finite.
        """
        given = np.asarray(actions)
        shape = (lanes, self.size)
        if given.shape != shape and not (self.size == 1 and given.shape == (lanes,)):
            raise RunError("behaviour", f"must return actions of shape {shape}", given.shape)
        if given.dtype.kind not in ("iu" if self.choices else "iuf"):
            raise RunError("behaviour", f"must return {'choices' if self.choices else 'numbers'}", str(given.dtype))
        chosen = given.reshape(shape).astype(np.int64 if self.choices else np.float32)
        if not np.isfinite(chosen).all():
            raise RunError("behaviour", "must return finite actions", float(chosen[~np.isfinite(chosen)][0]))
        return chosen

    def shaped(self, actions: NDArray[Any]) -> NDArray[Any]:
        """Returns (lane, size) actions as lanes take them: one choice is (lane,)."""
        return actions[:, 0] if self.choices and self.size == 1 else actions


def space_of(env: Any) -> ActionSpace:
    """Returns the space of a `VectorMarket`, a `MarketGroup`, or lanes with a ``spec`` of the same fields.

    Raises:
        RunError: something else.
    """
    if isinstance(env, MarketGroup):
        env = env.markets[0]
    if isinstance(env, VectorMarket):
        actions, symbols = env.config.actions, env.symbols
        columns = env.columns if len(symbols) == 1 else tuple(f"{s}.{name}" for s in symbols for name in env.columns)
        if isinstance(actions, ContinuousConfig):
            return ActionSpace(columns, len(symbols), 0, actions.low, actions.high)
        return ActionSpace(columns, len(symbols), int(actions.high) + 1)
    spec = getattr(env, "spec", None)
    if spec is None or not hasattr(spec, "columns"):
        raise RunError("env", "must be a VectorMarket, a MarketGroup or lanes with a spec", type(env).__name__)
    if spec.choices:
        return ActionSpace(tuple(spec.columns), 1, int(spec.choices))
    return ActionSpace(tuple(spec.columns), int(spec.size), 0, float(spec.low), float(spec.high))
