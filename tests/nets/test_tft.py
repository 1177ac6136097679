"""The temporal fusion transformer: what it may not know, quantiles that never cross, weights, every part learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn

from regimen.errors import ConfigError, DataError
from regimen.nets import CalendarFusion, QuantileFan, TemporalFusion
from regimen.nets.tft import GatedResidual, GatedSkip, InterpretableAttention, VariableSelection

PAST, KNOWN, STATIC, TIME, HORIZONS, BATCH = 5, 2, 3, 9, 3, 6
LEVELS = (0.05, 0.3, 0.5, 0.9)


@pytest.fixture(autouse=True)
def _one_thread_one_seed() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def network(static: int = STATIC, dropout: float = 0.0, levels: Sequence[float] = LEVELS) -> TemporalFusion:
    return TemporalFusion(PAST, KNOWN, static, horizons=HORIZONS, levels=levels, width=8, heads=2, dropout=dropout)


def rows(static: int = STATIC) -> tuple[Tensor, Tensor, Tensor | None]:
    constant = torch.randn(BATCH, static) if static else None
    return torch.randn(BATCH, TIME, PAST), torch.randn(BATCH, HORIZONS, KNOWN), constant


def series_answer(net: TemporalFusion, series: Tensor) -> Tensor:
    """Quantiles of a series (batch, TIME + HORIZONS, PAST), whose first two columns are known ahead."""
    return net(series[:, :TIME], series[:, TIME:, :KNOWN]).quantiles


@pytest.mark.parametrize("training", [False, True])
def test_no_quantile_depends_on_what_is_not_known_ahead(training: bool) -> None:
    net = network(static=0).train(training)
    series = torch.randn(2, TIME + HORIZONS, PAST, requires_grad=True)
    quantiles = series_answer(net, series)
    for horizon in range(HORIZONS):
        for level in range(len(LEVELS)):
            (slope,) = torch.autograd.grad(quantiles[:, horizon, level].sum(), series, retain_graph=True)
            later = slope[:, TIME:]
            assert torch.count_nonzero(later[..., KNOWN:]) == 0  # unknown future: exactly 0, not nearly
            assert torch.count_nonzero(later[:, horizon + 1 :]) == 0  # nor what is known of later horizons
            assert (later[:, : horizon + 1, :KNOWN].abs() > 0).all()  # known future: all of it counts
            assert (slope[:, :TIME].abs() > 0).all()  # and so does the past


def test_quantiles_never_cross_however_wild_the_weights_are() -> None:
    net = network().eval()
    with torch.no_grad():
        for parameter in net.quantiles.parameters():
            parameter.normal_(0.0, 30.0)
    fan = net(*(100.0 * part for part in rows() if part is not None))
    assert fan.quantiles.shape == (BATCH, HORIZONS, len(LEVELS))
    assert (fan.quantiles.diff(dim=-1) >= 0).all()
    assert fan.quantiles.std() > 1.0


@pytest.mark.parametrize("levels", [(0.5,), (0.1,), (0.6, 0.9), (0.1, 0.2)])
def test_any_levels_have_their_own_middle(levels: tuple[float, ...]) -> None:
    quantiles = network(levels=levels)(*rows()).quantiles
    assert quantiles.shape[-1] == len(levels)
    assert (quantiles.diff(dim=-1) > 0).all()


def test_weights_sum_to_one_and_look_at_nothing_later() -> None:
    _, weights = network().eval().with_weights(*rows())
    shapes = {
        "attention": (BATCH, HORIZONS, TIME + HORIZONS),
        "past": (BATCH, TIME, PAST),
        "future": (BATCH, HORIZONS, KNOWN),
        "static": (BATCH, STATIC),
    }
    for name, shape in shapes.items():
        each = getattr(weights, name)
        assert tuple(each.shape) == shape
        torch.testing.assert_close(each.sum(-1), torch.ones(shape[:-1]))
        assert (each >= 0).all()
    later = torch.ones(HORIZONS, TIME + HORIZONS, dtype=torch.bool).triu(TIME + 1)
    assert (weights.attention[:, later] == 0).all()
    assert (weights.attention[:, ~later] > 0).all()
    assert network(static=0).with_weights(*rows(0))[1].static.shape == (BATCH, 0)


@pytest.mark.parametrize("static", [0, STATIC])
def test_every_weight_has_a_gradient(static: int) -> None:
    net = network(static)
    fan = net(*rows(static))
    (fan.logits * torch.randn(fan.logits.shape)).sum().backward(retain_graph=True)
    (fan.quantiles * torch.randn(fan.quantiles.shape)).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 1e-7, name


def test_a_window_with_nan_spoils_only_itself() -> None:
    net, (past, future, static) = network().eval(), rows()
    past[1, 5, 2] = torch.nan
    for part in net(past, future, static):
        bad = part.isnan().reshape(BATCH, -1)
        assert bad[1].all()
        assert not bad[[0, 2, 3, 4, 5]].any()


def test_a_gate_that_is_shut_leaves_the_skip_alone() -> None:
    block, skip = GatedResidual(4, 8, 4, 0, 0.0), GatedSkip(4, 0.0)
    a, b = torch.randn(2, 3, 4)
    with torch.no_grad():
        for gate in (block.gate, skip.gate):
            gate.weight.zero_()
            gate.bias.copy_(torch.tensor([1.0] * 4 + [-1e4] * 4))
    torch.testing.assert_close(block(a), block.norm(a))
    torch.testing.assert_close(skip(a, b), skip.norm(a))


def test_selection_is_the_formula_written_out() -> None:
    """Equations 6 to 8, input by input, with embeddings that are lines."""
    net = VariableSelection(PAST, 4, 0, 0.0)
    x = torch.randn(2, 3, PAST)
    shares = torch.softmax(net.weights(x), -1)
    total = torch.zeros(2, 3, 4)
    for j in range(PAST):
        slope, offset, h_slope, h_offset = net.lines[:, j]
        value = x[..., j : j + 1]
        left, right = (torch.nn.functional.elu(value * h_slope + h_offset) @ net.gate[j] + net.bias[j]).chunk(2, -1)
        each = value * slope + offset + left * torch.sigmoid(right)
        each = torch.nn.functional.layer_norm(each, (4,)) * net.scale[j] + net.shift[j]
        total = total + shares[..., j : j + 1] * each
    chosen, weights = net(x)
    torch.testing.assert_close(chosen, total)
    torch.testing.assert_close(weights, shares)


def test_heads_share_their_values_so_that_one_mean_is_the_whole_attention() -> None:
    attention = InterpretableAttention(8, 2, 0.0)
    memory = torch.randn(2, 7, 8)
    answer, weights = attention(memory[:, -3:], memory)
    torch.testing.assert_close(answer, attention.output(weights @ attention.value(memory)))


def test_rows_with_the_calendar_ahead_are_split_as_they_stand() -> None:
    inputs = PAST + HORIZONS * KNOWN
    net = CalendarFusion(inputs, KNOWN, network(static=0)).eval()
    x = torch.randn(BATCH, TIME, inputs, requires_grad=True)
    fan, weights = net.with_weights(x)
    inner = net.net(x[..., :PAST], x[:, -1, PAST:].reshape(BATCH, HORIZONS, KNOWN))
    for name in QuantileFan._fields:
        assert torch.equal(getattr(fan, name), getattr(inner, name))
    assert weights.shape == (BATCH, HORIZONS, TIME)
    (slope,) = torch.autograd.grad(fan.quantiles.sum(), x)
    assert torch.count_nonzero(slope[:, :-1, PAST:]) == 0  # the calendar ahead of older rows is not read
    assert torch.equal(net(x).logits, fan.logits)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: network(levels=(0.5, 0.1)), r"quantiles: must ascend inside \(0, 1\); got \[0.5, 0.1\]"),
        (lambda: network(levels=(0.0, 0.5)), r"quantiles: must ascend inside \(0, 1\); got \[0.0, 0.5\]"),
        (lambda: network(levels=()), r"quantiles: must ascend inside \(0, 1\); got \[\]"),
        (lambda: TemporalFusion(5, 2, width=8, heads=3), r"heads: must divide the width 8; got 3"),
        (lambda: TemporalFusion(5, 2, dropout=1.0), r"dropout: must lie in \[0, 1\); got 1.0"),
        (lambda: TemporalFusion(5, 2, horizons=0), r"horizons: must be 1 or more; got 0"),
        (lambda: CalendarFusion(10, 2, network(static=0)), r"past: must be 4 of 10 columns; got 5"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_one_line(make: type[nn.Module], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_shapes_that_do_not_fit_are_refused_in_one_line() -> None:
    net, (past, future, static) = network(), rows()
    with pytest.raises(DataError, match=r"past: must have the shape"):
        net(past[..., 1:], future, static)
    with pytest.raises(DataError, match=r"future: must have 3 horizons; got 2"):
        net(past, future[:, 1:], static)
    with pytest.raises(DataError, match=r"static: must have the shape \(6, 3\)"):
        net(past, future)
