"""Attention against torch's own, its weights, and pooling against a loop."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from regimen.errors import DataError
from regimen.nets import AttentionPool, MultiHeadAttention, attention_weights


@pytest.mark.parametrize("causal", [False, True])
def test_the_formula_is_torchs(causal: bool) -> None:
    query, key, value = torch.randn(3, 4, 2, 17, 8, generator=torch.Generator().manual_seed(1))
    ours = attention_weights(query, key, causal=causal) @ value
    theirs = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("causal", [False, True])
def test_the_module_is_torchs_multi_head_attention(causal: bool) -> None:
    torch.manual_seed(2)
    ours = MultiHeadAttention(12, 3, causal=causal)
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.query.weight, ours.key.weight, ours.value.weight)))
        theirs.in_proj_bias.copy_(torch.cat((ours.query.bias, torch.zeros(12), ours.value.bias)))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    x, memory = torch.randn(2, 5, 9, 12)
    mask = torch.ones(9, 9, dtype=torch.bool).triu(1) if causal else None
    expected, expected_weights = theirs(x, memory, memory, attn_mask=mask, average_attn_weights=False)
    found, weights = ours(x, memory)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(weights, expected_weights, rtol=0, atol=1e-6)


def test_rows_of_the_weights_sum_to_one_with_nothing_on_later_steps() -> None:
    module = MultiHeadAttention(8, 2, dropout=0.5, causal=True)  # while training: the weights before dropout
    x = torch.randn(3, 7, 8)
    weights = module(x, x)[1]
    assert weights.shape == (3, 2, 7, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 7))
    assert torch.count_nonzero(weights.triu(1)) == 0


def test_a_memory_of_another_length_has_its_own_steps() -> None:
    found, weights = MultiHeadAttention(8, 2)(torch.randn(3, 7, 8), torch.randn(3, 5, 8))
    assert found.shape == (3, 7, 8)
    assert weights.shape == (3, 2, 7, 5)
    with pytest.raises(DataError) as error:
        MultiHeadAttention(8, 2, causal=True)(torch.randn(3, 7, 8), torch.randn(3, 5, 8))
    assert str(error.value) == "memory: must have as many steps as the query, 7, to be causal; got 5"


def test_pooling_is_the_weighted_mean_of_each_heads_share() -> None:
    pool = AttentionPool(6, 2)
    x = torch.randn(4, 5, 6)
    weights = pool.weights(x)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 2))
    for head in range(2):
        share = x[..., 3 * head : 3 * head + 3]
        scores = (x @ pool.score.weight[head]).exp()
        expected = (scores[..., None] * share).sum(1) / scores.sum(1, keepdim=True)
        torch.testing.assert_close(pool(x)[:, 3 * head : 3 * head + 3], expected)
        torch.testing.assert_close(weights[:, head], scores / scores.sum(1, keepdim=True))
