"""Memory that ran out is told from other failures."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from regimen.memory import ran_out


def test_every_library_says_it_in_its_own_way() -> None:
    import pyarrow as pa
    import torch

    found: list[BaseException] = [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")]
    with pytest.raises(MemoryError) as by_numpy:
        np.empty(1 << 56)
    with pytest.raises(RuntimeError) as by_torch:
        torch.empty(1 << 58)
    with pytest.raises(pa.ArrowException) as by_arrow:
        pa.allocate_buffer(1 << 60)
    thread = pa.ArrowException("Unknown error: Could not open: Failed to launch worker threads: Resource unavailable")
    found += [by_numpy.value, by_torch.value, by_arrow.value, thread]
    assert all(map(ran_out, found))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), RuntimeError("shape mismatch"), ValueError("memory")])
def test_other_failures_are_not_it(error: BaseException) -> None:
    assert not ran_out(error)
