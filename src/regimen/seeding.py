"""All random generators: each comes from one seed and a path of names, so nothing depends on the order of calls."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


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


def generator_state(random: np.random.Generator) -> NDArray[np.uint64]:
    """Returns the place (6,) of a `generator` in its stream, for a checkpoint of what draws as it goes."""
    state = random.bit_generator.state
    words = [(state["state"][name] >> shift) & (2**64 - 1) for name in ("state", "inc") for shift in (0, 64)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def restore_generator(state: NDArray[np.uint64]) -> np.random.Generator:
    """Returns a generator at the place that `generator_state` gave."""
    words = [int(word) for word in state]
    bits = np.random.PCG64(0)
    bits.state = {
        "bit_generator": "PCG64",
        "state": {"state": words[0] | words[1] << 64, "inc": words[2] | words[3] << 64},
        "has_uint32": words[4],
        "uinteger": words[5],
    }
    return np.random.Generator(bits)
