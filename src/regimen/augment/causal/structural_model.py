"""A linear-additive structural causal model: each node is a sum of its causes, weighted, and of noise of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.augment.causal.graph import ordered

Floats = NDArray[np.float64]
Values = Mapping[str, Floats]


@final
@dataclass(frozen=True)
class StructuralModel:
    """``x_i = constant_i + Σ_j weight_ij x_j + u_i`` over the causes j of i.

    That the graph is the right one is assumed and not tested; given it, and noise that is independent between nodes,
    the weights are effects.

    Source: Pearl, Causality (2009), chapter 7: abduction, action, prediction.

    Attributes:
        nodes: so that each comes after its causes.
        weights: by effect, then by cause.
        constants: by node.
    """

    nodes: tuple[str, ...]
    weights: Mapping[str, Mapping[str, float]]
    constants: Mapping[str, float]

    @classmethod
    def fit(cls, causes: Mapping[str, Sequence[str]], values: Values) -> StructuralModel:
        """Fits the weights of every effect by least squares on its causes.

        Args:
            causes: by effect.
            values: (n,) each, finite.

        Raises:
            ConfigError: the graph has a cycle.
        """
        nodes = ordered(causes)
        weights, constants = {}, {}
        for node in nodes:
            parents = list(causes.get(node, ()))
            table = np.column_stack([np.ones_like(values[node]), *(values[cause] for cause in parents)])
            solved = np.linalg.lstsq(table, values[node], rcond=None)[0]
            constants[node] = float(solved[0])
            weights[node] = dict(zip(parents, map(float, solved[1:]), strict=True))
        return cls(nodes, weights, constants)

    def abduct(self, values: Values) -> dict[str, Floats]:
        """Returns the noise of each node that must have been, given what was observed."""
        return {node: values[node] - self._explained(node, values) for node in self.nodes}

    def propagate(self, noise: Values, do: Values) -> dict[str, Floats]:
        """Returns what each node is with this noise, where those of ``do`` are set, whatever their causes say."""
        values: dict[str, Floats] = {}
        for node in self.nodes:
            values[node] = do[node] if node in do else self._explained(node, values) + noise[node]
        return values

    def counterfactual(self, values: Values, do: Values) -> dict[str, Floats]:
        """Returns what would have been observed had the nodes of ``do`` been these; with what they were, it is that."""
        return self.propagate(self.abduct(values), do)

    def effect(self, cause: str, on: str) -> float:
        """Returns by how much a node rises for each unit that another is set higher: the sum over paths of products."""
        zero = {node: np.zeros(1) for node in self.nodes}
        here, there = (self.propagate(zero, {cause: np.array([value])})[on] for value in (0.0, 1.0))
        return float((there - here)[0])

    def _explained(self, node: str, values: Values) -> Floats | float:
        return self.constants[node] + sum(weight * values[cause] for cause, weight in self.weights[node].items())
