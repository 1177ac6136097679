"""The network of FLAG-TRADER: a transformer over observations, its blocks frozen but for adapters, and two heads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from regimen.agents.flag_trader.config import FlagTraderConfig
from regimen.envs import EnvSpec
from regimen.learning import ActorCritic, perceptron
from regimen.nets import BLOCK_MAPS, CausalSelfAttention, TransformerBlock, add_lora, require_memory, training_bytes
from regimen.stateful import fill


@final
class FlagTraderNetwork(nn.Module):
    """Linear, learned positions, blocks, LayerNorm, then a linear actor; a critic on the side.

    Frozen are the linear maps of the blocks. What learns: the first linear map, the positions, the adapters, all
    LayerNorms and the actor; and the critic, a perceptron on the features that the actor sees. Its gradient stops at
    the features, so that the policy alone shapes them.

    The frozen weights are drawn as torch draws a linear layer (uniform, variance 1/(3·inputs); at a width of 768 the
    deviation is 0.021, GPT-2's 0.02) until `read_gpt2` puts pretrained ones in their place.

    Args:
        config: sizes.
        spec: of the environment.

    Attributes:
        heads: actor and critic of features (..., width), and the distribution of actions.
    """

    def __init__(self, config: FlagTraderConfig, spec: EnvSpec) -> None:
        super().__init__()
        self.context, self.width = config.context, config.width
        self.outputs = spec.choices or spec.size
        self.embed = nn.Linear(spec.width, config.width)
        self.positions = nn.Parameter(torch.empty(config.context, config.width).normal_(std=0.02))
        self.blocks = nn.ModuleList(
            TransformerBlock(config.width, config.heads, config.hidden) for _ in range(config.layers)
        )
        self.adapters = tuple(add_lora(self.blocks, config.rank, config.alpha, config.dropout))
        for each in self.blocks.modules():
            if isinstance(each, nn.LayerNorm):
                each.requires_grad_(True)
        self.norm = nn.LayerNorm(config.width)
        features = spec.model_copy(update={"columns": tuple(f"feature {number}" for number in range(config.width))})
        self.heads = ActorCritic(features, (), "tanh", config.log_std)
        self.heads.critic = perceptron(config.width, 1, (config.critic,), "tanh", 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the features (window, time, width), float32, of inputs (window, time, column).

        Causal: row t is made of the inputs up to t. So what stands behind the end of a window that is shorter than the
        others is seen by nothing before it, and needs no mask.
        """
        h = self.embed(x) + self.positions[: x.shape[1]]
        for block in self.stack:
            h = block(h)
        features: Tensor = self.norm(h)
        return features.float()

    @property
    def stack(self) -> list[TransformerBlock]:
        """The blocks, first to last."""
        return cast(list[TransformerBlock], list(self.blocks))

    def policy_parameters(self) -> list[nn.Parameter]:
        """Returns the policy's weights that learn; the critic's are not among them."""
        return [
            each for name, each in self.named_parameters() if each.requires_grad and not name.startswith("heads.critic")
        ]

    def state(self) -> dict[str, Tensor]:
        """Returns what training changes, by name: all but the frozen weights."""
        frozen = self.frozen()
        return {name: tensor for name, tensor in self.state_dict().items() if name not in frozen}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes back a `state`.

        Raises:
            RunError: of another architecture.
        """
        fill(self, {**self.frozen(), **state})

    def frozen(self) -> dict[str, Tensor]:
        """Returns the frozen weights by name."""
        return {name: each.detach() for name, each in self.named_parameters() if not each.requires_grad}

    def merge(self, merged: bool = True) -> None:
        """Makes every adapted map one product, for acting; or takes that back, for learning."""
        for adapter in self.adapters:
            if merged:
                adapter.merge()
            else:
                adapter.unmerge()


def count_parameters(network: FlagTraderNetwork) -> tuple[int, int, int]:
    """Returns the numbers of weights: of the policy, of those that learn, and of the critic, which is not in it."""
    critic = sum(each.numel() for each in network.heads.critic.parameters())
    trained = sum(each.numel() for each in network.policy_parameters())
    return trained + sum(each.numel() for each in network.frozen().values()), trained, critic


def frozen_sha256(network: FlagTraderNetwork) -> str:
    """Returns the SHA-256 of all frozen weights, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.frozen().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@final
class KeyValueCache:
    """What the blocks keep of the observations of each lane, so that the next one costs one step of the blocks.

    Good for one set of weights and one normaliser only: it is made at the beginning of a rollout.

    Args:
        network: whose blocks.
        lanes: side by side.
    """

    def __init__(self, network: FlagTraderNetwork, lanes: int) -> None:
        self.network = network
        self.keys, self.values = (network.positions.new_zeros(cache_shape(network, lanes)) for _ in range(2))

    def fill(self, lanes: Tensor, x: Tensor) -> None:
        """Begins lanes (n,) anew with inputs (n, time, column), oldest first; shorter ones are padded behind."""
        network, time = self.network, x.shape[1]
        if time == 0 or len(lanes) == 0:
            return
        h = network.embed(x) + network.positions[:time]
        for number, block in enumerate(network.stack):
            normed = block.attention_norm(h)
            for store, part in self._kept(number, block.attention):
                split = part(normed).view(len(x), time, store.shape[1], -1).transpose(1, 2)
                store[lanes, :, :time] = split.to(store.dtype)
            h = block(h)

    def step(self, x: Tensor, counts: Tensor) -> Tensor:
        """Returns the features (lane, width) of inputs (lane, column) behind ``counts`` (lane,) earlier ones."""
        network, lanes = self.network, torch.arange(len(x), device=x.device)
        longest = int(counts.max()) + 1
        seen = (torch.arange(longest, device=x.device) <= counts[:, None])[:, None, None]
        h = network.embed(x) + network.positions[counts]
        for number, block in enumerate(network.stack):
            attention = block.attention
            normed = block.attention_norm(h)
            for store, part in self._kept(number, attention):
                store[lanes, :, counts] = part(normed).view(len(x), store.shape[1], -1).to(store.dtype)
            query = attention.query(normed).view(len(x), attention.heads, 1, -1)
            keys, values = (store[number][:, :, :longest].to(query.dtype) for store in (self.keys, self.values))
            answer = functional.scaled_dot_product_attention(query, keys, values, attn_mask=seen)
            h = h + attention.output(answer.reshape(len(x), -1))
            h = h + block.narrow(functional.gelu(block.widen(block.feed_norm(h)), approximate="tanh"))
        features: Tensor = network.norm(h)
        return features.float()

    def _kept(self, number: int, attention: CausalSelfAttention) -> tuple[tuple[Tensor, nn.Module], ...]:
        return (self.keys[number], attention.key), (self.values[number], attention.value)


def cache_shape(network: FlagTraderNetwork, lanes: int) -> tuple[int, ...]:
    """Returns (block, lane, head, time, width of a head): of the keys of a `KeyValueCache`, and of its values."""
    heads = network.stack[0].attention.heads
    return len(network.stack), lanes, heads, network.context, network.width // heads


def activation_numbers(config: FlagTraderConfig, windows: int) -> int:
    """Returns how many numbers a forward pass over so many full windows keeps for the backward pass.

    Of each step and block: the inputs and outputs of both LayerNorms, queries, keys, values, what attention found, the
    hidden layer before and after its gelu, and the adapters' narrow middles.
    """
    per_step = 8 * config.width + 2 * config.hidden + len(BLOCK_MAPS) * config.rank
    return windows * config.context * (config.layers * per_step + 4 * config.width)


def require_room(config: FlagTraderConfig, spec: EnvSpec, device: str) -> None:
    """Refuses a network that cannot be trained on a device (``cpu`` or ``cuda``) with the config's minibatches.

    Raises:
        ConfigError: more memory is needed than is free.
    """
    windows = -(-config.minibatch_windows // config.accumulation)
    needed = training_bytes(lambda: FlagTraderNetwork(config, spec), activation_numbers(config, windows))
    require_memory(needed + 4 * merged_numbers(config), "agents.flag_trader", device)


def merged_numbers(config: FlagTraderConfig) -> int:
    """Returns how many numbers the merged maps of all blocks take, beside the frozen ones, while the agent acts."""
    return config.layers * (4 * config.width**2 + 2 * config.width * config.hidden)
