"""A potential that is learned becomes what states are worth, and stands still between fits."""

from __future__ import annotations

import numpy as np
import torch

from regimen.envs import EnvSpec, LearnedPotentialConfig

GAMMA = 0.9


def test_it_learns_what_states_are_worth() -> None:
    """A chain of five states that ends in ruin, whose worth is known; a fit leaves no gradient and no training mode."""
    config = LearnedPotentialConfig(hidden=(16,), every=16, updates=40, learning_rate=0.05, minibatch_size=256)
    spec = EnvSpec(columns=("state", "noise"), choices=2)
    potential = config.build(spec, 64, GAMMA)
    random = np.random.default_rng(0)
    state = random.integers(0, 5, 64)

    def shown() -> np.ndarray:
        return np.stack([state.astype(np.float32), random.normal(size=64).astype(np.float32)], axis=1)

    rows = shown()
    assert not potential(rows).any()  # until it has been fitted
    for _ in range(3 * 16):
        before = potential(rows)
        potential.improve(rows)
        if potential.fits == 0:
            np.testing.assert_array_equal(potential(rows), before)
        terminated = state == 4
        potential.watch(rows, state.astype(np.float64), terminated, np.zeros(64, np.bool_), np.zeros(64))
        state = np.where(terminated, random.integers(0, 5, 64), np.minimum(state + 1, 4))
        rows = shown()
    potential.improve(rows)
    assert potential.fits == 3
    worth = np.zeros(6)
    for k in range(4, -1, -1):
        worth[k] = k + GAMMA * worth[k + 1]
    asked = np.stack([np.arange(5), np.zeros(5)], axis=1).astype(np.float32)
    np.testing.assert_allclose(potential(asked), worth[:5], atol=0.5)
    assert all(each.grad is None for each in potential.network.parameters())
    assert not potential.network.training
    assert torch.is_grad_enabled()
