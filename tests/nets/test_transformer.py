"""The transformer block: by hand, causal, masked, and every weight of it learns."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from regimen.errors import ConfigError, DataError
from regimen.nets import CausalSelfAttention, TransformerBlock

WIDTH, HEADS, HIDDEN, TIME = 8, 2, 12, 6


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def rough(block: TransformerBlock) -> TransformerBlock:
    """Gives the norms numbers of their own, which begin as 1 and 0."""
    for norm in (block.attention_norm, block.feed_norm):
        torch.nn.init.normal_(norm.weight, 1.0, 0.3)
        torch.nn.init.normal_(norm.bias, 0.0, 0.3)
    return block


def by_hand(block: TransformerBlock, x: Tensor) -> Tensor:
    """The formulae, one sequence, one head, one step at a time."""

    def norm(row: Tensor, layer: torch.nn.LayerNorm) -> Tensor:
        centred = row - row.mean()
        return centred / (centred.square().mean() + 1e-5).sqrt() * layer.weight + layer.bias

    def gelu(value: Tensor) -> Tensor:
        return 0.5 * value * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (value + 0.044715 * value**3)))

    attention, size = block.attention, WIDTH // HEADS
    rows = []
    normed = torch.stack([norm(row, block.attention_norm) for row in x])
    q, k, v = (normed @ part.weight.T + part.bias for part in (attention.query, attention.key, attention.value))
    for t in range(len(x)):
        found = []
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            scores = torch.stack([q[t, own] @ k[s, own] / math.sqrt(size) for s in range(t + 1)])
            chances = scores.exp() / scores.exp().sum()
            found.append(sum(chances[s] * v[s, own] for s in range(t + 1)))
        h = x[t] + attention.output.weight @ torch.cat(found) + attention.output.bias
        inner = gelu(block.widen.weight @ norm(h, block.feed_norm) + block.widen.bias)
        rows.append(h + block.narrow.weight @ inner + block.narrow.bias)
    return torch.stack(rows)


def test_it_is_the_formulae_by_hand() -> None:
    block = rough(TransformerBlock(WIDTH, HEADS, HIDDEN)).double()
    x = torch.randn(3, TIME, WIDTH, dtype=torch.float64)
    found = block(x)
    for sequence, row in zip(x, found, strict=True):
        torch.testing.assert_close(row, by_hand(block, sequence), rtol=0, atol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
def test_no_step_depends_on_a_later_one(masked: bool) -> None:
    block = rough(TransformerBlock(WIDTH, HEADS, HIDDEN))
    mask = torch.ones(1, TIME, dtype=torch.bool) if masked else None
    full = torch.autograd.functional.jacobian(lambda x: block(x, mask)[0], torch.randn(1, TIME, WIDTH))
    effect = full.abs().sum((1, 2, 4))
    assert torch.count_nonzero(effect.triu(1)) == 0  # exactly 0, not nearly
    assert (effect[torch.ones(TIME, TIME).tril().bool()] > 0).all()


@pytest.mark.parametrize("missing", [(0,), (0, 1, 2), (2, 4), (5,)])
def test_steps_that_are_not_there_are_seen_by_no_other(missing: tuple[int, ...]) -> None:
    block = rough(TransformerBlock(WIDTH, HEADS, HIDDEN)).double()
    x = torch.randn(2, TIME, WIDTH, dtype=torch.float64)
    mask = torch.ones(2, TIME, dtype=torch.bool)
    mask[:, list(missing)] = False
    there = [t for t in range(TIME) if t not in missing]
    spoilt = x.clone()
    spoilt[:, list(missing)] = 1e3
    found = block(x, mask)
    assert torch.isfinite(found).all()
    assert torch.equal(block(spoilt, mask)[:, there], found[:, there])
    torch.testing.assert_close(found[:, there], block(x[:, there]), rtol=0, atol=1e-12)
    torch.testing.assert_close(block(x, torch.ones_like(mask)), block(x), rtol=0, atol=1e-12)


def test_every_weight_has_a_gradient_but_the_keys_bias_which_a_softmax_forgets() -> None:
    block = rough(TransformerBlock(WIDTH, HEADS, HIDDEN)).double()
    block(torch.randn(4, TIME, WIDTH, dtype=torch.float64)).pow(3).sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name
        size = float(parameter.grad.abs().max())
        assert size < 1e-10 if name == "attention.key.bias" else size > 1e-6, name


def test_dropout_acts_while_training_only() -> None:
    block = TransformerBlock(WIDTH, HEADS, HIDDEN, dropout=0.5)
    x = torch.randn(2, TIME, WIDTH)
    assert not torch.equal(block(x), block(x))
    block.eval()
    torch.testing.assert_close(block(x), block(x), rtol=0, atol=0)


def test_a_window_with_a_nan_disturbs_no_other() -> None:
    block = TransformerBlock(WIDTH, HEADS, HIDDEN)
    x = torch.randn(3, TIME, WIDTH)
    alone = block(x)
    x[1, 4] = torch.nan
    found = block(x)
    assert torch.isnan(found[1, 4:]).all()
    assert torch.equal(found[[0, 2]], alone[[0, 2]])


def test_what_does_not_fit_is_refused() -> None:
    for sizes in ((8, 3, 12), (0, 1, 4), (8, 2, 0)):
        with pytest.raises(ConfigError):
            TransformerBlock(*sizes)
    with pytest.raises(ConfigError, match="dropout"):
        TransformerBlock(WIDTH, HEADS, HIDDEN, dropout=1.0)
    block = TransformerBlock(WIDTH, HEADS, HIDDEN)
    with pytest.raises(DataError, match=r"x: must have the shape \(batch, time, 8\)"):
        block(torch.randn(2, TIME, WIDTH + 1))
    with pytest.raises(DataError, match=r"mask: must be boolean of the shape \(2, 6\)"):
        CausalSelfAttention(WIDTH, HEADS)(torch.randn(2, TIME, WIDTH), torch.ones(2, TIME))
