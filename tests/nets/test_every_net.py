"""What holds for every module over windows: causal, seeded, every weight learns, wrong shapes refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from regimen.errors import ConfigError, DataError, RegimenError
from regimen.nets import AttentiveLSTM, CausalCNN, HybridNet, MultiTaskHead

CHANNELS, TIME, BATCH = 3, 12, 4
SMALL = {"kernels": (2, 3), "dilations": (1, 2, 4)}
CAUSAL: dict[str, Callable[[], nn.Module]] = {
    "cnn": lambda: CausalCNN(CHANNELS, 3, width=8, heads=2, dropout=0.0, **SMALL),
    "lstm": lambda: AttentiveLSTM(CHANNELS, 3, width=8, layers=2, heads=2, dropout=0.0),
    "hybrid": lambda: HybridNet(CHANNELS, width=8, heads=2, dropout=0.0, **SMALL),
}
ALL: dict[str, Callable[[], nn.Module]] = {
    **CAUSAL,
    "both ways": lambda: AttentiveLSTM(CHANNELS, 3, width=8, layers=3, heads=2, dropout=0.0, bidirectional=True),
    "multitask": lambda: nn.Sequential(
        CausalCNN(CHANNELS, 8, width=8, heads=2, dropout=0.0, **SMALL), MultiTaskHead(8)
    ),
}


@pytest.fixture(autouse=True)
def _one_thread_one_seed() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def numbers(output: Tensor | tuple[Tensor, ...], lead: int = 1) -> Tensor:
    """All that a module said, one row per window (``lead`` 1) or per window and step (2)."""
    parts = output if isinstance(output, tuple) else (output,)
    return torch.cat([part.reshape(*part.shape[:lead], -1) for part in parts], -1)


def jacobian(net: nn.Module) -> Tensor:
    """(step out, step in): the sum of |∂y/∂x| over outputs and channels."""
    x = torch.randn(1, TIME, CHANNELS)
    full = torch.autograd.functional.jacobian(lambda window: numbers(net.steps(window), 2)[0], x)
    return full.abs().sum((1, 2, 4))


@pytest.mark.parametrize("kind", CAUSAL)
@pytest.mark.parametrize("training", [False, True])
def test_no_step_depends_on_a_later_one(kind: str, training: bool) -> None:
    effect = jacobian(CAUSAL[kind]().train(training))
    assert torch.count_nonzero(effect.triu(1)) == 0  # exactly 0, not nearly
    seen = torch.ones(TIME, TIME).tril().bool()
    assert (effect[seen] > 0).all()  # and every earlier one counts


@pytest.mark.parametrize("kind", CAUSAL)
def test_another_future_leaves_the_past_bit_for_bit(kind: str) -> None:
    net = CAUSAL[kind]().eval()
    x = torch.randn(BATCH, TIME, CHANNELS)
    poisoned = x.clone()
    poisoned[:, 7:] = 1e3 * torch.randn(BATCH, TIME - 7, CHANNELS)
    before, after = numbers(net.steps(x), 2), numbers(net.steps(poisoned), 2)
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.equal(before[:, 7:], after[:, 7:])


@pytest.mark.parametrize("kind", CAUSAL)
def test_a_step_says_what_the_window_that_ends_there_says(kind: str) -> None:
    net = CAUSAL[kind]().eval()
    x = torch.randn(BATCH, TIME, CHANNELS)
    steps = numbers(net.steps(x), 2)
    for t in range(TIME):
        torch.testing.assert_close(steps[:, t], numbers(net(x[:, : t + 1])), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_every_weight_has_a_gradient_and_moves(kind: str) -> None:
    net = ALL[kind]()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    said = numbers(net(torch.randn(64, TIME, CHANNELS)))
    functional.mse_loss(said, torch.randn(said.shape)).backward()
    optimiser.step()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        # a number that cannot learn has rounding for a gradient, and Adam would move it all the same
        assert parameter.grad.abs().max() > 1e-7, name
        rows = parameter.grad.reshape(len(parameter), -1).abs().sum(1)
        assert (rows > 0).all(), name
        assert not torch.equal(parameter, before[name]), name


@pytest.mark.parametrize("kind", ALL)
def test_the_seed_decides_everything(kind: str) -> None:
    x = torch.randn(BATCH, TIME, CHANNELS)
    first, second, other = [], [], []
    for seed, said in ((1, first), (1, second), (2, other)):
        torch.manual_seed(seed)
        net = ALL[kind]()
        said.append(numbers(net(x)))
        numbers(net(x)).sum().backward()
        said.extend(parameter.grad for parameter in net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("kind", ALL)
def test_overlapping_windows_go_in_as_they_lie(kind: str) -> None:
    net = ALL[kind]().eval()
    data = torch.randn(TIME + 20, CHANNELS)
    kept = data.clone()
    windows = data.unfold(0, TIME, 1).transpose(1, 2)  # (batch, time, channel), a view of the series
    assert windows.untyped_storage().data_ptr() == data.untyped_storage().data_ptr()
    torch.testing.assert_close(numbers(net(windows)), numbers(net(windows.contiguous())), rtol=1e-5, atol=1e-6)
    assert torch.equal(data, kept)


@pytest.mark.parametrize("kind", ALL)
def test_a_window_with_nan_spoils_only_itself(kind: str) -> None:
    net = ALL[kind]().eval()
    x = torch.randn(BATCH, TIME, CHANNELS)
    x[1, 5, 2] = torch.nan
    bad = numbers(net(x)).isnan()
    assert bad[1].all()
    assert not bad[[0, 2, 3]].any()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("shape", [(TIME, CHANNELS), (4, TIME, 2), (4, CHANNELS, TIME), (0, TIME, 3), (4, 0, 3)])
def test_another_shape_is_refused_in_one_line(kind: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError) as error:
        ALL[kind]()(torch.zeros(shape))
    assert str(error.value) == f"x: must have the shape (batch, time, 3), none of them 0; got {shape}"


@pytest.mark.parametrize(
    ("build", "line"),
    [
        (lambda: CausalCNN(0, 3), "inputs: must be 1 or more; got 0"),
        (lambda: CausalCNN(3, 0), "outputs: must be 1 or more; got 0"),
        (lambda: CausalCNN(3, 3, kernels=()), "kernels: must be 1 or more; got ()"),
        (lambda: CausalCNN(3, 3, dilations=(1, 0)), "dilations: must be 1 or more; got (1, 0)"),
        (lambda: CausalCNN(3, 3, width=8, heads=3), "heads: must divide the width 8; got 3"),
        (lambda: CausalCNN(3, 3, dropout=1.0), "dropout: must lie in [0, 1); got 1.0"),
        (lambda: AttentiveLSTM(3, 3, layers=4), "layers: must be 1 to 3; got 4"),
        (
            lambda: AttentiveLSTM(3, 3, width=9, heads=3, bidirectional=True),
            "width: must be even for two directions; got 9",
        ),
        (lambda: HybridNet(3, 0), "classes: must be 1 or more; got 0"),
        (lambda: HybridNet(3, layers=0), "layers: must be 1 or more; got 0"),
        (lambda: MultiTaskHead(8, regimes=0), "regimes: must be 1 or more; got 0"),
    ],
)
def test_an_impossible_size_is_refused_in_one_line(build: Callable[[], nn.Module], line: str) -> None:
    with pytest.raises(RegimenError) as error:
        build()
    assert isinstance(error.value, ConfigError)
    assert str(error.value) == line


@pytest.mark.parametrize("kind", ["cnn", "lstm", "hybrid"])
def test_dropout_acts_while_training_only(kind: str) -> None:
    net = {"cnn": CausalCNN, "lstm": AttentiveLSTM, "hybrid": HybridNet}[kind](CHANNELS, 3, width=8, dropout=0.5)
    x = torch.randn(BATCH, TIME, CHANNELS)
    assert not torch.equal(numbers(net(x)), numbers(net(x)))
    net.eval()
    assert torch.equal(numbers(net(x)), numbers(net(x)))
