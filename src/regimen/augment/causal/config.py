"""Markets that might have been: the training slice with another regime, another volatility, in another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from regimen.augment.causal.graph import ordered
from regimen.augment.causal.interventions import scaled, spliced_order, varied
from regimen.augment.causal.nodes import NODES, bars_from, nodes_of
from regimen.augment.causal.structural_model import StructuralModel
from regimen.augment.paths import Path, bars_of_training
from regimen.augment.ratios import in_order
from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.seeding import generator
from regimen.splits import Slice

Node = Literal["regime", "volatility", "volume", "return"]


class CausalConfig(BaseModel):
    """Counterfactual paths: what the bars of the slice would have been, had regime and volatility been others.

    A linear-additive structural model of the logarithms of a bar's range, volume and size of return is fitted on the
    slice. Each path takes stretches of the slice in another order, sets the regime and the volatility, keeps the noise
    that must have been, and lets the effects follow. Prices are rebuilt from the returns, and features and labels
    computed from the prices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["causal"] = Field("causal", description="What the bars would have been, had causes been others.")
    factor: int = Field(3, ge=1, le=1000, description="Paths to learn from for the real one, each as long.")
    graph: Mapping[Node, tuple[Node, ...]] = Field(
        {"volatility": ("regime",), "volume": ("regime", "volatility"), "return": ("volatility", "volume")},
        description="The causes of each effect, among regime, volatility, volume and return.",
    )
    memory: int = Field(100, ge=2, description="Bars that the regime is a mean over, and that an intervention lasts.")
    confounder: float = Field(
        0.5, ge=0.0, description="How far the regime varies, in its own standard deviations; 0: not."
    )
    volatility: tuple[float, float] = Field(
        (0.5, 2.0), description="Smallest and largest multiple of the volatility of a stretch; [1, 1]: as it was."
    )
    splice: float = Field(
        0.2, ge=0.0, le=1.0, description="Chance that a stretch is followed by one elsewhere, in a like regime."
    )

    @field_validator("graph")
    @classmethod
    def _says_what_causes_what(cls, graph: Mapping[Node, tuple[Node, ...]]) -> Mapping[Node, tuple[Node, ...]]:
        try:
            nodes = ordered(_plain(graph))
        except ConfigError as error:
            raise ValueError(f"{error.rule}; got {error.value}") from None
        if graph.get("regime"):
            raise ValueError(f"must give regime no causes: it is made of the bars before; got {graph['regime'][0]}")
        absent = [node for node in ("regime", "volatility", "return") if node not in nodes]
        if absent:
            raise ValueError(f"must have regime, volatility and return as causes or effects; {absent[0]} is not there")
        return graph

    @field_validator("volatility")
    @classmethod
    def _smallest_first(cls, between: tuple[float, float]) -> tuple[float, float]:
        if not 0.0 < between[0] <= between[1]:
            raise ValueError("must be two positive numbers, the larger last")
        return between

    @model_validator(mode="after")
    def _something_changes(self) -> Self:
        if self.confounder == 0.0 and self.volatility == (1.0, 1.0) and self.splice == 0.0:
            raise ValueError("confounder, volatility and splice must not all leave the bars as they were")
        return self

    def fit(self, bars: Bars, part: Slice, warmup: int = 0) -> Causal:
        """Returns the paths of a training slice; see `regimen.augment.paths.bars_of_training` for what is refused.

        Raises:
            ConfigError: a graph with volumes where the bars have none.
        """
        own = bars_of_training(bars, part, warmup)
        if "volume" in ordered(_plain(self.graph)) and not np.isfinite(own.volume).any():
            raise ConfigError("augment.graph", "must leave out volume, of which the bars have none", "volume")
        values = nodes_of(own, self.memory)
        there = own.present
        model = StructuralModel.fit(_plain(self.graph), {node: values[node][there] for node in NODES})
        return Causal(self, own, model)


def _plain(graph: Mapping[Node, tuple[Node, ...]]) -> dict[str, tuple[str, ...]]:
    return {node: tuple(causes) for node, causes in graph.items()}


@final
@dataclass(frozen=True, eq=False)
class Causal:
    """See `CausalConfig`.

    Attributes:
        config: which interventions.
        slice_bars: the bars of the training slice, and no others.
        model: fitted on them.
    """

    config: CausalConfig
    slice_bars: Bars
    model: StructuralModel

    def paths(self, seed: int) -> Sequence[Path]:
        """Returns the counterfactual paths of a seed; all of their rows are learned from."""
        return [Path(self._path(generator(seed, "augment", "causal", k))) for k in range(self.config.factor)]

    def _path(self, random: np.random.Generator) -> Bars:
        own, how = self.slice_bars, self.config
        nodes = nodes_of(own, how.memory)
        order = spliced_order(random, nodes["regime"], how.splice, how.memory)
        base = in_order(own, order, f"{own.source} (counterfactual)")
        values = {name: each[order] for name, each in nodes.items()}
        do = {"regime": varied(random, values["regime"], how.confounder, how.memory)}
        follows = self.model.counterfactual(values, do)
        do["volatility"] = scaled(random, follows["volatility"], how.volatility, how.memory)
        follows = self.model.counterfactual(values, do)
        return bars_from(base, {name: each - values[name] for name, each in follows.items()})
