"""What is taken out of a window: inverses, sinusoids, numpy's transform, and what export, tasks and attacks see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from regimen.errors import ConfigError, DataError
from regimen.nets import CausalCNN, FrequencyNorm, HybridNet, NormalisedNet, WindowScale

CHANNELS, TIME, BATCH = 3, 16, 5
NORMS = {"revin": lambda: WindowScale(CHANNELS), "fan": lambda: FrequencyNorm(CHANNELS, TIME, 2)}
SMALL = {"width": 8, "heads": 2, "kernels": (2, 3), "dilations": (1, 2), "dropout": 0.0}


@pytest.fixture(autouse=True)
def _one_thread_one_seed() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def _net(kind: str) -> NormalisedNet:
    return NormalisedNet(CausalCNN(CHANNELS, 3, **SMALL), NORMS[kind](), 3).eval()


@pytest.mark.parametrize("kind", NORMS)
@pytest.mark.parametrize("level", [0.0, 50.0])
def test_the_inverse_gives_the_window_back(kind: str, level: float) -> None:
    norm = NORMS[kind]().double()
    if isinstance(norm, WindowScale):  # as it is after learning
        nn.init.uniform_(norm.scale, 0.5, 2.0)
        nn.init.normal_(norm.shift)
    x = level + 3.0 * torch.randn(BATCH, TIME, CHANNELS, dtype=torch.float64)
    y, removed = norm(x)
    assert not torch.allclose(y, x)
    torch.testing.assert_close(norm.inverse(y, removed), x, rtol=0, atol=1e-6)


@pytest.mark.parametrize("frequency", [1, 3, 8])
def test_nothing_is_left_of_a_pure_sinusoid(frequency: int) -> None:
    time = torch.arange(TIME)[None, :, None]
    x = torch.cos(2 * torch.pi * frequency * time / TIME + 0.1 * (frequency < 8)).expand(1, TIME, CHANNELS)
    left, _ = FrequencyNorm(CHANNELS, TIME, 1)(x.contiguous())
    assert left.abs().max() <= 1e-6


@pytest.mark.parametrize("time", [9, 16])
def test_the_strongest_frequencies_are_those_of_numpys_transform(time: int) -> None:
    x = torch.randn(BATCH, time, CHANNELS) + 0.5
    left, removed = FrequencyNorm(CHANNELS, time, 3)(x)
    spectrum = np.fft.rfft(x.double().numpy(), axis=1)
    counts = np.full(spectrum.shape[1], 2.0)  # a frequency inside stands for itself and its conjugate
    counts[0] = 1.0
    counts[-1] = 1.0 if time % 2 == 0 else 2.0
    power = np.abs(spectrum) ** 2 * counts[:, None]
    keep = np.argsort(np.argsort(-power, axis=1), axis=1) < 3
    expected = np.fft.irfft(np.where(keep, spectrum, 0), time, axis=1)
    np.testing.assert_allclose(removed, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(left, x.numpy() - expected, rtol=0, atol=1e-5)


def test_revin_is_level_and_scale_of_each_channel() -> None:
    x = 7.0 + 3.0 * torch.randn(BATCH, TIME, CHANNELS)
    y, _ = WindowScale(CHANNELS)(x)
    torch.testing.assert_close(y.mean(1), torch.zeros(BATCH, CHANNELS), rtol=0, atol=1e-5)
    torch.testing.assert_close(y.std(1, correction=0), torch.ones(BATCH, CHANNELS), rtol=0, atol=1e-4)
    flat, _ = WindowScale(CHANNELS)(torch.full((1, TIME, CHANNELS), 0.1))
    assert flat.abs().max() < 1e-4


def test_windows_and_frequencies_that_do_not_fit_are_refused() -> None:
    FrequencyNorm(CHANNELS, TIME, TIME // 2)
    with pytest.raises(ConfigError, match=r"^frequencies: must be at most half of the 16 rows of a window; got 9"):
        FrequencyNorm(CHANNELS, TIME, TIME // 2 + 1)
    with pytest.raises(DataError, match="must have windows of 16 rows; got 15"):
        NORMS["fan"]()(torch.randn(1, TIME - 1, CHANNELS))
    for norm in NORMS.values():
        with pytest.raises(DataError, match="must have the shape"):
            norm()(torch.randn(1, TIME, CHANNELS + 1))


@pytest.mark.parametrize("kind", NORMS)
def test_a_window_is_all_that_is_looked_at(kind: str) -> None:
    """Other windows, one with a NaN among them, leave an answer as it was, bit for bit."""
    net, x = _net(kind), torch.randn(BATCH, TIME, CHANNELS)
    changed = x.clone()
    changed[1:] = 1e3 * torch.randn(BATCH - 1, TIME, CHANNELS)
    changed[2, 3, 1] = torch.nan
    before, after = net(x), net(changed)
    assert torch.equal(before[0], after[0])
    assert after[2].isnan().all()
    assert after[[0, 1, 3, 4]].isfinite().all()


@pytest.mark.parametrize("kind", NORMS)
def test_the_answer_knows_the_level_that_was_removed(kind: str) -> None:
    """The network behind the norm cannot: its answer is the same for windows that differ in level only."""
    net, x = _net(kind), torch.randn(BATCH, TIME, CHANNELS)
    if kind == "fan":
        net = NormalisedNet(net.net, FrequencyNorm(CHANNELS, TIME, 1), 3).eval()
        x = x - x.mean(1, keepdim=True) + 40.0  # the mean is the strongest frequency
    higher = x + 5.0
    inside = [net.net(net.norm(window)[0]) for window in (x, higher)]
    torch.testing.assert_close(inside[0], inside[1], rtol=0, atol=1e-4)
    assert (net(x) - net(higher)).abs().max() > 1e-3
    loss = net(x).square().sum()
    slopes = torch.autograd.grad(loss, list(net.parameters()))
    assert all(slope.abs().max() > 0 for slope in slopes)


@pytest.mark.parametrize("kind", NORMS)
def test_attacks_tasks_and_export_see_it(kind: str) -> None:
    net, x = _net(kind), torch.randn(BATCH, TIME, CHANNELS)
    exact, wide = _net(kind).double(), x[:1].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda window: exact(window), (wide,))  # the gradient goes through the statistics
    stacked = {name: torch.stack([value, 1.1 * value]) for name, value in net.named_parameters()}
    fixed = dict(net.named_buffers())

    def answer(weights: dict[str, Tensor], windows: Tensor) -> Tensor:
        result: Tensor = functional_call(net, (weights, fixed), (windows,))
        return result

    torch.testing.assert_close(vmap(answer, in_dims=(0, None))(stacked, x)[0], net(x), rtol=1e-5, atol=1e-6)
    exported = torch.export.export(net, (x,)).module()
    torch.testing.assert_close(exported(x), net(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", NORMS)
def test_a_forecast_gets_what_was_removed_in_all_its_parts(kind: str) -> None:
    net = NormalisedNet(HybridNet(CHANNELS, layers=1, **SMALL), NORMS[kind](), 5).eval()
    x = torch.randn(BATCH, TIME, CHANNELS)
    seen, removed = net.norm(x)
    more, plain, answer = net.restore(net.norm.summary(removed)), net.net(seen), net(x)
    torch.testing.assert_close(answer.logits, plain.logits + more[:, :3])
    torch.testing.assert_close(answer.mean, plain.mean + more[:, 3])
    torch.testing.assert_close(answer.log_variance, plain.log_variance + more[:, 4])
    assert net.with_weights(x)[0].mean.shape == (BATCH,)
