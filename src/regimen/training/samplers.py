"""Which rows make the batches of an epoch: the loop's first seam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError
from regimen.seams import Epoch, Rows, RowTable, Sampler


def shuffled(rows: int, batch_size: int) -> Sampler:
    """Each row exactly once an epoch, in a new order; the last batch may be shorter.

    Args:
        rows: number of training rows.
        batch_size: rows in a batch.
    """

    def sample(history: Sequence[Epoch], generator: np.random.Generator) -> Sequence[Rows]:  # noqa: ARG001
        return cut(generator.permutation(rows), batch_size)

    return sample


def balanced(y: NDArray[Any], batch_size: int) -> Sampler:
    """As many rows as there are, drawn with replacement so that every class that occurs is equally likely.

    Args:
        y: (n,) class of each training row.
        batch_size: rows in a batch.
    """
    members = [np.flatnonzero(y == label) for label in np.unique(y)]
    sizes = np.array([len(rows) for rows in members], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    by_class = np.concatenate(members)

    def sample(history: Sequence[Epoch], generator: np.random.Generator) -> Sequence[Rows]:  # noqa: ARG001
        classes = generator.integers(0, len(sizes), size=len(by_class))
        return cut(by_class[starts[classes] + generator.integers(0, sizes[classes])], batch_size)

    return sample


def in_blocks(table: RowTable, block: int, batch_size: int) -> Sampler:
    """Each row exactly once an epoch, in blocks of rows that follow each other in time, the blocks in a new order.

    A block holds bars of one symbol without a gap. Where one ends and the next begins is drawn anew each epoch; the
    pieces at both ends of a stretch are shorter, or longer by less than half a block.

    Args:
        table: where the rows come from.
        block: rows in a block.
        batch_size: rows in a batch of whole blocks, at most; the last one may be longer by half of it.
    """
    order = np.lexsort((table.time, table.symbol))
    gaps = (np.diff(table.symbol[order]) != 0) | (np.diff(table.time[order]) != 1)
    stretches = np.split(order, np.flatnonzero(gaps) + 1)

    def sample(history: Sequence[Epoch], generator: np.random.Generator) -> Sequence[Rows]:  # noqa: ARG001
        pieces: list[Rows] = []
        for stretch in stretches:
            cuts = np.arange(generator.integers(block), len(stretch), block)
            cuts = cuts[(cuts >= block // 2) & (cuts <= len(stretch) - block // 2)]
            pieces += np.split(stretch, cuts)
        batches: list[list[Rows]] = []
        size = batch_size
        for number in generator.permutation(len(pieces)):
            if size + len(pieces[number]) > batch_size:
                batches.append([])
                size = 0
            batches[-1].append(pieces[number])
            size += len(pieces[number])
        if len(batches) > 1 and 2 * size < batch_size:
            last = batches.pop()
            batches[-1] += last
        return [np.concatenate(batch) for batch in batches]

    return sample


def check_batches(batches: Sequence[Rows], rows: int) -> None:
    """Refuses an epoch without batches, and positions that are no training row.

    Raises:
        DataError: naming the first bad batch.
    """
    if len(batches) == 0:
        raise DataError("sampler", "must give at least one batch an epoch")
    for number, batch in enumerate(batches):
        if batch.ndim != 1 or len(batch) == 0 or batch.dtype != np.int64:
            raise DataError(f"sampler: batch {number}", "must be a non-empty vector of int64", batch.shape)
        if batch.min() < 0 or batch.max() >= rows:
            raise DataError(
                f"sampler: batch {number}",
                f"must hold positions 0 to {rows - 1}",
                [int(batch.min()), int(batch.max())],
            )


def cut(order: Rows, batch_size: int) -> list[Rows]:
    """Returns the rows (n,) in their order as batches, of which the last may be shorter."""
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
