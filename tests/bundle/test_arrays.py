"""Files of arrays: the same bytes for the same arrays, and nothing that runs when they are read."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest

from regimen.bundle import packed, unpacked
from regimen.errors import RunError

ARRAYS = {"numbers": np.array([[1.0, np.nan, np.inf]]), "count": np.array(3), "names": np.array(["a", "bc"])}


def test_arrays_come_back_bit_for_bit() -> None:
    again = unpacked(packed(ARRAYS), "x.npz")
    assert again.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].dtype == array.dtype
    assert packed(ARRAYS) == packed(ARRAYS)


def test_objects_are_neither_written_nor_read() -> None:
    with pytest.raises(ValueError, match="pickle"):
        packed({"thing": np.array([{}], object)})
    buffer = BytesIO()
    np.savez(buffer, thing=np.array([{}], object))
    with pytest.raises(RunError, match=r"x.npz: must be a file of arrays"):
        unpacked(buffer.getvalue(), "x.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00"])
def test_what_is_no_file_of_arrays(content: bytes) -> None:
    with pytest.raises(RunError, match="must be a file of arrays"):
        unpacked(content, "x.npz")
