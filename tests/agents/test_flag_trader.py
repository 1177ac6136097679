"""FLAG-TRADER: its sizes, what is frozen, what an action sees, the cut of a rollout, GPT-2's weights, learning."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen.agents import FlagTrader, FlagTraderConfig
from regimen.agents.flag_trader.network import (
    FlagTraderNetwork,
    KeyValueCache,
    activation_numbers,
    count_parameters,
    frozen_sha256,
)
from regimen.agents.flag_trader.update import RolloutBatch
from regimen.agents.flag_trader.windows import append, cut
from regimen.envs import EnvSpec
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.learning import Rollout
from regimen.learning.storage import FILE
from regimen.nets import training_bytes
from regimen.proving import KnownMarketEnv, evaluate
from regimen.simulators import Ar1Config, HiddenRegimeConfig

MARKET = HiddenRegimeConfig()
PATH = MARKET.simulate(2000, seed=1)
LEVELS = (-1.0, 0.0, 1.0)
SMALL = FlagTraderConfig(
    width=16,
    layers=2,
    heads=4,
    hidden=32,
    context=6,
    rank=4,
    rollout_steps=16,
    epochs=2,
    minibatch_windows=24,
    learning_rate=3e-3,
    entropy_coefficient=0.01,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def lanes(levels: tuple[float, ...] | None = LEVELS, n: int = 12, length: int = 11) -> KnownMarketEnv:
    return KnownMarketEnv(MARKET, PATH, n, levels=levels, episode_length=length)


def learned(config: FlagTraderConfig = SMALL, env: KnownMarketEnv | None = None, rollouts: int = 3) -> FlagTrader:
    env = env or lanes()
    agent = config.build(env, seed=1)
    agent.learn(env, rollouts * config.rollout_steps * env.n_envs)
    return agent


def collected(config: FlagTraderConfig, env: Any) -> tuple[FlagTrader, Rollout, np.ndarray]:
    """Returns an agent that has learned for three iterations, the rollout of a fourth, and the memory before it."""
    agent = learned(config, env)
    before = agent._memory.copy()
    rollout = Rollout(agent.spec, config.rollout_steps, env.n_envs)
    rollout.observations[0] = agent._seen
    agent._collect(env, rollout)
    return agent, rollout, before


# Sizes


def test_the_counts_of_the_defaults_are_exact() -> None:
    config = FlagTraderConfig()
    spec = EnvSpec(columns=tuple(f"column {number}" for number in range(60)), choices=3)
    with torch.device("meta"):
        network = FlagTraderNetwork(config, spec)
    assert count_parameters(network) == (87_955_971, 2_938_371, 49_281)
    sizes = {name: each.numel() for name, each in network.named_parameters()}
    assert sum(each.numel() for each in network.frozen().values()) == 85_017_600

    def total(*parts: str) -> int:
        return sum(size for name, size in sizes.items() if any(part in name for part in parts))

    assert total("embed") == 46_848
    assert total("positions") == 196_608
    assert total(".down", ".up") == 2_654_208
    assert total("attention_norm", "feed_norm") == 36_864
    assert sizes["norm.weight"] + sizes["norm.bias"] == 1_536
    assert total("heads.actor") == 2_307
    assert len(network.adapters) == 12 * 6


def test_memory_is_asked_for_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    small, config = SMALL.build(lanes()), FlagTraderConfig()
    spec = EnvSpec(columns=("x",), choices=3)
    free = 2**30
    monkeypatch.setattr("regimen.nets.footprint.available_bytes", lambda _: free)
    needed = training_bytes(lambda: FlagTraderNetwork(config, spec), activation_numbers(config, 16))
    needed = (needed + 4 * 12 * (4 * 768**2 + 2 * 768 * 3072)) / 2**20
    with pytest.raises(ConfigError) as caught:
        config.build(spec)
    wanted = f"agents.flag_trader: needs about {needed:,.0f} MiB of memory, and 1,024 MiB are free"
    assert str(caught.value) == wanted
    with pytest.raises(ConfigError) as less:
        config.model_copy(update={"accumulation": 2}).build(spec)
    assert float(str(less.value).split()[3].replace(",", "")) < 0.65 * needed
    free = 100
    with pytest.raises(ConfigError, match=r"^envs.n_envs: needs about"):
        small.learn(lanes(), 10)


def test_a_pass_keeps_about_as_many_numbers_as_are_asked_for() -> None:
    """Against the storages that autograd holds on to."""
    config = FlagTraderConfig(width=64, layers=3, heads=4, hidden=256, context=64, rank=4)
    network = FlagTraderNetwork(config, EnvSpec(columns=("x", "y"), choices=3))
    own = {each.untyped_storage().data_ptr() for each in network.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in own:
            kept[place] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(torch.randn(8, 64, 2))
    held = sum(each.untyped_storage().nbytes() for each in kept.values()) / 4
    assert 0.9 < held / activation_numbers(config, 8) < 1.0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rank": 0}, "agents.rank"),
        ({"rank": 17}, "agents: rank must be at most 16, the blocks' width; got 17"),
        ({"heads": 3}, "agents: heads must divide width; got 3 and 16"),
        ({"forget": 7}, "agents: forget must be at most the context, 6; got 7"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        FlagTraderConfig(**(SMALL.model_dump() | fields))
    assert "\n" not in str(caught.value)
    assert words in str(caught.value)


# Frozen and learned


def test_the_frozen_weights_are_bit_identical_after_training_and_everything_else_moves() -> None:
    env = lanes()
    agent = SMALL.build(env, seed=1)
    before = {name: tensor.clone() for name, tensor in agent.network.state_dict().items()}
    frozen = frozen_sha256(agent.network)
    agent.learn(env, 3 * 16 * 12)
    agent.predict(np.zeros((3, 2), np.float32))
    assert frozen_sha256(agent.network) == frozen == agent.notes["frozen_sha256"]
    names = set(agent.network.frozen())
    assert len(names) == 2 * 6 * 2
    for name, tensor in agent.network.state_dict().items():
        assert torch.equal(tensor, before[name]) == (name in names), name
    with torch.no_grad():
        agent.network.stack[1].narrow.base.bias[0] += 1e-6  # type: ignore[union-attr, operator, index]
    assert frozen_sha256(agent.network) != frozen


def test_at_first_the_adapters_do_nothing_and_merged_they_do_the_same() -> None:
    agent = SMALL.build(lanes(), seed=1)
    network = agent.network.double()
    x = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def features() -> torch.Tensor:
        return network(x).detach()

    first = features()
    for adapter in network.adapters:
        adapter.scale = 0.0
    assert torch.equal(features(), first)  # B = 0
    for adapter in network.adapters:
        adapter.scale = 4.0
        torch.nn.init.normal_(adapter.up, std=0.1)
    apart = features()
    assert float((apart - first).abs().max()) > 0.1
    network.merge()
    torch.testing.assert_close(features(), apart, rtol=0, atol=1e-6)
    network.merge(False)
    assert torch.equal(features(), apart)


def test_no_step_depends_on_a_later_one() -> None:
    network = learned().network
    x = torch.randn(1, 6, 2, generator=torch.Generator().manual_seed(0))
    full = torch.autograd.functional.jacobian(lambda window: network(window)[0], x)
    effect = full.abs().sum((1, 2, 4))
    assert torch.count_nonzero(effect.triu(1)) == 0  # exactly 0, not nearly
    assert (effect[torch.ones(6, 6).tril().bool()] > 0).all()


# What an action sees


def test_a_memory_grows_to_the_context_and_falls_to_what_is_kept() -> None:
    memory = np.zeros((1, 4 + 1), np.float32)
    seen = []
    for number in range(1, 10):
        append(memory, np.array([[number]], np.float32), kept=2)
        seen.append(memory[0, : int(memory[0, -1])].tolist())
    assert seen == [
        [1],
        [1, 2],
        [1, 2, 3],
        [1, 2, 3, 4],
        [3, 4, 5],
        [3, 4, 5, 6],
        [5, 6, 7],
        [5, 6, 7, 8],
        [7, 8, 9],
    ]
    assert memory[0].tolist() == [7, 8, 9, 0, 3]


@pytest.mark.parametrize("kept", [0, 1, 3, 5])
def test_windows_hold_every_observation_once_as_new_and_what_append_holds(kept: int) -> None:
    """Against `append`, lane by lane: the window up to a new observation is the memory that its action saw."""
    context, steps, n = 6, 23, 5
    random = np.random.default_rng(kept)
    ended = random.random((steps, n)) < 0.12
    ended[:, 0] = False
    finals = np.where(ended & (random.random((steps, n)) < 0.7), 0, -1)
    finals[finals == 0] = np.arange((finals == 0).sum())
    carried = np.array([6, 0, 3, 6, 1])
    windows = cut(carried, ended, finals, context, kept)
    table = np.arange((context + steps + 1) * n + finals.max() + 1, dtype=np.float32)[:, None]
    saw: dict[int, list[float]] = {}
    for lane in range(n):
        memory = np.zeros((1, context + 1), np.float32)
        for number in range(int(carried[lane])):
            append(memory, table[[number * n + lane]], kept)
        for step in range(steps + 1):
            row = (context + step) * n + lane
            append(memory, table[[row]], kept)
            saw[row] = memory[0, : int(memory[0, -1])].tolist()
            if step < steps and finals[step, lane] >= 0:
                row = (context + steps + 1) * n + int(finals[step, lane])
                append(memory, table[[row]], kept)
                saw[row] = memory[0, : int(memory[0, -1])].tolist()
            if step < steps and ended[step, lane]:
                memory[:] = 0.0
    found: dict[int, list[float]] = {}
    for rows, length, first in zip(windows.rows, windows.lengths, windows.first, strict=True):
        assert 0 <= first < length <= context
        for place in range(first, length):
            assert int(rows[place]) not in found
            found[int(rows[place])] = rows[: place + 1].tolist()
    assert found == saw


@pytest.mark.parametrize("forget", [None, 1, 6])
@pytest.mark.parametrize("levels", [LEVELS, None], ids=["discrete", "continuous"])
def test_rollout_update_and_predict_find_the_same_outputs(levels: tuple[float, ...] | None, forget: int | None) -> None:
    """Collecting goes by the cache, learning by whole windows, deployment by the memory: step by step the same."""
    env = lanes(levels)
    agent, rollout, before = collected(SMALL.model_copy(update={"forget": forget}), env)
    windows, inputs = agent._windows(rollout, before)
    outputs, _ = agent.reader.read(windows, inputs)
    held = agent.config.context * env.n_envs
    whole = outputs[held : held + 16 * env.n_envs].view(16, env.n_envs, -1)
    torch.testing.assert_close(whole, rollout.outputs, rtol=0, atol=1e-5)
    memory = before
    for t in range(16):
        _, memory = agent.predict(rollout.observations[t], memory)
        torch.testing.assert_close(agent.reader.logits(memory), whole[t], rtol=0, atol=1e-5)
        memory[rollout.truncated[t]] = 0.0
    assert rollout.truncated.any()
    np.testing.assert_array_equal(memory, agent._memory)


def test_no_action_sees_another_episode() -> None:
    """Other observations before an episode's first, same outputs after it, bit for bit."""
    agent, rollout, before = collected(SMALL, lanes())
    t, lane = (int(place[0]) for place in np.nonzero(rollout.truncated[:12]))
    old = agent.reader.read(*agent._windows(rollout, before))[0]
    rollout.observations[: t + 1, lane] += 3.0
    before[lane, :-1] += 1.0
    new = agent.reader.read(*agent._windows(rollout, before))[0]
    same = (old == new).all(1)[agent.config.context * 12 :][: 17 * 12].view(17, 12)[:, lane]
    assert not same[: t + 1].any()
    assert same[t + 1 :].all()


def test_what_an_end_is_worth_is_asked_with_the_window_before_it() -> None:
    """λ = 0: A = r + γV(next) − V, with every V from the lane's own memory, observation by observation."""
    config = SMALL.model_copy(update={"gae_lambda": 0.0, "gamma": 0.7})
    agent, rollout, before = collected(config, lanes())
    held = config.context * 12
    _, values = agent.reader.read(*agent._windows(rollout, before))
    _, advantages = agent._advantages(rollout, values.numpy()[held:])
    finals = {(int(t), int(lane)): row for t, lane, row in zip(*rollout.finals(), strict=True)}
    assert finals

    def worth(memory: np.ndarray, row: np.ndarray) -> float:
        append(memory, row[None], config.kept)
        count = int(memory[0, -1])
        with torch.no_grad():
            features = agent.network(agent.reader.input(agent.reader.observed(memory)[:, :count]))
            return float(agent.network.heads.value(features[0, -1]))

    for lane in range(12):
        memory = before[[lane]].copy()
        for t in range(16):
            value = worth(memory, rollout.observations[t, lane])
            final = finals.get((t, lane))
            after = worth(memory.copy(), rollout.observations[t + 1, lane] if final is None else final)
            wanted = float(rollout.rewards[t, lane]) + 0.7 * after - value
            assert float(advantages[t, lane]) == pytest.approx(wanted, abs=1e-5)
            if rollout.truncated[t, lane]:
                memory[:] = 0.0


def test_lanes_of_a_batch_and_rows_of_zeros_stand_alone() -> None:
    agent = learned()
    seen = np.random.default_rng(0).standard_normal((9, 4, 2)).astype(np.float32)
    memory: Any = None
    for t in range(9):
        _, memory = agent.predict(seen[t], memory)
        assert memory.shape == (4, 6 * 2 + 1)
        assert memory.dtype == np.float32
    alone: Any = None
    for t in range(9):
        _, alone = agent.predict(seen[t, 2:3], alone)
    np.testing.assert_array_equal(alone[0], memory[2])
    torch.testing.assert_close(agent.reader.logits(alone)[0], agent.reader.logits(memory)[2], rtol=0, atol=1e-6)
    memory[1] = 0.0
    _, memory = agent.predict(seen[0], memory)
    _, fresh = agent.predict(seen[0])
    np.testing.assert_array_equal(memory[1], fresh[1])
    for bad, words in ((np.zeros((3, 13)), "(4, 13)"), (np.full((4, 13), 7.0), "whole number up to 6")):
        with pytest.raises(RunError) as caught:
            agent.predict(seen[0], bad)
        assert words in str(caught.value)


# Learning


def test_accumulation_changes_nothing_but_rounding() -> None:
    agent, rollout, before = collected(SMALL, lanes())
    windows, inputs = agent._windows(rollout, before)
    outputs, _ = agent.reader.read(windows, inputs)
    held, size = 6 * 12, 16 * 12
    raw = rollout.flat(rollout.raw)
    random = np.random.default_rng(0)
    advantages, targets = (torch.from_numpy(random.standard_normal(size).astype(np.float32)) for _ in range(2))
    old = agent.network.heads.log_prob(outputs[held : held + size], raw) - 0.1
    batch = RolloutBatch(inputs, slice(held, held + size), raw, old.detach(), advantages, targets)
    found = []
    for parts in (1, 4):
        agent.updates.config = SMALL.model_copy(update={"accumulation": parts, "gradient_clip": 1e9})
        told = agent.updates.gradient(windows, batch, np.arange(20))
        found.append((told, [each.grad.clone() for each in agent.updates.policy]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    assert 0.0 < found[0][0][1] < 0.1
    for one, four in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one, four, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 32),
        ("layers", 1),
        ("heads", 2),
        ("hidden", 16),
        ("context", 5),
        ("forget", 1),
        ("rank", 2),
        ("alpha", 1.0),
        ("dropout", 0.5),
        ("rollout_steps", 8),
        ("epochs", 1),
        ("minibatch_windows", 4),
        ("accumulation", 3),
        ("gamma", 0.5),
        ("gae_lambda", 0.2),
        ("clip", 0.001),
        ("entropy_coefficient", 0.5),
        ("value_coefficient", 2.0),
        ("gradient_clip", 1e-3),
        ("learning_rate", 1e-4),
        ("warmup", 0.9),
        ("anneal", False),
        ("critic", 8),
        ("normalise_observations", False),
        ("observation_clip", 0.1),
        ("value_share", 1.0),
        ("precision", "bfloat16"),
    ],
)
def test_every_number_of_the_config_changes_what_is_learned(field: str, value: Any) -> None:
    """Policy and critic; the policy's own gradient knows of the critic by the advantages only."""
    policy, critic = learned_bytes(SMALL.model_copy(update={field: value}))
    usual_policy, usual_critic = learned_bytes(SMALL)
    assert critic != usual_critic
    assert policy != usual_policy


@cache
def learned_bytes(config: FlagTraderConfig) -> tuple[list[bytes], list[bytes]]:
    agent = learned(config, lanes(n=6), rollouts=3)
    policy, critic = (
        [each.detach().numpy().tobytes() for each in part] for part in (agent.updates.policy, agent.updates.critic)
    )
    return policy, critic


# The file


def test_the_file_is_small_and_knows_the_frozen_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SMALL.model_copy(update={"width": 64, "hidden": 256, "layers": 3})
    agent = learned(config, rollouts=1)
    agent.save(tmp_path)
    frozen = 4 * sum(each.numel() for each in agent.network.frozen().values())
    assert (tmp_path / FILE).stat().st_size < 0.4 * frozen
    again = FlagTrader.load(tmp_path)
    assert again.notes["frozen_sha256"] == agent.notes["frozen_sha256"]
    monkeypatch.setattr("regimen.agents.flag_trader.flag_trader.frozen_sha256", lambda _: "0" * 64)
    with pytest.raises(RunError) as caught:
        FlagTrader.load(tmp_path)
    assert "frozen_sha256: must be 000000000000, what its config and seed make here" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_random_blocks_are_said_to_be_random(caplog: pytest.LogCaptureFixture) -> None:
    from regimen.agents.flag_trader import pretrained

    pretrained._say_that_blocks_are_random.cache_clear()
    with caplog.at_level(logging.WARNING):
        SMALL.build(lanes())
        SMALL.build(lanes())
    assert [record.message for record in caplog.records] == [
        "flag_trader: the frozen blocks are random; agents.pretrained reads a GPT-2 into them"
    ]


# GPT-2

transformers = pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="transformers is absent")


def gpt2_folder(folder: Path, **changes: Any) -> Any:
    """Writes a tiny GPT-2 with weights large enough to matter, and returns it."""
    from transformers import GPT2Config, GPT2Model

    sizes = {"n_layer": 2, "n_embd": 32, "n_head": 4, "n_positions": 64, "vocab_size": 11} | changes
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = GPT2Model(GPT2Config(**sizes))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return model.eval()


def like_gpt2(folder: Path, **changes: Any) -> FlagTraderConfig:
    sizes = {"width": 32, "layers": 2, "heads": 4, "hidden": 128, "context": 24}
    return SMALL.model_copy(update=sizes | {"pretrained": str(folder)} | changes)


@pytest.mark.slow
@transformers
def test_the_blocks_are_those_of_gpt2(tmp_path: Path) -> None:
    model = gpt2_folder(tmp_path / "gpt2")
    agent = like_gpt2(tmp_path / "gpt2").build(lanes(), seed=1)
    network = agent.network
    x = torch.randn(3, 24, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = model(inputs_embeds=x).last_hidden_state
        h = x + network.positions
        for block in network.stack:
            h = block(h)
        torch.testing.assert_close(network.norm(h), theirs, rtol=0, atol=1e-5)
    frozen = agent.notes["frozen_sha256"]
    agent.learn(lanes(), 16 * 12)
    assert frozen_sha256(network) == frozen
    agent.save(tmp_path / "agent")
    rows = np.ones((2, 2), np.float32)
    loaded = FlagTrader.load(tmp_path / "agent")
    torch.testing.assert_close(
        loaded.reader.logits(loaded.predict(rows)[1]), agent.reader.logits(agent.predict(rows)[1])
    )

    for changes, words in (
        ({"width": 64}, "agents.pretrained: must be a GPT-2 whose n_embd is 64, as here; got 32"),
        ({"layers": 3}, "n_layer is 3"),
        ({"heads": 2}, "n_head is 2"),
        ({"hidden": 64}, "n_inner is 64"),
        ({"context": 65}, "at least 65 positions"),
        ({"pretrained": str(tmp_path / "nowhere")}, "must be a folder with a Hugging Face model"),
    ):
        with pytest.raises(ConfigError) as caught:
            like_gpt2(tmp_path / "gpt2", **changes).build(lanes())
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)

    model.h[0].mlp.c_fc.weight.data[0, 0] += 1.0
    model.save_pretrained(tmp_path / "gpt2")
    with pytest.raises(RunError, match="what its config and seed make here") as other:
        FlagTrader.load(tmp_path / "agent")
    assert "\n" not in str(other.value)


@pytest.mark.slow
@transformers
def test_weights_that_are_not_all_there_are_no_pretrained_ones(tmp_path: Path) -> None:
    """The library draws what is absent at random, and reads pickles; neither may pass for GPT-2."""
    from safetensors.torch import load_file, save_file

    model = gpt2_folder(tmp_path)
    file = tmp_path / "model.safetensors"
    whole, weights = file.read_bytes(), load_file(file)

    def written(names: set[str], **more: torch.Tensor) -> None:
        kept = {name: each.clone() for name, each in (weights | more).items() if name not in names}
        save_file(kept, file, metadata={"format": "pt"})

    def refused(words: str) -> None:
        with pytest.raises(ConfigError) as caught:
            like_gpt2(tmp_path).build(lanes())
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)

    written({"h.1.mlp.c_fc.weight"})
    refused("agents.pretrained: must have all weights of its model; h.1.mlp.c_fc.weight is absent")
    written(set(), **{"h.0.ln_1.bias": torch.full((32,), float("nan"))})
    refused("agents.pretrained: must have finite weights; those of h.0.ln_1.bias are not")
    written(set(), **{"h.0.ln_1.bias": torch.zeros(31)})
    refused("agents.pretrained: must be a model that transformers can read")
    file.write_bytes(whole[: len(whole) // 2])
    refused("agents.pretrained: must be a model that transformers can read")
    file.unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    refused("Error no file named model.safetensors")
    gpt2_folder(tmp_path, scale_attn_by_inverse_layer_idx=True)
    refused("must be a GPT-2 whose scale_attn_by_inverse_layer_idx is False, as here; got True")


def test_without_transformers_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(RegimenError) as caught:
        like_gpt2(tmp_path).build(lanes())
    assert "agents.pretrained: needs the package transformers: pip install 'regimen[pretrained]'" in str(caught.value)


# What it learns

TRADER = FlagTraderConfig(
    width=32,
    layers=2,
    heads=4,
    hidden=64,
    context=32,
    rank=4,
    rollout_steps=32,
    minibatch_windows=32,
    learning_rate=3e-3,
    gae_lambda=0.5,
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [0, 1])
def test_it_learns_the_sign_of_an_ar1(seed: int) -> None:
    market = Ar1Config()
    env = KnownMarketEnv(market, market.simulate(200_000, seed=100 + seed), 128, levels=LEVELS)
    agent = TRADER.model_copy(update={"gamma": 0.0}).build(env, seed)
    agent.learn(env, 60_000)
    assert evaluate(agent, market, seed=999, paths=32, bars=500).score >= 0.9


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_it_earns_more_on_the_hidden_regime_than_any_policy_without_a_memory() -> None:
    env = KnownMarketEnv(MARKET, MARKET.simulate(200_000, seed=100), 128, levels=LEVELS, show_position=False)
    agent = TRADER.model_copy(update={"gamma": 0.9}).build(env, 0)
    agent.learn(env, 260_000)
    found = evaluate(agent, MARKET, seed=999, paths=32, bars=500, show_position=False)
    assert found.value >= 1.5 * MARKET.memoryless


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_update_of_the_whole_size_runs() -> None:
    """88 million weights, a context of 256, two windows."""
    env = KnownMarketEnv(MARKET, PATH, 2, levels=LEVELS, episode_length=256)
    config = FlagTraderConfig(rollout_steps=256, epochs=1, minibatch_windows=2)
    agent = config.build(env, seed=0)
    frozen = agent.notes["frozen_sha256"]
    (told,) = agent.learn(env, 2 * 256)
    assert np.isfinite(told.numbers["loss"])
    assert frozen_sha256(agent.network) == frozen


def test_the_cache_of_a_fresh_lane_needs_no_fill() -> None:
    network = SMALL.build(lanes(), seed=1).network
    store = KeyValueCache(network, 2)
    store.fill(torch.arange(2), torch.empty(2, 0, 2))
    x = torch.randn(2, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one = store.step(x, torch.zeros(2, dtype=torch.int64))
        torch.testing.assert_close(one, network(x[:, None])[:, 0], rtol=0, atol=1e-6)
