"""All that changes in an algorithm of Stable-Baselines3 while it learns, as tensors; its own files are pickles."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import recursive_getattr
from torch import Tensor

from regimen.seeding import generator_state, restore_generator
from regimen.tensorfile import optimizer_tensors, restore_optimizer

EXACT = ("A2C", "CrossQ", "DDPG", "DQN", "PPO", "QRDQN", "SAC", "TD3", "TQC", "TRPO")
"""Algorithms of which these tensors are known to be all: resumed, they end with the bytes of one that never stopped."""

_CLOCK = ("start_time",)


def state_of(model: BaseAlgorithm) -> dict[str, Tensor]:
    """Returns optimisers, counters, last observations, replay buffer and random streams, named ``group/name``.

    The policy and `variables_of` are not among them.
    """
    found: dict[str, Tensor] = {}
    for name in _optimizers(model):
        slots = optimizer_tensors(recursive_getattr(model, name))
        # some optimisers count their steps in a plain int
        found |= {f"optimizers/{name}/{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    found |= {f"model/{name}": tensor for name, tensor in _plain(model).items()}
    found |= {f"random/{name}": torch.from_numpy(array) for name, array in _streams().items()}
    drawn = getattr(model.action_space, "_np_random", None)
    if drawn is not None:
        found["random/actions"] = torch.from_numpy(generator_state(drawn))
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        used = buffer.size()
        for name, tensor in _plain(buffer).items():
            found[f"replay/{name}"] = tensor[:used] if tensor.ndim else tensor
    return found


def restore_state(model: BaseAlgorithm, groups: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Takes back a `state_of` of the same algorithm, environment and lanes."""
    for name in _optimizers(model):
        prefix = f"{name}/"
        slots = {key.removeprefix(prefix): each for key, each in groups.get("optimizers", {}).items() if prefix in key}
        restore_optimizer(recursive_getattr(model, name), slots)
    for name, tensor in groups["model"].items():
        setattr(model, name, tensor.numpy().copy() if tensor.ndim else tensor.item())
    for name, tensor in groups.get("replay", {}).items():
        if tensor.ndim:
            getattr(model.replay_buffer, name)[: len(tensor)] = tensor.numpy()  # type: ignore[attr-defined, unused-ignore]
        else:
            setattr(model.replay_buffer, name, tensor.item())  # type: ignore[attr-defined, unused-ignore]
    streams = {name: tensor.numpy() for name, tensor in groups["random"].items()}
    if "actions" in streams:
        model.action_space._np_random = restore_generator(streams.pop("actions"))
    _restore_streams(streams)


def variables_of(model: BaseAlgorithm) -> dict[str, Tensor]:
    """Returns what an algorithm learns beside its policy, by name: SAC's temperature."""
    return {name: recursive_getattr(model, name).detach() for name in _variables(model)}


def restore_variables(model: BaseAlgorithm, tensors: Mapping[str, Tensor]) -> None:
    """Takes back `variables_of`."""
    for name in _variables(model):
        recursive_getattr(model, name).data.copy_(tensors[name])


def _optimizers(model: BaseAlgorithm) -> list[str]:
    return [name for name in model._get_torch_save_params()[0] if name.endswith("optimizer")]


def _variables(model: BaseAlgorithm) -> list[str]:
    return list(model._get_torch_save_params()[1])


def _plain(thing: object) -> dict[str, Tensor]:
    """Returns the arrays and single numbers among an object's attributes."""
    found: dict[str, Tensor] = {}
    for name, value in sorted(vars(thing).items()):
        if isinstance(value, np.ndarray):
            found[name] = torch.from_numpy(value)
        elif isinstance(value, bool | int | float) and name not in _CLOCK:
            dtype = torch.bool if isinstance(value, bool) else torch.int64 if isinstance(value, int) else torch.float64
            found[name] = torch.tensor(value, dtype=dtype)
    return found


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

    Inside ``with streams.held():`` the global streams are the agent's own; outside they are as if it did not exist.
    """

    def __init__(self) -> None:
        self._own: dict[str, NDArray[Any]] | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lends the agent's streams to the block, and gives back what was there."""
        before = _streams()
        if self._own is not None:
            _restore_streams(self._own)
        try:
            yield
        finally:
            self._own = _streams()
            _restore_streams(before)
