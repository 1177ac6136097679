"""Running moments are those of all rows at once, and what scales with them follows every change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regimen.agents import PPOConfig
from regimen.learning import RunningMoments


def test_moments_of_batches_are_those_of_all_rows() -> None:
    rows = np.random.default_rng(0).normal(loc=1e4, size=(1000, 3)) * [1.0, 1e-3, 0.0]
    moments = RunningMoments(3)
    for part in np.split(rows, [1, 5, 400]):
        moments.merge(part)
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.variance, rows.var(axis=0), rtol=1e-6, atol=1e-20)
    np.testing.assert_array_equal(moments.scale[2], 1.0)


def test_what_is_normalised_follows_a_merge_and_a_restored_state() -> None:
    rows = np.random.default_rng(1).normal(5.0, 3.0, size=(200, 2))
    moments, seen = RunningMoments(2), torch.from_numpy(rows[:3]).float()
    assert torch.equal(moments.normalised(seen, 50.0), seen)
    for part in (rows[:100], rows[100:]):
        moments.merge(part)
        shift, factor = torch.from_numpy(moments.mean).float(), torch.from_numpy(1.0 / moments.scale).float()
        assert torch.equal(moments.normalised(seen, 50.0), (seen - shift) * factor)
    kept, later = moments.state(), moments.normalised(seen, 50.0)
    moments.merge(rows + 100.0)
    assert not torch.equal(moments.normalised(seen, 50.0), later)
    moments.restore(kept)
    assert torch.equal(moments.normalised(seen, 50.0), later)


@pytest.mark.parametrize("scaled", [True, False])
def test_what_a_network_is_given_is_as_the_config_of_its_agent_says(scaled: bool) -> None:
    rows = np.random.default_rng(2).normal(5.0, 3.0, size=(50, 2)).astype(np.float32)
    moments, config = RunningMoments(2), PPOConfig(normalise_observations=scaled, observation_clip=1.5)
    moments.merge(rows)
    given = moments.network_input(rows, config)
    assert torch.equal(given, moments.normalised(torch.from_numpy(rows), 1.5, scaled))
    assert float(given.abs().max()) == 1.5
