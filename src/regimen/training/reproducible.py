"""A scope in which the same inputs give the same bytes, and after which torch is as it was before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from regimen.nets import private_random, torch_threads


@contextmanager
def reproducible(threads: int, device: torch.device) -> Iterator[None]:
    """Deterministic kernels, a fixed number of threads, full float32 products, and a private random state.

    The process's own settings and random state come back on leaving, also after an error.

    Args:
        threads: CPU threads inside the scope.
        device: where the training runs.
    """
    if device.type == "cuda":  # read by cuBLAS at its first product; deterministic mode refuses to run without it
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
    )
    with private_random(device), torch_threads(threads):
        try:
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
            torch.set_float32_matmul_precision("highest")
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
            torch.backends.cudnn.benchmark = before[2]
            torch.set_float32_matmul_precision(before[3])
