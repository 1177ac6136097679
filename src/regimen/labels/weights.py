"""What each labelled row counts: by how much of its span is its own, how old it is, and how much it was worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import DataError


class WeightsConfig(BaseModel):
    """A row's weight is the product of what is switched on, divided by its mean over the rows.

    Source: López de Prado, Advances in Financial Machine Learning (2018), sections 4.2 to 4.4 (concurrency, average
    uniqueness) and 4.6 to 4.7 (returns, decay). Where the book attributes returns bar by bar to the labels that share
    them, here uniqueness and the whole return multiply; its decay is linear in uniqueness, here it halves by the clock
    of the bars.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    uniqueness: bool = Field(
        False, description="By the mean over its label's span of 1 / labels of the symbol that span the same bar."
    )
    half_life: float | None = Field(
        None, gt=0.0, description="Bars after which a row counts half as much as the newest one; null: age is nothing."
    )
    returns: bool = Field(False, description="By the size of the return that the label stands for.")


def row_weights(
    config: WeightsConfig,
    time: NDArray[np.int64],
    symbol: NDArray[np.int64],
    end: NDArray[np.int64],
    forward_return: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns the weights (n,) of training rows; their mean is 1.

    Timing: a weight looks as far as its label, and only at labels of the given rows, which are those of one training
    slice; nothing of another slice decides it.

    Args:
        config: what counts.
        time: (n,) position of each row's bar.
        symbol: (n,) its symbol.
        end: (n,) position of the last bar that its label looked at, ``Labels.t_end``.
        forward_return: (n,) simple return that the label stands for.

    Raises:
        DataError: no row has a return, where returns count.
    """
    weights = np.ones(len(time))
    if config.uniqueness:
        weights *= average_uniqueness(time, symbol, end)
    if config.half_life is not None:
        weights *= 0.5 ** ((time.max() - time) / config.half_life)
    if config.returns:
        weights *= np.abs(forward_return)
    mean = float(weights.mean())
    if not mean > 0.0:
        raise DataError("training.weights", "must leave some row to learn from, but every label's return is 0")
    weights /= mean
    return weights


def average_uniqueness(
    time: NDArray[np.int64], symbol: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns the mean of ``1 / c_t`` over each label's span ``time`` to ``end``, (n,) in (0, 1].

    ``c_t`` counts the labels of the same symbol whose span holds bar t (López de Prado 2018, section 4.4).

    Args:
        time, symbol, end: see `row_weights`; both ends belong to the span.
    """
    unique = np.empty(len(time))
    for each in np.unique(symbol):
        own = symbol == each
        first, last = time[own], end[own]
        edges = np.zeros(int(last.max()) + 2)
        np.add.at(edges, first, 1.0)
        np.add.at(edges, last + 1, -1.0)
        count = np.cumsum(edges)
        shares = np.concatenate([[0.0], np.cumsum(np.divide(1.0, count, where=count > 0.5, out=np.zeros(len(count))))])
        unique[own] = (shares[last + 1] - shares[first]) / (last + 1 - first)
    return unique
