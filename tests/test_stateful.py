"""One way to persist: parts of every kind come back as they were, and a part of another shape is refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from regimen.errors import RunError
from regimen.stateful import below, parts, restore_into, state_of, under


class Count:
    def __init__(self, start: float) -> None:
        self.value = np.array([start])

    def state(self) -> dict[str, NDArray[np.float64]]:
        return {"value": self.value.copy()}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        assert isinstance(state["value"], np.ndarray)  # numpy's to whoever gives numpy's
        self.value = state["value"]


class Owner:
    kept = parts("network", "count", "updates", "scale", "rows", **{"adam": "inner.optimizer", "far/log": "logarithm"})

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.network, self.count, self.updates, self.scale = nn.Linear(2, 1), Count(seed), seed, seed / 3.0
        self.rows, self.logarithm, self.inner = np.full((seed, 2), 0.5, np.float32), torch.full((1,), float(seed)), self
        self.optimizer = torch.optim.Adam(self.network.parameters())

    def learn(self) -> None:
        self.optimizer.zero_grad()
        self.network(torch.ones(3, 2)).square().sum().backward()
        self.optimizer.step()


def test_parts_of_every_kind_come_back_bit_for_bit() -> None:
    one, other = Owner(3), Owner(5)
    one.learn()
    kept = {name: tensor.clone() for name, tensor in state_of(one, Owner.kept).items()}
    assert {"network/weight", "count/value", "updates", "scale", "rows", "far/log", "adam/0/exp_avg"} <= kept.keys()
    restore_into(other, Owner.kept, kept, "file")
    back = state_of(other, Owner.kept)
    assert back.keys() == kept.keys()
    assert all(torch.equal(back[name], kept[name]) and back[name].dtype == kept[name].dtype for name in kept)
    assert (other.updates, other.scale) == (3, 1.0)
    for owner in (one, other):
        owner.learn()
    assert torch.equal(one.network.weight, other.network.weight)


def test_what_is_missing_or_of_another_shape_is_one_line() -> None:
    owner, kept = Owner(1), state_of(Owner(1), Owner.kept)
    with pytest.raises(RunError, match=r"^file: far/log: must be there; it was written by another version$"):
        restore_into(owner, Owner.kept, {name: each for name, each in kept.items() if name != "far/log"}, "file")
    with pytest.raises(RunError, match=r"^file: weight: must be \(1, 2\) in this architecture; got \(1, 3\)$"):
        restore_into(owner, Owner.kept, {**kept, "network/weight": torch.zeros(1, 3)}, "file")


def test_an_owner_keeps_its_parts_under_prefixes() -> None:
    whole = under("a/", {"x": 1, "y/z": 2}) | under("b/", {"x": 3}) | {"ab": 4}
    assert whole == {"a/x": 1, "a/y/z": 2, "b/x": 3, "ab": 4}
    assert below(whole, "a/") == {"x": 1, "y/z": 2}
    assert below(whole, "b/") == {"x": 3}
