"""Named arrays in one file without pickle: numbers and words, nothing that runs when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError

Arrays = Mapping[str, NDArray[Any]]


def packed(arrays: Arrays) -> bytes:
    """Returns an ``.npz`` file of arrays of numbers or words; the same arrays give the same bytes."""
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


def unpacked(content: bytes, name: str) -> dict[str, NDArray[Any]]:
    """Returns the arrays that `packed` put into a file.

    Raises:
        RunError: it is no such file.
    """
    try:
        with np.load(BytesIO(content), allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, ValueError, KeyError, EOFError, AttributeError, BadZipFile):
        raise RunError(name, "must be a file of arrays") from None
