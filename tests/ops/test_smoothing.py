"""The certificate of a smoothed classifier: the sheet's radii, and a linear model whose true radius is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from regimen.errors import ConfigError, DataError
from regimen.ops.smoothing import ABSTAINED, certified_radius, certify


def _random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("samples", "radius"), [(100, 0.1500), (1_000, 0.2463), (100_000, 0.3811)])
def test_the_radius_when_all_samples_agree(samples: int, radius: float) -> None:
    """p = α^(1/n), so R = σ Φ⁻¹(α^(1/n)): finite however many agree; σ = 0.1, α = 0.001."""
    reached = certified_radius(np.array([samples]), samples, 0.1, 0.001)
    assert reached[0] == pytest.approx(radius, abs=5e-4 if samples == 100_000 else 1e-4)
    assert np.isfinite(reached).all()


def test_the_radius_rises_with_what_agrees_and_one_half_says_nothing() -> None:
    radius = certified_radius(np.arange(1001), 1000, 1.0, 0.01)
    assert (radius[:537] == 0.0).all()  # 536 of 1000: the one-sided 99 % bound is .4988
    assert radius[540] > 0.0
    assert (np.diff(radius) >= 0.0).all()


@pytest.mark.parametrize("alpha", [0.001, 0.05])
def test_the_certificate_is_above_the_true_radius_in_at_most_alpha_of_runs(alpha: float) -> None:
    """Of a linear model of two classes: under N(0, σ²) the class has the share Φ(|w·x + b| / (σ |w|₂))."""
    runs, w, b = 10_000, torch.tensor([1.5, -2.0, 0.5]), 0.3
    x = torch.tensor([0.2, -0.4, 0.1])
    truth = float((w @ x + b).abs() / torch.linalg.vector_norm(w))
    certificate = certify(
        lambda rows: (rows @ w + b > 0).long(),
        x.expand(runs, 3),
        0.6,
        classes=2,
        selection=20,
        estimation=200,
        alpha=alpha,
        random=_random(),
    )
    said = certificate.y != ABSTAINED
    assert (certificate.y[said] == 1).mean() > 0.999
    assert (certificate.radius > truth).mean() <= alpha
    assert (certificate.radius > 0.95 * truth).mean() > alpha  # and it is no loose one
    assert np.array_equal(certificate.radius > 0.0, said)


def test_at_the_border_it_abstains() -> None:
    certificate = certify(
        lambda rows: (rows[:, 0] > 0).long(), torch.zeros(300, 2), 0.5, classes=2, alpha=0.01, random=_random()
    )
    assert (certificate.y == ABSTAINED).mean() > 0.97
    assert (certificate.radius[certificate.y == ABSTAINED] == 0.0).all()


def test_windows_are_certified_over_all_their_rows() -> None:
    x = torch.full((4, 3, 2), 0.1)

    def classify(rows: Tensor) -> Tensor:
        assert rows.shape[1:] == (3, 2)
        return (rows.flatten(1).sum(1) > 0).long()

    certificate = certify(classify, x, 0.2, classes=3, selection=50, estimation=5000, random=_random())
    truth = 0.6 / np.sqrt(6.0)  # |w·x| / |w|₂ with w = 1
    assert (certificate.y == 1).all()
    np.testing.assert_allclose(certificate.radius, truth, atol=0.03)
    again = certify(classify, x, 0.2, classes=3, selection=50, estimation=5000, random=_random())
    np.testing.assert_array_equal(certificate.radius, again.radius)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"sigma": 0.0}, ConfigError, "sigma: must be positive"),
        ({"alpha": 1.0}, ConfigError, "alpha: must be between 0 and 1"),
        ({"selection": 0}, ConfigError, "selection: must be at least 1"),
        ({"estimation": 0}, ConfigError, "samples: must be at least 1"),
    ],
)
def test_what_is_no_certificate_is_refused(settings: dict[str, Any], error: type[Exception], words: str) -> None:
    given: dict[str, Any] = {"sigma": 0.1, "classes": 2, "random": _random()} | settings
    with pytest.raises(error, match=words):
        certify(lambda rows: (rows[:, 0] > 0).long(), torch.zeros(2, 2), given.pop("sigma"), **given)


def test_more_cannot_agree_than_there_are() -> None:
    with pytest.raises(DataError, match="agreed: must be 0 to 10"):
        certified_radius(np.array([11]), 10, 0.1, 0.001)
