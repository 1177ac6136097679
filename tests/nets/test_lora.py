"""Low-rank adapters: nothing at first, the same merged, and what the peft library computes."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from regimen.errors import ConfigError
from regimen.nets import LoRALinear, TransformerBlock, add_lora
from regimen.nets.lora import BLOCK_MAPS


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def learned(adapter: LoRALinear) -> LoRALinear:
    """Gives B numbers as large as A's, as if it had learned."""
    nn.init.normal_(adapter.up, std=0.3)
    return adapter


def adapted_block() -> tuple[TransformerBlock, list[LoRALinear]]:
    block = TransformerBlock(16, 4, 32)
    return block, [learned(adapter) for adapter in add_lora(block, rank=4, alpha=8.0)]


def test_at_first_it_is_its_base_bit_for_bit() -> None:
    base = nn.Linear(12, 7)
    x = torch.randn(5, 3, 12)
    before = base(x)
    adapter = LoRALinear(base, rank=4, alpha=16.0)
    assert torch.equal(adapter(x), before)
    assert [name for name, each in adapter.named_parameters() if each.requires_grad] == ["down", "up"]
    assert torch.count_nonzero(adapter.down) == adapter.down.numel()
    assert torch.count_nonzero(adapter.up) == 0
    assert torch.equal(learned(adapter)(x), before) is False


def test_the_formula_by_hand() -> None:
    base = nn.Linear(2, 2)
    adapter = LoRALinear(base, rank=1, alpha=3.0)
    with torch.no_grad():
        base.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        base.bias.copy_(torch.tensor([0.5, -0.5]))
        adapter.down.copy_(torch.tensor([[1.0, 1.0]]))
        adapter.up.copy_(torch.tensor([[1.0], [-1.0]]))
    # A x = 3; B A x = (3, −3); α/r = 3
    torch.testing.assert_close(adapter(torch.tensor([1.0, 2.0])), torch.tensor([1.5 + 9.0, 3.5 - 9.0]))


def test_the_correction_is_scaled_by_alpha_over_rank() -> None:
    """Of rank 2 and α 3 it is 1.5·B A x, before it is merged and after."""
    adapter = LoRALinear(nn.Linear(2, 2, bias=False), rank=2, alpha=3.0)
    with torch.no_grad():
        adapter.base.weight.zero_()
        adapter.down.copy_(torch.tensor([[1.0, 1.0], [0.0, 2.0]]))
        adapter.up.copy_(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
    x, expected = torch.tensor([1.0, 2.0]), torch.tensor([4.5, 1.5])  # A x = (3, 4); B A x = (3, 1)
    torch.testing.assert_close(adapter(x), expected)
    torch.testing.assert_close(adapter.merged()(x), expected)
    adapter.merge()
    torch.testing.assert_close(adapter(x), expected)


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("bias", [True, False])
def test_merged_is_unmerged(dtype: torch.dtype, most: float, bias: bool) -> None:
    adapter = learned(LoRALinear(nn.Linear(24, 10, bias=bias).to(dtype), rank=8, alpha=4.0))
    x = torch.randn(6, 24, dtype=dtype)
    frozen = adapter.base.weight.clone()
    apart = adapter(x).detach()
    plain = adapter.merged()
    adapter.merge()
    together = adapter(x)
    assert not together.requires_grad
    assert float((together - apart).abs().max()) <= most * max(1.0, float(apart.abs().max()))
    assert torch.equal(plain(x), together)
    assert plain.weight.requires_grad
    adapter.unmerge()
    assert torch.equal(adapter(x), apart)
    assert torch.equal(adapter.base.weight, frozen)


def test_only_the_adapters_learn() -> None:
    block, adapters = adapted_block()
    assert len(adapters) == len(BLOCK_MAPS)
    assert {name.rsplit(".", 1)[1] for name, each in block.named_parameters() if each.requires_grad} == {"down", "up"}
    before = {name: each.detach().clone() for name, each in block.named_parameters()}
    optimizer = torch.optim.Adam([each for each in block.parameters() if each.requires_grad], lr=0.1)
    block(torch.randn(3, 5, 16)).square().mean().backward()
    optimizer.step()
    for name, each in block.named_parameters():
        learns = name.endswith((".down", ".up"))
        assert (each.grad is not None) == learns, name
        assert torch.equal(each, before[name]) != learns, name


def test_the_block_is_the_same_merged() -> None:
    block, adapters = adapted_block()
    block.double()
    x = torch.randn(2, 6, 16, dtype=torch.float64)
    apart = block(x)
    for adapter in adapters:
        adapter.merge()
    torch.testing.assert_close(block(x), apart, rtol=0, atol=1e-12)


def test_dropout_acts_on_the_correction_while_training_only() -> None:
    base = nn.Linear(64, 8)
    adapter = learned(LoRALinear(base, rank=4, alpha=4.0, dropout=0.5))
    x = torch.randn(1, 64)
    assert not torch.equal(adapter(x), adapter(x))
    adapter.eval()
    assert torch.equal(adapter(x), adapter(x))
    with torch.no_grad():
        adapter.up.zero_()
    assert torch.equal(adapter.train()(x), base(x))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rank": 0}, "rank: must be 1 or more; got 0"),
        ({"rank": 8}, "rank: must be at most 7, the smaller width of the map; got 8"),
        ({"alpha": 0.0}, "alpha: must be positive; got 0.0"),
        ({"dropout": 1.0}, "dropout: must lie in [0, 1); got 1.0"),
    ],
)
def test_what_cannot_be_an_adapter_is_refused(fields: dict[str, float], words: str) -> None:
    numbers = {"rank": 2, "alpha": 1.0} | fields
    with pytest.raises(ConfigError) as caught:
        LoRALinear(nn.Linear(12, 7), **numbers)  # type: ignore[arg-type]
    assert str(caught.value) == words


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        add_lora(TransformerBlock(8, 2, 16), 2, 2.0, names=("query", "fan_out"))
    assert str(caught.value) == "names: must be names of linear maps of the module; got 'fan_out'"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")
def test_it_is_what_peft_computes() -> None:
    from peft import LoraConfig, get_peft_model

    mine, theirs = TransformerBlock(16, 4, 32), TransformerBlock(16, 4, 32)
    theirs.load_state_dict(mine.state_dict())
    adapters = [learned(each) for each in add_lora(mine, rank=4, alpha=8.0)]
    config = LoraConfig(r=4, lora_alpha=8, target_modules=list(BLOCK_MAPS), lora_dropout=0.0, bias="none")
    wrapped = get_peft_model(theirs, config)
    peers = [each for each in wrapped.modules() if hasattr(each, "lora_A")]
    assert len(peers) == len(adapters)
    with torch.no_grad():
        for adapter, peer in zip(adapters, peers, strict=True):
            peer.lora_A["default"].weight.copy_(adapter.down)
            peer.lora_B["default"].weight.copy_(adapter.up)
    x = torch.randn(3, 7, 16)
    torch.testing.assert_close(mine(x), wrapped(x), rtol=0, atol=1e-5)
    mine(x).square().mean().backward()
    wrapped(x).square().mean().backward()
    for adapter, peer in zip(adapters, peers, strict=True):
        torch.testing.assert_close(adapter.down.grad, peer.lora_A["default"].weight.grad, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(adapter.up.grad, peer.lora_B["default"].weight.grad, rtol=1e-4, atol=1e-6)
    learn = [sum(each.numel() for each in m.parameters() if each.requires_grad) for m in (mine, wrapped)]
    assert learn[0] == learn[1]
