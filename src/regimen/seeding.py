"""All random generators: each comes from one seed and a path of names, so nothing depends on the order of calls."""

from __future__ import annotations

import hashlib

import numpy as np


def _entropy(seed: int, path: tuple[int | str, ...]) -> int:
    text = "/".join([str(int(seed)), *(f"{type(part).__name__}:{part}" for part in path)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def generator(seed: int, *path: int | str) -> np.random.Generator:
    """Returns a numpy generator for one purpose, e.g. ``generator(7, "window", 3, "epoch", 12)``.

    The same seed and path give the same stream on every machine; different paths give independent streams.
    Because an epoch's stream depends on its number only, a resumed run needs no saved generator state.
    """
    return np.random.Generator(np.random.PCG64(_entropy(seed, path)))


def torch_seed(seed: int, *path: int | str) -> int:
    """Returns a 63-bit seed for ``torch.manual_seed``, derived like `generator`."""
    return _entropy(seed, path) & (2**63 - 1)
