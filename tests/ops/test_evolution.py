"""Oracles of the mathematics of evolution strategies: the gradient of a quadratic, the order of what is unequal."""

from __future__ import annotations

import numpy as np
import torch

from regimen import ops

SIZE, PAIRS, SIGMA = 20, 20_000, 0.3


def test_the_estimate_of_a_quadratics_gradient_is_unbiased_and_ranks_keep_its_direction() -> None:
    """Oracle: ∇F(θ) = b − Aθ exactly; the estimate of each component lies within 4 of its own standard errors."""
    rng = np.random.default_rng(0)
    root, b, theta = rng.normal(size=(SIZE, SIZE)), rng.normal(size=SIZE), rng.normal(size=SIZE)
    a = root @ root.T / SIZE
    noise = rng.normal(size=(PAIRS, SIZE))

    def fitness(z: np.ndarray) -> np.ndarray:
        return np.asarray(-0.5 * np.einsum("...i,ij,...j", z, a, z) + z @ b)

    plus, minus = fitness(theta + SIGMA * noise), fitness(theta - SIGMA * noise)
    gained, lost, drawn = (torch.from_numpy(each) for each in (plus, minus, noise))
    gradient = ops.evolution_gradient(gained, lost, drawn, SIGMA).numpy()
    each = (plus - minus)[:, None] * noise / (2.0 * SIGMA)
    exact, error = b - a @ theta, each.std(0) / PAIRS**0.5
    z = (gradient - exact) / error
    assert np.abs(z).max() < 3.5  # of 20 components; none beyond 3 in 19 of 20 draws
    assert np.mean(z**2) < 2.0
    ranks = ops.centred_ranks(torch.from_numpy(np.concatenate([plus, minus])))
    ranked = ops.evolution_gradient(ranks[:PAIRS], ranks[PAIRS:], drawn, SIGMA).numpy()
    assert ranked @ exact / np.linalg.norm(ranked) / np.linalg.norm(exact) > 0.99


def test_equals_share_their_place_so_that_where_all_are_alike_there_is_no_direction() -> None:
    fitness = torch.tensor([3.0, -1.0, 3.0, 7.0, 3.0])
    torch.testing.assert_close(ops.centred_ranks(fitness), torch.tensor([0.0, -0.5, 0.0, 0.5, 0.0]))
    assert not ops.centred_ranks(torch.full((6,), 0.3)).any()
    assert not ops.evolution_gradient(torch.ones(3), torch.ones(3), torch.randn(3, 2), 0.1).any()
