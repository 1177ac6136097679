"""A classifier, or a committee of them, served from its graph."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided
from regimen.bundle.graph import Asked
from regimen.errors import RunError
from regimen.execution import Moment
from regimen.jit import jit
from regimen.observation import ObservationSchema, observations
from regimen.policies import ExposureRule
from regimen.reprs import short

Floats = NDArray[np.float64]


@final
class ServedClassifier:
    """``observation -> graph``: what `regimen.policies.ClassifierPolicy` and `Committee` decide, without their library.

    The memory of a symbol without a bar, or whose row is not whole, stays as it is; its exposure is 0.

    Args:
        graph: sees features, and the volatility behind them where the schema has it.
        schema: what is observed.
        rule: makes exposures of probabilities where the graph does not.

    Raises:
        RunError: a graph of another width than the schema's.
    """

    def __init__(self, graph: Asked, schema: ObservationSchema, rule: ExposureRule | None = None) -> None:
        if graph.width != schema.width:
            raise RunError(graph.name, f"must see the {schema.width} columns of the observation", graph.width)
        self.graph, self.rule, self._schema = graph, rule, schema
        self._plain = schema.width == schema.inputs + 1

    @property
    def schema(self) -> ObservationSchema:
        """What it observes of each symbol."""
        return self._schema

    def __repr__(self) -> str:
        return short(self, repr(self.graph))

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar: zeros, no row was seen."""
        return np.zeros((symbols, self.graph.memory))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        return self.decided(moment, state).state if self.graph.memory else state

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and the next state."""
        decided = self.decided(moment, state)
        return decided.exposures, decided.state

    def decided(self, moment: Moment, state: Floats) -> Decided:
        """Returns what is decided at the close of a bar; see `Decided`."""
        volatility = moment.volatility if self._schema.volatility else None
        if volatility is None or not self._plain or moment.features.shape != (*volatility.shape, self._schema.inputs):
            rows = observations(self._schema, moment.features, volatility)
            known = np.empty(len(rows), np.bool_)
            count = _known(rows, moment.present, known)
        else:  # the same in one compiled call
            rows, known = np.empty((len(volatility), self._schema.width)), np.empty(len(volatility), np.bool_)
            count = _observed(moment.features, volatility, moment.present, rows, known)
        if count == len(rows):
            exposures, confidence, following, details = self.graph(rows, state)
            return Decided(self._sized(exposures, details, volatility), confidence, following, details)
        symbols = len(state)
        result = Decided(
            np.zeros(symbols), np.full(symbols, np.nan), state.copy(), np.full((symbols, self.graph.details), np.nan)
        )
        if known.any():
            parts = self.graph(rows[known], state[known])
            sized = self._sized(parts[0], parts[3], None if volatility is None else volatility[known])
            for whole, part in zip(result, (sized, *parts[1:]), strict=True):
                whole[known] = part
        return result

    def _sized(self, exposures: Floats, probabilities: Floats, volatility: Floats | None) -> Floats:
        return exposures if self.rule is None else self.rule.exposures(probabilities, volatility)


@jit
def _observed(
    features: Floats, volatility: Floats, present: NDArray[np.bool_], rows: Floats, known: NDArray[np.bool_]
) -> int:
    """Fills the rows of features with the volatility behind them, and whether each is known; returns how many are."""
    last = features.shape[1]
    for s in range(len(rows)):
        for k in range(last):
            rows[s, k] = features[s, k]
        rows[s, last] = volatility[s]
    return _known(rows, present, known)


@jit
def _known(rows: Floats, present: NDArray[np.bool_], known: NDArray[np.bool_]) -> int:
    """Fills whether each symbol has a bar and a whole row; returns how many do."""
    count = 0
    for s in range(len(rows)):
        whole = present[s]
        for value in rows[s]:
            whole = whole and np.isfinite(value)
        known[s] = whole
        count += whole
    return count
