"""What a model could learn, destroyed in one window: its labels shuffled, or its features in reverse order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regimen.labels import BUY, SELL
from regimen.runs.prepare import Prepared
from regimen.seeding import generator
from regimen.splits import Slice

Positions = NDArray[np.int64]


def shuffled_labels(prepared: Prepared, parts: tuple[Slice, ...], seed: int, exchanged: bool) -> Prepared:
    """Returns a run whose labels in some slices belong to other bars of the same slice.

    Blocks of rows, as long as a label looks ahead, change places, each symbol's own rows and all symbols in the same
    order where they have the same bars. So classes are as frequent as they were, and last as long. What is made from
    bars or chosen by profit would bring the truth back: paths of bars are left out, and the loss chooses the epoch.

    Args:
        prepared: of the run.
        parts: training and validation slice of a window; other labels stay.
        seed: of the permutation.
        exchanged: also calls each SELL a BUY, and each BUY a SELL.
    """
    labels = prepared.labels
    y, forward = labels.y.copy(), labels.forward_return.copy()
    for number, part in enumerate(parts):
        for symbol, times in _rows(part):
            order = _in_blocks(len(times), labels.horizon + 1, generator(seed, "controls", "labels", number))
            y[times, symbol] = labels.y[times[order], symbol]
            forward[times, symbol] = labels.forward_return[times[order], symbol]
            if exchanged:
                own = y[times, symbol]
                y[times, symbol] = np.where(own == SELL, BUY, np.where(own == BUY, SELL, own))
                forward[times, symbol] *= -1.0
    config = prepared.config
    training = config.training.model_copy(update={"select": "loss"})
    config = config.model_copy(update={"augment": (), "training": training})
    return replace(prepared, config=config, labels=replace(labels, y=y, forward_return=forward))


def reversed_features(prepared: Prepared, spans: tuple[tuple[int, int], ...], rotated: bool) -> Prepared:
    """Returns a run whose rows of features stand in reverse order within spans, each symbol's known rows.

    Args:
        prepared: of the run.
        spans: positions [start, stop).
        rotated: also moves them by half of the span, around its end.
    """
    values, known = prepared.frame.values.copy(), prepared.known
    for start, stop in spans:
        for symbol in range(known.shape[1]):
            times = start + np.flatnonzero(known[start:stop, symbol])
            order = times[::-1]
            values[times, symbol] = prepared.frame.values[np.roll(order, len(order) // 2) if rotated else order, symbol]
    config = prepared.config.model_copy(update={"augment": ()})
    return replace(prepared, config=config, frame=replace(prepared.frame, values=values))


def _rows(part: Slice) -> Iterator[tuple[int, Positions]]:
    """Yields each symbol with the times of its usable rows."""
    times, symbols = part.positions
    for symbol in np.unique(symbols):
        yield int(symbol), times[symbols == symbol]


def _in_blocks(rows: int, length: int, random: np.random.Generator) -> Positions:
    """Returns positions (rows,) with blocks of that length in another order."""
    blocks = np.array_split(np.arange(rows), max(1, round(rows / length)))
    return np.concatenate([blocks[place] for place in random.permutation(len(blocks))]).astype(np.int64)
