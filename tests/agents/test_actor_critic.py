"""The network with a memory: its size, its first weights, and sequences with resets against the bare equations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regimen.agents.recurrent_ppo.actor_critic import RecurrentActorCritic, segments
from regimen.agents.recurrent_ppo.config import RecurrentPPOConfig
from regimen.envs import EnvSpec


def small_network(width: int = 3, hidden: int = 5, layers: int = 2) -> RecurrentActorCritic:
    torch.manual_seed(0)
    spec = EnvSpec(columns=tuple(f"x{number}" for number in range(width)), choices=3)
    return RecurrentActorCritic(spec, hidden, layers, 4, "tanh", 0.0)


def by_hand(network: RecurrentActorCritic, x: Tensor, begins: Any, state: Tensor) -> Tensor:
    """The LSTM's equations, one step and one sequence at a time. Source: Hochreiter & Schmidhuber; torch's docs."""
    lstm, size = network.lstm, network.hidden
    rows = []
    for row in range(len(x)):
        kept = state[row].view(2, network.layers, size)
        h, c = list(kept[0]), list(kept[1])
        for t in range(x.shape[1]):
            if begins[row, t]:
                h, c = [torch.zeros_like(each) for each in h], [torch.zeros_like(each) for each in c]
            value = network.encoder(x[row, t])
            for layer in range(network.layers):
                wi, wh, bi, bh = (
                    getattr(lstm, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                )
                gates = wi @ value + bi + wh @ h[layer] + bh
                i, f, g, o = gates.split(size)
                c[layer] = f.sigmoid() * c[layer] + i.sigmoid() * g.tanh()
                h[layer] = o.sigmoid() * c[layer].tanh()
                value = h[layer]
            rows.append(network.norm(value))
    return torch.stack(rows).view(*x.shape[:2], size)


def test_the_recommended_design_has_its_number_of_parameters() -> None:
    spec = EnvSpec(columns=tuple(f"x{number}" for number in range(63)), choices=3)
    agent = RecurrentPPOConfig().build(spec)
    assert sum(parameter.numel() for parameter in agent.network.parameters()) == 289_668
    continuous = RecurrentPPOConfig().build(EnvSpec(columns=spec.columns, size=3))
    assert sum(parameter.numel() for parameter in continuous.network.parameters()) == 289_668 + 3


def test_the_first_weights() -> None:
    network = RecurrentPPOConfig().build(EnvSpec(columns=("a", "b"), choices=3)).network
    for name, parameter in network.lstm.named_parameters():
        if name.startswith("weight"):
            for gate in parameter.detach().chunk(4):
                torch.testing.assert_close(gate @ gate.T, torch.eye(128), rtol=0, atol=1e-5)
        else:
            expected = torch.zeros(4, 128)
            expected[1] = float(name.startswith("bias_ih"))
            torch.testing.assert_close(parameter.detach().view(4, 128), expected)
    first = network.encoder[0]
    assert isinstance(first, nn.Linear)
    joint = torch.cat([first.weight, first.bias[:, None]], 1).detach()
    torch.testing.assert_close(joint.T @ joint, 2.0 * torch.eye(3), rtol=0, atol=1e-5)
    x = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    features, _ = network.step(x, torch.zeros(500, network.memory))
    entropy = network.heads.log_prob_and_entropy(network.heads.actor(features), torch.zeros(500, dtype=torch.int64))[1]
    assert float(entropy.min().detach()) > 0.99 * math.log(3.0)


def test_the_layer_norm_does_not_hide_the_size_of_a_single_column() -> None:
    network = RecurrentPPOConfig(hidden=32).build(EnvSpec(columns=("x",), choices=2)).network
    far = (network.encoder(torch.tensor([[1.0]])) - network.encoder(torch.tensor([[3.0]]))).norm()
    assert float(far.detach()) > 1.0


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_sequences_are_the_equations_step_by_step(chance: float) -> None:
    """Values, and gradients of a random function of them, in float64; rows enough for several groups of pieces."""
    network = small_network().double()
    random = np.random.default_rng(1)
    x = torch.from_numpy(random.normal(size=(20, 9, 3)))
    state = torch.from_numpy(random.normal(size=(20, network.memory)))
    weight = torch.from_numpy(random.normal(size=(20, 9, 5)))
    begins = random.random((20, 9)) < chance
    found = []
    for make in (network.sequences, lambda *given: by_hand(network, *given)):
        network.zero_grad()
        features = make(x, begins, state)
        (features * weight).sum().backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad.clone() for name, p in network.named_parameters() if p.grad is not None]
        found.append([features.detach(), *gradients])
    assert len(found[0]) == 1 + 4 + 8 + 2  # encoder, LSTM, norm
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_every_input_lies_in_one_piece_and_little_is_padded() -> None:
    random = np.random.default_rng(0)
    for chance in (0.0, 0.01, 0.1, 0.5, 1.0):
        begins = random.random((200, 64)) < chance
        groups = segments(begins)
        covered = np.concatenate([np.arange(a, a + n) for first, lengths in groups for a, n in zip(first, lengths)])  # noqa: B905
        np.testing.assert_array_equal(np.sort(covered), np.arange(begins.size))
        rows = sum(len(first) * int(lengths.max()) for first, lengths in groups)
        assert rows <= 2.0 * begins.size
    assert len(segments(np.ones((200, 64), np.bool_))) == 1
    assert len(segments(np.zeros((200, 64), np.bool_))) == 1


def test_nothing_crosses_an_episodes_end_or_a_lane() -> None:
    """Bitwise: the earlier episode, the state before it, or another lane are changed."""
    network = small_network(hidden=16)
    random = np.random.default_rng(2)
    x = torch.from_numpy(random.normal(size=(6, 20, 3)).astype(np.float32))
    state = torch.from_numpy(random.normal(size=(6, network.memory)).astype(np.float32))
    begins = np.zeros((6, 20), np.bool_)
    begins[[0, 1, 4], [7, 15, 0]] = True
    before = network.sequences(x, begins, state)
    changed, other = x.clone(), state.clone()
    changed[0, :7] += 1.0
    other[0] += 1.0
    other[4] -= 1.0  # not used: an episode begins there
    changed[5] *= -1.0
    after = network.sequences(changed, begins, other)
    assert torch.equal(before[0, 7:], after[0, 7:])
    assert torch.equal(before[1:5], after[1:5])
    assert not torch.isclose(before[0, :7], after[0, :7]).all()
    assert not torch.isclose(before[5], after[5]).all()
    changed[1, 3] += 1.0  # within an episode it does matter
    later = network.sequences(changed, begins, other)
    assert (later[1, 3:15] != after[1, 3:15]).any(-1).all()
    assert torch.equal(later[1, 15:], after[1, 15:])
