"""An agent that sees constants behind what its lanes show: a goal that it was given, say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.envs import EnvSpec
from regimen.errors import RunError

if TYPE_CHECKING:
    from regimen.policies.agent import Actor


@final
class Showing:
    """An actor of lanes that do not have its last columns, which are constants here.

    Args:
        actor: that has learned with columns which change.
        shown: what they are now, by name, in their order.

    Attributes:
        spec: the actor's, without these columns.
        values: (column,) float32.

    Raises:
        RunError: these are not the actor's last columns.
    """

    def __init__(self, actor: Actor, shown: Mapping[str, float]) -> None:
        names = tuple(shown)
        if actor.spec.columns[-len(names) :] != names:
            raise RunError("agent", f"must have {', '.join(names)} as its last columns", actor.spec.columns[-1])
        values = actor.spec.model_dump() | {"columns": actor.spec.columns[: -len(names)], "goal": None}
        self.actor, self.spec = actor, EnvSpec(**values)
        self.values: NDArray[np.float32] = np.array(list(shown.values()), np.float32)

    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns what the actor does about observations (lane, width) with the constants behind them."""
        constants = np.broadcast_to(self.values, (len(observation), len(self.values)))
        return self.actor.predict(np.concatenate([observation, constants], 1), state, deterministic)
