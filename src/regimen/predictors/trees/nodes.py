"""Trees of any library as arrays, and what they say of rows of which a few columns change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit
from regimen.labels import CLASSES

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Places = NDArray[np.int64]
_BLOCK = 512
"""Rows that go down a tree together: their places in it stay in the processor's cache."""


class Tree(NamedTuple):
    """One tree, its root first. A row goes left where ``x[column] <= threshold``.

    Attributes:
        column: (node,) that a node looks at; negative: a leaf.
        threshold: (node,), in the numbers in which the library compares.
        left, right: (node,) where a row goes on.
        value: (node, class) what a leaf adds to the sum over trees.
    """

    column: NDArray[np.integer]
    threshold: Floats
    left: NDArray[np.integer]
    right: NDArray[np.integer]
    value: Floats


@final
class Nodes:
    """All trees of a model, whose answer is a function of the sum of the leaves that a row reaches.

    Args:
        trees: in the order in which they are added.
        logits: whether probabilities are ``softmax(sum)``; else they are the sum itself.
    """

    def __init__(self, trees: Iterable[Tree], *, logits: bool) -> None:
        ordered = [_in_pairs(tree) for tree in trees]
        starts = np.cumsum([0, *(len(tree.column) for tree in ordered)])
        self._roots = starts[:-1]
        self._depths = np.array([tree.depth for tree in ordered], dtype=np.int64)
        self._column = np.concatenate([tree.column for tree in ordered])
        self._threshold = np.concatenate([tree.threshold for tree in ordered])
        self._first = np.concatenate([tree.first + start for tree, start in zip(ordered, starts[:-1], strict=True)])
        self._value = np.concatenate([tree.value for tree in ordered])
        self._looks = [set(tree.column[tree.splits].tolist()) for tree in ordered]
        self._logits = logits

    def looking_at(self, columns: Sequence[int]) -> Places:
        """Returns the numbers of the trees that look at one of some columns."""
        wanted = set(columns)
        return np.array([k for k, looks in enumerate(self._looks) if looks & wanted], dtype=np.int64)

    def sums(self, x: Rows, trees: Places) -> Floats:
        """Returns what some trees add up to, (row, class).

        Args:
            x: (row, column) finite.
            trees: their numbers.
        """
        sums = np.zeros((len(x), len(CLASSES)))
        columns, thresholds, first = self._column, self._threshold, self._first
        _descend(x, self._roots[trees], self._depths[trees], columns, thresholds, first, self._value, sums)
        return sums

    def moved(self, probabilities: Floats, change: Floats) -> Floats:
        """Returns the probabilities (row, class) when the sums change by so much."""
        if self._logits:
            return _whole(probabilities * np.exp(change))
        return _whole(np.maximum(probabilities + change, 0.0))  # what rounds to less than nothing


@final
class ChangedColumns:
    """What trees say of known rows of which some columns are changed: trees that look at none of them are not asked.

    Args:
        read: gives the trees; asked when a column changes for the first time.
        x: (row, column) finite, as they are.
        probabilities: (row, class) of them, as the library says.
    """

    def __init__(self, read: Callable[[], Nodes], x: Rows, probabilities: Floats) -> None:
        self._read, self._x, self._probabilities = read, x, probabilities

    @cached_property
    def _nodes(self) -> Nodes:
        return self._read()

    def probabilities(self, columns: Sequence[int], changed: Rows) -> Floats:
        """Returns (row, class) for the rows with these columns changed.

        Args:
            columns: that may differ.
            changed: (row, column), or the rows several times one after another.
        """
        times = len(changed) // len(self._x)
        if not columns:
            return _whole(np.tile(self._probabilities, (times, 1)))
        asked = self._nodes.looking_at(columns)
        change = self._nodes.sums(changed, asked) - np.tile(self._nodes.sums(self._x, asked), (times, 1))
        return self._nodes.moved(np.tile(self._probabilities, (times, 1)), change)


def _whole(parts: Floats) -> Floats:
    """Returns rows (row, class) that add up to 1; the sum is written out: its order never depends on the shape."""
    return parts / (parts[:, 0] + parts[:, 1] + parts[:, 2])[:, None]


class _Pairs(NamedTuple):
    """A tree whose nodes come level by level, the children of a node beside each other; a leaf leads to itself."""

    column: Places
    threshold: Floats
    first: Places
    value: Floats
    splits: NDArray[np.bool_]
    depth: int


def _in_pairs(tree: Tree) -> _Pairs:
    order, first, level, depth = [0], [0] * len(tree.column), [0], 0
    place = 0
    while place < len(order):
        node = order[place]
        if tree.column[node] >= 0:
            first[place] = len(order)
            order += [int(tree.left[node]), int(tree.right[node])]
            level += [level[place] + 1] * 2
            depth = level[-1]
        else:
            first[place] = place
        place += 1
    kept = np.array(order)
    splits = tree.column[kept] >= 0
    return _Pairs(
        column=np.where(splits, tree.column[kept], 0).astype(np.int64),
        threshold=np.where(splits, tree.threshold[kept], np.inf),
        first=np.array(first[: len(order)], dtype=np.int64),
        value=np.ascontiguousarray(tree.value[kept], dtype=np.float64),
        splits=splits,
        depth=depth,
    )


@jit
def _descend(
    x: Rows,
    roots: Places,
    depths: Places,
    column: Places,
    threshold: Floats,
    first: Places,
    value: Floats,
    sums: Floats,
) -> None:
    """Adds to ``sums`` (row, class) the leaves that rows reach, tree by tree."""
    nodes = np.empty(_BLOCK, np.int64)
    for begin in range(0, x.shape[0], _BLOCK):
        count = min(_BLOCK, x.shape[0] - begin)
        for k in range(len(roots)):
            nodes[:count] = roots[k]
            for _ in range(depths[k]):
                for r in range(count):
                    node = nodes[r]
                    nodes[r] = first[node] + (x[begin + r, column[node]] > threshold[node])
            for r in range(count):
                for c in range(sums.shape[1]):
                    sums[begin + r, c] += value[nodes[r], c]
