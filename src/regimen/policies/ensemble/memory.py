"""What several policies remember, side by side in one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.execution import Moment, Policy
from regimen.observation import ObservationSchema

Floats = NDArray[np.float64]


class Memories:
    """The memories of members as columns (symbol, memory), the first member's first.

    Args:
        members: at least one.

    Raises:
        ConfigError: no members, or members that read other features.
    """

    def __init__(self, members: Sequence[Policy]) -> None:
        if not members:
            raise ConfigError("model.members", "must name at least one model", [])
        self.members = tuple(members)
        self.schema = _schema_of(self.members)
        widths = [member.initial_state(1).shape[1] for member in self.members]
        edges = [0, *np.cumsum(widths).tolist()]
        self.columns = tuple(slice(first, last) for first, last in pairwise(edges))

    def initial(self, symbols: int) -> Floats:
        """Returns the memories before the first bar."""
        return np.concatenate([member.initial_state(symbols) for member in self.members], axis=1)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memories after a bar on which nothing is decided."""
        each = zip(self.members, self.columns, strict=True)
        return np.concatenate([member.watch(moment, state[:, own]) for member, own in each], axis=1)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the members' exposures (symbol, member), and their memories after the bar."""
        each = zip(self.members, self.columns, strict=True)
        answers = [member.act(moment, state[:, own]) for member, own in each]
        exposures = np.stack([alone for alone, _ in answers], axis=-1)
        return exposures, np.concatenate([memory for _, memory in answers], axis=1)


def _schema_of(members: Sequence[Policy]) -> ObservationSchema:
    """Returns the features that the members read, and the volatility where one of them does."""
    schemas = [member.schema for member in members]
    reading = [schema for schema in schemas if schema.inputs]
    first = reading[0] if reading else ObservationSchema()
    for number, schema in enumerate(schemas):
        apart = schema.inputs and (
            schema.inputs != first.inputs
            or (schema.names and first.names and schema.names != first.names)
            or (schema.features and first.features and schema.features != first.features)
        )
        if apart:
            rule = f"must read the {first.inputs} columns that the other members read"
            raise ConfigError(f"model.members.{number}", rule, schema.inputs)
    names = next((schema.names for schema in reading if schema.names), ())
    features = next((schema.features for schema in reading if schema.features), "")
    volatility = any(schema.volatility for schema in schemas)
    bare = ObservationSchema(inputs=first.inputs, features=features, volatility=volatility)
    return replace(bare, names=names) if names else bare
