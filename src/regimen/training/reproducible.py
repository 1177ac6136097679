"""A scope in which the same inputs give the same bytes, and after which torch is as it was before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from regimen.nets import keep_freed_memory, private_random, torch_threads

_ERROR = 2
"""What `torch.use_deterministic_algorithms(True)` sets, which also imports torch's compiler, for more than a second, to
tell it: nothing here is compiled by it."""


@contextmanager
def reproducible(threads: int, device: torch.device) -> Iterator[None]:
    """Deterministic kernels, a fixed number of threads, full float32 products, and a private random state.

    The process's own settings and random state come back on leaving, also after an error; but what it frees it keeps
    from now on, see `regimen.nets.keep_freed_memory`.

    Args:
        threads: CPU threads inside the scope.
        device: where the training runs.
    """
    if device.type == "cuda":  # read by cuBLAS at its first product; deterministic mode refuses to run without it
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    keep_freed_memory()
    before = (
        torch.get_deterministic_debug_mode(),
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
    )
    with private_random(device), torch_threads(threads):
        try:
            torch.set_deterministic_debug_mode(_ERROR)
            torch.backends.cudnn.benchmark = False
            torch.set_float32_matmul_precision("highest")
            yield
        finally:
            torch.set_deterministic_debug_mode(before[0])
            torch.backends.cudnn.benchmark = before[1]
            torch.set_float32_matmul_precision(before[2])
