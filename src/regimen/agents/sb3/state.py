"""What an algorithm of Stable-Baselines3 learns beside its policy, and random streams of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import recursive_getattr
from torch import Tensor


@final
class Variables:
    """What an algorithm learns beside its policy, by name: SAC's temperature.

    Args:
        model: returns the library's object of now.
    """

    def __init__(self, model: Callable[[], BaseAlgorithm]) -> None:
        self._model = model

    def state(self) -> dict[str, Tensor]:
        """Returns the variables."""
        return {name: recursive_getattr(self._model(), name).detach() for name in self._names()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes back a `state`."""
        for name in self._names():
            recursive_getattr(self._model(), name).data.copy_(state[name])

    def _names(self) -> list[str]:
        return list(self._model()._get_torch_save_params()[1])


def _streams() -> dict[str, NDArray[Any]]:
    """Returns where the three streams stand that the library draws from."""
    _, keys, place, has, kept = np.random.get_state()  # noqa: NPY002  (the library's stream)
    version, words, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state().numpy(),
        "numpy": np.array([*keys, place, has], dtype=np.int64),
        "numpy_gauss": np.array([kept], dtype=np.float64),
        "python": np.array([version, *words], dtype=np.int64),
        "python_gauss": np.array([0.0, 0.0] if gauss is None else [1.0, gauss], dtype=np.float64),
    }


def _restore_streams(streams: Mapping[str, NDArray[Any]]) -> None:
    torch.set_rng_state(torch.from_numpy(streams["torch"]))
    *keys, place, has = (int(word) for word in streams["numpy"])
    np.random.set_state(("MT19937", np.array(keys, np.uint32), place, has, float(streams["numpy_gauss"][0])))  # noqa: NPY002
    version, *words = (int(word) for word in streams["python"])
    has_gauss, gauss = streams["python_gauss"]
    random.setstate((version, tuple(words), float(gauss) if has_gauss else None))


@final
class OwnStreams:
    """Streams of torch, numpy and Python that belong to one agent, though the library draws from the global ones.

    Inside ``with streams.in_use():`` the global streams are the agent's own; outside they are as if it did not exist.
    """

    def __init__(self) -> None:
        self._own: dict[str, NDArray[Any]] | None = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Lends the agent's streams to the block, and gives back what was there."""
        before = _streams()
        if self._own is not None:
            _restore_streams(self._own)
        try:
            yield
        finally:
            self._own = _streams()
            _restore_streams(before)
