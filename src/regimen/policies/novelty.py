"""A gate before a policy: flat on a bar whose features are unlike those that the policy learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import RunError
from regimen.execution import alone
from regimen.reprs import many, short

if TYPE_CHECKING:
    from regimen.execution import History, Moment, Policy
    from regimen.observation import ObservationSchema
    from regimen.policies.mahalanobis import TrainingCloud
    from regimen.policies.wrapping import Fitting, State

Floats = NDArray[np.float64]
_FITTED = ("mean", "weight", "whitening", "reference")


class NoveltyConfig(BaseModel):
    """``exposure = 0 where p < level``; p says how usual a row's distance from the training rows is.

    ``p = (1 + #{validation rows at least as far}) / (m + 1)`` of the Mahalanobis distance: a conformal p-value (Vovk,
    Gammerman and Shafer, "Algorithmic learning in a random world", 2005; Bates et al., "Testing for outliers with
    conformal p-values", Annals of Statistics 51, 2023). On rows like those of the validation slice a share ``level`` of
    bars is gated at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mahalanobis"] = Field(
        "mahalanobis", description="Distance in standardised features by a shrunk covariance of the training rows."
    )
    level: float = Field(0.01, gt=0.0, lt=1.0, description="Flat on rows whose p-value is below this.")

    def fit(self, fitting: Fitting) -> NoveltyGate:
        """Fits the cloud of the training rows, and ranks the validation rows by their distance from it.

        Raises:
            RunError: there are no features, or too few whole rows: with m validation rows no p-value is below
                1 / (m + 1).
        """
        from regimen.policies.mahalanobis import TrainingCloud

        features = fitting.history.features
        cloud = TrainingCloud.fit(fitting.train.take(features), fitting.validation.take(features))
        least = 1.0 / (len(cloud.reference) + 1.0)
        if least >= self.level:
            rule = f"must be above {least:.2g}, the least p-value with {many(len(cloud.reference), 'validation row')}"
            raise RunError("novelty.level", rule, self.level)
        return NoveltyGate(self, cloud)

    def from_state(self, state: State) -> NoveltyGate:
        """Returns the gate that gave this state.

        Raises:
            RunError: an array is missing, or of another shape.
        """
        from regimen.policies.mahalanobis import TrainingCloud

        arrays = {name: np.asarray(state[name], np.float64) for name in _FITTED if name in state}
        width = len(np.atleast_1d(arrays.get("mean", np.empty(0))))
        shapes = {"mean": (width,), "weight": (width,), "whitening": (width, width)}
        if len(arrays) < len(_FITTED) or any(arrays[name].shape != shape for name, shape in shapes.items()):
            raise RunError("run", f"holds a damaged gate: must have {', '.join(_FITTED)}", sorted(state))
        return NoveltyGate(self, TrainingCloud(**arrays))


@final
class NoveltyGate:
    """The gate fitted on a window, ready to go before a policy.

    Args:
        config: the level.
        cloud: of the training rows.
    """

    def __init__(self, config: NoveltyConfig, cloud: TrainingCloud) -> None:
        self.config, self.cloud = config, cloud

    def __repr__(self) -> str:
        return short(self, f"level {self.config.level:g}, {many(len(self.cloud.mean), 'feature')}")

    def around(self, policy: Policy) -> GatedPolicy:
        """Returns the policy behind the gate."""
        return GatedPolicy(policy, self)

    def state(self) -> State:
        """Returns what was fitted."""
        return {name: getattr(self.cloud, name) for name in _FITTED}

    def passes(self, features: Floats) -> NDArray[np.bool_]:
        """Returns whether rows (..., feature) are like those that were learned from; one that is not whole is not."""
        p_values = self.cloud.p_values(features.reshape(-1, features.shape[-1]))
        return np.asarray((p_values >= self.config.level).reshape(features.shape[:-1]))


@final
class GatedPolicy:
    """``policy -> exposure where the row is like the training rows, else 0``; the policy remembers every bar.

    *Timing:* bar t is judged by its own row alone, known at its close.

    Args:
        below: what is asked.
        gate: fitted on the policy's training slice.
    """

    def __init__(self, below: Policy, gate: NoveltyGate) -> None:
        self.below, self.gate = below, gate

    @property
    def schema(self) -> ObservationSchema:
        """That of the policy."""
        return self.below.schema

    def __repr__(self) -> str:
        return short(self, f"{self.below!r}, {self.gate!r}")

    def initial_state(self, symbols: int) -> Floats:
        """Returns the policy's memory (symbol, memory) before the first bar: a gate has none."""
        return self.below.initial_state(symbols)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the policy's memory after a bar on which nothing is decided."""
        return self.below.watch(moment, state)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,), 0 where the gate is closed, and what the policy remembers."""
        exposures, following = self.below.act(moment, state)
        return np.where(self.gate.passes(moment.features), exposures, 0.0), following

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop)."""
        passes = self.gate.passes(history.features[start:stop])
        return np.where(passes, alone(self.below, history, start, stop), 0.0)
