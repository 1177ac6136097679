"""The hybrid: the shapes of its three heads, what they start from, and that s is log σ²."""

from __future__ import annotations

import math

import pytest
import torch

from regimen.nets import Forecast, HybridNet


def test_the_heads_and_the_weights_have_their_shapes() -> None:
    net = HybridNet(5, 3, width=8, heads=2).eval()
    x = torch.randn(4, 12, 5)
    forecast, weights = net.with_weights(x)
    assert [tuple(part.shape) for part in forecast] == [(4, 3), (4,), (4,)]
    assert [tuple(part.shape) for part in net.steps(x)] == [(4, 12, 3), (4, 12), (4, 12)]
    assert all(torch.equal(a, b) for a, b in zip(forecast, net(x), strict=True))
    for part in weights:
        assert part.shape == (4, 2, 12, 12)
        torch.testing.assert_close(part.sum(-1), torch.ones(4, 2, 12))
        assert torch.count_nonzero(part.triu(1)) == 0


def test_it_starts_without_an_opinion() -> None:
    forecast = HybridNet(60)(torch.randn(64, 32, 60))
    probabilities = forecast.logits.softmax(-1)
    assert -(probabilities * probabilities.log()).sum(-1).mean() >= 0.99 * math.log(3)
    assert forecast.mean.abs().max() < 0.1
    assert forecast.log_variance.abs().max() < 0.1


def test_both_halves_matter() -> None:
    net = HybridNet(5, width=8, heads=2, dropout=0.0)
    x = torch.randn(4, 12, 5)
    before = net(x)
    for half in (net.convolutions, net.lstm):
        kept = {name: value.clone() for name, value in half.state_dict().items()}
        for parameter in half.parameters():
            torch.nn.init.zeros_(parameter)
        assert all(not torch.equal(a, b) for a, b in zip(before, net(x), strict=True))
        half.load_state_dict(kept)


def likelihood(forecast: Forecast, y: torch.Tensor) -> torch.Tensor:
    """½·exp(−s)·(y − μ)² + ½·s, without the constant."""
    s = forecast.log_variance
    return (0.5 * torch.exp(-s) * (y - forecast.mean) ** 2 + 0.5 * s).mean()


@pytest.mark.slow
def test_a_known_spread_is_found() -> None:
    """y = sin(2x) + σ(x)·ε, σ(x) = 0.2 + 0.5·|x|, x the window's last number: 90 % intervals cover 88–92 %."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)

    def draw(batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = 4.0 * torch.rand(batch, 3, 1, generator=random) - 2.0
        last = x[:, -1, 0]
        sigma = 0.2 + 0.5 * last.abs()
        return x, torch.sin(2.0 * last) + sigma * torch.randn(batch, generator=random), sigma

    net = HybridNet(1, width=16, kernels=(1, 2), dilations=(1,), heads=2, dropout=0.0)
    steps = 1500
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        x, y, _ = draw(256)
        loss = likelihood(net(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    torch.set_num_threads(threads)
    x, y, sigma = draw(20_000)
    with torch.no_grad():
        forecast = net(x)
        inside = (y - forecast.mean).abs() <= 1.645 * torch.exp(0.5 * forecast.log_variance)
        truth = Forecast(forecast.logits, torch.sin(2.0 * x[:, -1, 0]), 2.0 * sigma.log())
        assert 0.88 <= inside.float().mean() <= 0.92
        for spread in (sigma < 0.5, sigma > 0.9):  # in the calm and in the wild part alike
            assert 0.86 <= inside[spread].float().mean() <= 0.94
        assert likelihood(forecast, y) - likelihood(truth, y) <= 0.02
