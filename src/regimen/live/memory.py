"""`LiveMemory`: named arrays side by side in one block of bytes: one copy keeps all that an account remembers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
Bytes = NDArray[np.uint8]
_ALIGNED = 16


@final
class BlockLayout:
    """Where each array of a block lies.

    Args:
        arrays: by name, of numbers and flags; their shapes and types count, not their values.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.places: dict[str, tuple[int, int, np.dtype[Any], tuple[int, ...]]] = {}
        end = 0
        for name, array in arrays.items():
            first, end = end, end + array.nbytes
            self.places[name] = (first, end, array.dtype, array.shape)
            end += -end % _ALIGNED
        self.size = end

    def view(self, block: Bytes, name: str) -> NDArray[Any]:
        """Returns an array of a block, which is not copied.

        Raises:
            KeyError: there is no such array.
        """
        first, end, kind, shape = self.places[name]
        return block[first:end].view(kind).reshape(shape)

    def views(self, block: Bytes) -> dict[str, NDArray[Any]]:
        """Returns all arrays of a block by name; none is copied."""
        return {name: self.view(block, name) for name in self.places}


@final
class LiveMemory:
    """Arrays by name that nobody changes any more.

    Args:
        layout: of the block.
        block: its bytes.
    """

    __slots__ = ("block", "layout")

    def __init__(self, layout: BlockLayout, block: Bytes) -> None:
        self.layout, self.block = layout, block

    @classmethod
    def of(cls, arrays: Arrays) -> LiveMemory:
        """Returns a memory of copies of these arrays."""
        layout = BlockLayout(arrays)
        block = np.zeros(layout.size, np.uint8)
        for name, view in layout.views(block).items():
            view[...] = arrays[name]
        return cls(layout, block)

    def __getitem__(self, name: str) -> NDArray[Any]:
        view = self.layout.view(self.block, name)
        view.flags.writeable = False
        return view

    def __contains__(self, name: str) -> bool:
        return name in self.layout.places

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same bits under the same names, wherever in their blocks."""
        if not isinstance(other, LiveMemory) or self.layout.places.keys() != other.layout.places.keys():
            return False
        return all(_alike(array, other[name]) for name, array in self.arrays().items())

    __hash__ = None  # type: ignore[assignment]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns all arrays by name; none is copied."""
        return {name: self[name] for name in self.layout.places}


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
