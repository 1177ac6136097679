"""`Preferring`: an agent of many preferences that acts by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.learning import observed_rows
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.agents.mosac.mosac import MOSAC


@final
class Preferring:
    """An actor that sees what the lanes of a market show; the preference's columns are constants behind it.

    Args:
        agent: that learned for all preferences.
        shares: of its objectives.

    Attributes:
        spec: of the agent, without the preference's columns.

    Raises:
        RunError: shares of another number than the agent's objectives.
    """

    def __init__(self, agent: MOSAC, shares: Sequence[float]) -> None:
        if len(shares) != len(agent.objectives):
            rule = f"must have a share for each of {', '.join(agent.objectives)}"
            raise RunError("preference", rule, list(shares))
        self.agent, self.shares = agent, tuple(shares)
        columns = agent.spec.columns[: agent.spec.width - len(shares)]
        self.spec = agent.spec.model_copy(update={"columns": columns})

    def __repr__(self) -> str:
        named = zip(self.agent.objectives, self.shares, strict=True)
        return short(self, f"{self.agent!r}, " + ", ".join(f"{name} {share:.3g}" for name, share in named))

    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns what the agent does with this preference; see `MOSAC.predict`."""
        rows, single = observed_rows(self.spec, observation)
        shares = np.array(self.shares, np.float32)
        shown = np.concatenate([rows, np.tile(shares, (len(rows), 1))], axis=1)
        actions, state = self.agent.predict(shown, state, deterministic)
        return actions[0] if single else actions, state
