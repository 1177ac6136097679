"""GPT-2's weights from a local Hugging Face folder into a `FlagTraderNetwork`."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regimen.agents.flag_trader.config import FlagTraderConfig
from regimen.agents.flag_trader.network import FlagTraderNetwork
from regimen.errors import ConfigError

_FIELD = "agents.pretrained"


def fill_blocks(network: FlagTraderNetwork, config: FlagTraderConfig) -> None:
    """Reads the config's GPT-2 into a network; without one, says that its blocks stay random.

    Raises:
        ConfigError: see `read_gpt2`.
    """
    if config.pretrained is None:
        _say_that_blocks_are_random()
    else:
        read_gpt2(network, config)


def read_gpt2(network: FlagTraderNetwork, config: FlagTraderConfig) -> None:
    """Copies blocks, LayerNorms and as many positions as the context has.

    GPT-2 keeps weights as (inputs, outputs), and queries, keys and values beside each other in one map. Its
    vocabulary is not used: observations come in through a linear map of their own.

    Args:
        network: changed in place.
        config: has the folder.

    Raises:
        ConfigError: ``transformers`` is not installed; no such folder; a model of another kind, of other sizes or with
            another arithmetic; weights that are damaged, not all there, not finite, or no safetensors.
    """
    model = _model(str(config.pretrained))
    sizes = model.config
    wanted = {
        "n_embd": config.width,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_inner": config.hidden,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
    }
    given = {name: getattr(sizes, name) for name in wanted}
    given["n_inner"] = given["n_inner"] or 4 * sizes.n_embd
    for name, value in wanted.items():
        if given[name] != value:
            raise ConfigError(_FIELD, f"must be a GPT-2 whose {name} is {value}, as here", given[name])
    if sizes.n_positions < config.context:
        raise ConfigError(_FIELD, f"must have at least {config.context} positions, the context", sizes.n_positions)
    with torch.no_grad():
        network.positions.copy_(model.wpe.weight[: config.context])
        _copy_norm(network.norm, model.ln_f)
        for block, theirs in zip(network.stack, model.h, strict=True):
            _copy_norm(block.attention_norm, theirs.ln_1)
            _copy_norm(block.feed_norm, theirs.ln_2)
            attention = block.attention
            weights = theirs.attn.c_attn.weight.chunk(3, 1)
            biases = theirs.attn.c_attn.bias.chunk(3)
            for part, weight, bias in zip(
                (attention.query, attention.key, attention.value), weights, biases, strict=True
            ):
                _copy(part, weight, bias)
            for part, peer in (
                (attention.output, theirs.attn.c_proj),
                (block.widen, theirs.mlp.c_fc),
                (block.narrow, theirs.mlp.c_proj),
            ):
                _copy(part, peer.weight, peer.bias)


def _model(folder: str) -> Any:
    try:
        from safetensors import SafetensorError
        from transformers import AutoConfig, GPT2Model
    except ImportError:
        raise ConfigError(_FIELD, "needs the package transformers: pip install 'regimen[pretrained]'", folder) from None
    if not (Path(folder) / "config.json").is_file():
        raise ConfigError(_FIELD, "must be a folder with a Hugging Face model, which has a config.json", folder)
    try:
        kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
        if kind != "gpt2":
            raise ConfigError(_FIELD, "must be a model of the type gpt2", kind)
        loaded: Any = GPT2Model.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(_FIELD, f"must be a model that transformers can read ({reason})", folder) from None
    model, report = loaded
    absent = sorted(name for name in report["missing_keys"] if not name.startswith("wte"))
    if absent:  # transformers draws them
        raise ConfigError(_FIELD, f"must have all weights of its model; {absent[0]} is absent", folder)
    for name, tensor in model.named_parameters():
        if not torch.isfinite(tensor).all():
            raise ConfigError(_FIELD, f"must have finite weights; those of {name} are not", folder)
    return model


def _copy(part: nn.Module, weight: torch.Tensor, bias: torch.Tensor) -> None:
    base = part.base
    assert isinstance(base, nn.Linear)
    base.weight.copy_(weight.t())
    assert base.bias is not None
    base.bias.copy_(bias)


def _copy_norm(norm: nn.LayerNorm, peer: nn.LayerNorm) -> None:
    norm.weight.copy_(peer.weight)
    norm.bias.copy_(peer.bias)


@cache
def _say_that_blocks_are_random() -> None:
    """Once in a process."""
    logging.getLogger(__name__).warning(
        "flag_trader: the frozen blocks are random; agents.pretrained reads a GPT-2 into them"
    )
