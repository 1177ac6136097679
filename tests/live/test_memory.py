"""Arrays side by side in one block come back as they were, and two memories are the same when their bits are."""

from __future__ import annotations

import numpy as np

from regimen.live.memory import LiveMemory

ARRAYS = {
    "flags": np.array([True, False, True]),
    "numbers": np.array([[1.0, np.nan], [-0.0, np.inf]]),
    "count": np.array(7),
    "nothing": np.empty((0, 3)),
    "bytes": np.frombuffer(b"abcde", np.uint8),
}


def test_arrays_come_back_as_they_were() -> None:
    memory = LiveMemory.of(ARRAYS)
    for name, array in memory.arrays().items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert (array.dtype, array.shape, array.flags.writeable) == (ARRAYS[name].dtype, ARRAYS[name].shape, False)
    assert "count" in memory
    assert "other" not in memory


def test_the_same_bits_are_the_same_memory() -> None:
    memory, kept = LiveMemory.of(ARRAYS), LiveMemory.of(ARRAYS)
    assert memory == kept == LiveMemory.of(dict(reversed(ARRAYS.items())))
    kept.layout.view(kept.block, "numbers")[1, 0] = 0.0  # it was -0.0
    assert memory != kept
    assert memory != LiveMemory.of({name: ARRAYS[name] for name in ("flags", "numbers")})
