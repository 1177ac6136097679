"""What every step of preprocessing is: fitted on a training slice, then applied row by row with a memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from regimen.errors import SplitError
from regimen.settings import require_names
from regimen.splits import Slice

Values = NDArray[np.float64]
State = Mapping[str, NDArray[np.generic]]


class Fitted(Protocol):
    """A fitted step. What it remembers of a symbol's earlier rows is in a state of its caller's, so it never changes.

    Whole rows only are seen: a row with a value that is not finite is NaN afterwards, and is remembered by nobody.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it was fitted on, in their order."""

    @property
    def memory(self) -> int:
        """Numbers that it remembers of one symbol; all are 0 before the first row."""

    def step(self, rows: Values, state: Values) -> tuple[Values, Values]:
        """Returns whole rows (n, feature) as the next step sees them, and the memory (n, memory) after them."""

    def scan(self, values: Values) -> Values:
        """Returns a series (time, symbol, feature): what `step` returns bar by bar, from the first one on, bitwise."""

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns everything as a dict of arrays, for a file."""


def require_training(step: str, values: Values, part: Slice, names: Sequence[str]) -> None:
    """Refuses to fit on anything but a training slice of a table of these columns.

    Raises:
        SplitError: naming the step, the rule and what was given.
    """
    if not isinstance(part, Slice):
        raise SplitError(f"{step}.fit", "needs a Slice that a splitter made", type(part).__name__)
    if part.role != "train":
        raise SplitError(f"{step}.fit", "must see the training slice only", part.role)
    if values.ndim != 3 or values.shape[2] != len(names):
        rule = f"needs values of the shape (time, symbol, feature = {len(names)})"
        raise SplitError(f"{step}.fit", rule, values.shape)


def require_columns(field: str, chosen: Sequence[str], names: Sequence[str]) -> None:
    """Refuses names of columns that do not reach a step.

    Args:
        field: where the names stand.
        chosen: as a person wrote them.
        names: of the columns that reach it.

    Raises:
        ConfigError: the first name that is none of them, with the nearest that is, or with some that are.
    """
    require_names(field, chosen, names, "must be columns that reach this step", names[:8])


def whole_rows(values: Values, part: Slice) -> list[Values]:
    """Returns each symbol's usable rows (n, feature) of a slice that have no value missing, in time."""
    block = values[part.start : part.stop]
    usable = part.usable & np.isfinite(block).all(axis=2)
    return [block[usable[:, symbol], symbol] for symbol in range(usable.shape[1])]
