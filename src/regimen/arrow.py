"""Arrow columns to numpy without pandas, whose import alone takes longer than a million rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_numpy(column: Any) -> NDArray[Any]:
    """Returns a pyarrow column of numbers or truth values as one numpy array; missing floats are NaN.

    pyarrow's own conversion imports pandas, so the memory of numbers is taken over as it is.
    """
    chunks = getattr(column, "chunks", [column])
    if not chunks:
        return np.empty(0)
    parts = [_one(chunk) for chunk in chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _one(chunk: Any) -> NDArray[Any]:
    import pyarrow as pa

    if len(chunk) and (pa.types.is_float64(chunk.type) or pa.types.is_integer(chunk.type)):
        full = chunk.fill_null(float("nan")) if chunk.null_count and chunk.type == pa.float64() else chunk
        if full.null_count == 0:
            return np.from_dlpack(full)
    return np.asarray(chunk.to_numpy(zero_copy_only=False))


def data_errors(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Returns pyarrow's complaints about data, and others, for an ``except``.

    That memory ran out is none of them: pyarrow derives it from the class of all its complaints.
    """
    import pyarrow as pa

    return (
        pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowKeyError, pa.ArrowIndexError, pa.ArrowNotImplementedError,
        pa.ArrowCapacityError, pa.ArrowSerializationError, *others,
    )  # fmt: skip
