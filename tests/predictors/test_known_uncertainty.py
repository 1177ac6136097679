"""An uncertainty that is known: σ(x) of a toy market, and the mixture of an ensemble by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regimen.errors import ConfigError, DataError
from regimen.nets import Ensemble, Forecast, HybridNet, mixture
from regimen.ops import gaussian_nll
from regimen.predictors import HybridConfig
from regimen.training import TrainingConfig, TrainingData, fit

WINDOW, INPUTS = 6, 2
NINETY = 1.6448536269514722  # standard normal quantile of 95 %


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Windows (n, 6, 2), classes, returns r ~ N(μ(x), σ(x)²), μ and σ; σ ranges from 0.18 to 2.0."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (rows, WINDOW, INPUTS))
    mean = np.sin(2.0 * x[:, -1, 0])
    deviation = np.exp(0.8 * x[:, -1, 1] + 0.4 * x[:, -2, 1] - 0.5)
    r = mean + deviation * rng.normal(size=rows)
    return x.astype(np.float32), 1 + (r > 0.5).astype(int) - (r < -0.5), r, mean, deviation


def likelihood(r: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> float:
    """Negative log-likelihood in nats, without ½·log 2π."""
    return float((0.5 * ((r - mean) / deviation) ** 2 + np.log(deviation)).mean())


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"beta": 0.0}, {}, {"members": 3}], ids=["likelihood", "beta", "ensemble"])
def test_the_interval_covers_what_it_says_and_the_likelihood_is_the_true_one(changes: dict[str, Any]) -> None:
    x, y, r, _, _ = draw(55_000, 0)
    data = TrainingData(
        x[:50_000],
        y[:50_000],
        x[50_000:],
        y[50_000:],
        targets_train={"return": r[:50_000]},
        targets_val={"return": r[50_000:]},
    )
    config = HybridConfig(context=WINDOW, width=16, kernels=(3,), dilations=(1,), heads=2, dropout=0.0, **changes)
    training = TrainingConfig(epochs=10, batch_size=512, learning_rate=3e-3, schedule="cosine", patience=None)
    predictor = fit(config.build(INPUTS, 3, seed=1), data, training).predictor
    x, _, r, mean, deviation = draw(100_000, 1)
    said = predictor.predict(x)
    covered = float((np.abs(r - said["mean"]) < NINETY * said["deviation"]).mean())
    assert 0.88 < covered < 0.92
    assert likelihood(r, said["mean"], said["deviation"]) - likelihood(r, mean, deviation) < 0.02
    # not only on average: also where the market is calm and where it is wild
    for part in (deviation < 0.4, deviation > 1.0):
        inside = np.abs(r[part] - said["mean"][part]) < NINETY * said["deviation"][part]
        assert 0.86 < float(inside.mean()) < 0.94


def test_one_network_with_the_loss_alone_finds_a_known_deviation() -> None:
    """σ = exp(x − ½): the loss, an optimiser and nothing else; s is a straight line in x."""
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(20_000, generator=rng) * 2.0 - 1.0
    y = 0.5 * x + (x - 0.5).exp() * torch.randn(20_000, generator=rng)
    weights = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], line_search_fn="strong_wolfe", max_iter=50)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = gaussian_nll(weights[0] + weights[1] * x, weights[2] + weights[3] * x, y).mean()
        loss.backward()
        return loss

    optimizer.step(step)
    np.testing.assert_allclose(weights.detach().numpy(), [0.0, 0.5, -1.0, 2.0], rtol=0, atol=0.05)
    inside = (y - weights[0] - weights[1] * x).abs() < NINETY * (0.5 * (weights[2] + weights[3] * x)).exp()
    assert 0.89 < inside.float().mean().item() < 0.91


class Fixed(nn.Module):
    """Says what it was told, whatever the window."""

    def __init__(self, logits: list[float], mean: float, log_variance: float) -> None:
        super().__init__()
        self.said = nn.Parameter(torch.tensor([*logits, mean, log_variance], dtype=torch.float64))

    def forward(self, x: Tensor) -> Forecast:
        rows = self.said.expand(len(x), -1)
        return Forecast(rows[:, :-2], rows[:, -2], rows[:, -1])


def test_a_mixture_by_hand() -> None:
    """Means 1 and 3, variances 1 and 4: μ* = 2, σ*² = (1 + 1 + 4 + 9)/2 − 4 = 3.5."""
    members = [Fixed([0.0, math.log(3.0)], 1.0, 0.0), Fixed([math.log(4.0), 0.0], 3.0, math.log(4.0))]
    apart = Ensemble(members)(torch.zeros(5, 2))
    assert tuple(apart.logits.shape) == (5, 2, 2)
    assert apart.mean[0].tolist() == [1.0, 3.0]
    one = mixture(apart)
    assert [tuple(part.shape) for part in one] == [(5, 2), (5,), (5,)]
    assert one.logits.softmax(-1)[0].tolist() == pytest.approx([(0.25 + 0.8) / 2.0, (0.75 + 0.2) / 2.0])
    assert one.mean[0].item() == pytest.approx(2.0)
    assert one.log_variance[0].exp().item() == pytest.approx(3.5)


def test_the_mixture_has_the_moments_of_its_samples() -> None:
    rng = np.random.default_rng(0)
    means, variances = rng.normal(size=4), rng.uniform(0.1, 2.0, 4)
    stacked = Forecast(
        torch.zeros(1, 4, 3), torch.tensor(means)[None].float(), torch.tensor(np.log(variances))[None].float()
    )
    which = rng.integers(0, 4, 400_000)
    drawn = means[which] + np.sqrt(variances[which]) * rng.normal(size=400_000)
    one = mixture(stacked)
    assert one.mean.item() == pytest.approx(drawn.mean(), abs=0.01)
    assert one.log_variance.exp().item() == pytest.approx(drawn.var(), rel=0.01)
    far = Forecast(stacked.logits, stacked.mean + 1e4, stacked.log_variance)  # mean μ² − (mean μ)² would be lost
    assert mixture(far).log_variance.exp().item() == pytest.approx(one.log_variance.exp().item(), rel=1e-3)


def test_each_member_learns_from_its_own_loss_alone() -> None:
    torch.manual_seed(0)
    nets = [HybridNet(2, width=8, heads=2, kernels=(3,), dilations=(1,), dropout=0.0) for _ in range(2)]
    x, y = torch.randn(7, 6, 2), torch.randn(7)

    def gradient(forecast: Forecast, share: float) -> list[Tensor]:
        target = y if forecast.mean.ndim == 1 else y[:, None].expand_as(forecast.mean)
        loss = gaussian_nll(forecast.mean, forecast.log_variance, target).mean() * share
        found = torch.autograd.grad(loss, list(nets[0].parameters()), materialize_grads=True)
        return list(found)

    alone, together = gradient(nets[0](x), 0.5), gradient(Ensemble(nets)(x), 1.0)
    for a, b in zip(alone, together, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-7)


def test_a_row_with_nan_spoils_only_itself() -> None:
    logits, mean = torch.zeros(3, 2, 3), torch.zeros(3, 2)
    mean[1, 0] = torch.nan
    one = mixture(Forecast(logits, mean, torch.zeros(3, 2)))
    assert one.mean.isnan().tolist() == [False, True, False]
    assert one.log_variance.isnan().tolist() == [False, True, False]


def test_errors_name_the_rule() -> None:
    with pytest.raises(ConfigError, match=r"members: must be 1 or more"):
        Ensemble([])
    net = HybridNet(2, width=8, heads=2)
    with pytest.raises(ConfigError, match=r"members: must share no weights"):
        Ensemble([net, net])
    with pytest.raises(DataError, match=r"forecasts: must be \(row, member, classes\)"):
        mixture(net(torch.randn(4, 16, 2)))
