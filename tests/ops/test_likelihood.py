"""The pinball loss: by hand, its gradient, its minimum, NaN and refusals."""

from __future__ import annotations

import pytest
import torch

from regimen.errors import DataError
from regimen.ops import pinball

LEVELS = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)


def test_by_hand_and_its_gradient_is_what_is_covered_less_the_level() -> None:
    quantiles = torch.tensor([[-1.0, 0.0, 2.0], [1.5, 1.6, 1.7]], dtype=torch.float64, requires_grad=True)
    losses = pinball(quantiles, torch.tensor([[1.0], [1.0]], dtype=torch.float64), LEVELS)
    torch.testing.assert_close(losses[0], torch.tensor([0.2, 0.5, 0.1], dtype=torch.float64))
    losses.sum().backward()
    covered = torch.tensor([[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(quantiles.grad, covered - LEVELS)


def test_it_is_smallest_at_the_true_quantiles() -> None:
    y = torch.randn(200_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    truth = torch.distributions.Normal(0.0, 1.0).icdf(LEVELS)
    reached = pinball(truth.expand(len(y), -1), y, LEVELS).mean(0)
    for off in (-0.2, 0.2):
        assert (pinball((truth + off).expand(len(y), -1), y, LEVELS).mean(0) > reached).all()


def test_a_nan_spoils_its_own_entry_and_levels_must_be_one_for_each_quantile() -> None:
    quantiles = torch.zeros(2, 3, dtype=torch.float64)
    quantiles[1, 2] = torch.nan
    assert pinball(quantiles, torch.ones(2, 1, dtype=torch.float64), LEVELS).isnan().nonzero().tolist() == [[1, 2]]
    with pytest.raises(DataError, match="levels"):
        pinball(quantiles, torch.ones(2, 1, dtype=torch.float64), LEVELS[:2])
