"""CGDT, read top to bottom: draw context windows, move the critic, move the policy towards data and critic; act."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen import ops
from regimen.agents.cgdt.config import CGDTConfig
from regimen.agents.cgdt.memory import ContextMemory, unlike
from regimen.agents.cgdt.networks import GuidedTransformer, activations, critic_loss, guidance_loss
from regimen.envs import EnvSpec
from regimen.errors import ConfigError
from regimen.learning import (
    OfflineAgent,
    RunningMoments,
    observed_rows,
    require_finite,
)
from regimen.nets import first_weights, pick_device, private_random, require_memory, torch_threads, training_bytes
from regimen.replay import Context, Trajectories, Windows
from regimen.seeding import generator, torch_seed
from regimen.stateful import parts

_AT_ONCE = 2**16
"""Tokens in one pass of `predict`."""


@final
class CGDT(OfflineAgent):
    """An agent: a decision transformer and the critic that guides it, what they are normalised by, and a target.

    Built by `CGDTConfig.build`. The same config, spec, seed, data and threads give the same bytes on one machine.

    Args:
        config: its numbers.
        spec: columns and choices of its environment.
        seed: of weights, data, batches and dropout.

    Raises:
        ConfigError: continuous actions; a network that does not fit into memory; ``device: cuda`` or
            ``precision: bf16`` where there is none.

    Attributes:
        network: transformer and critic.
        observations: moments of the columns of the first data that was studied; frozen afterwards.
        returns: moments of its returns-to-go.
        target: the return-to-go asked for when acting, in the reward's unit: the ``target_quantile`` of that data.
        updates: so far.
        iterations: of learning so far.
    """

    config: CGDTConfig
    settings = CGDTConfig
    saved = parts("network", "observations", "returns", **{"count/updates": "updates", "target/return": "target"})
    resumed = parts("optimizer")

    def __init__(self, config: CGDTConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        if spec.choices is None:
            raise ConfigError("agents.kind", "must be an agent of continuous actions in this environment", config.kind)
        self.device = pick_device(config.device, "agents.device").type
        if self.device == "cuda" and config.precision == "bf16" and not torch.cuda.is_bf16_supported():
            raise ConfigError("agents.precision", "must be float32 on this device", config.precision)
        self._needs(0)
        with first_weights(seed, "cgdt", "weights"):
            self.network = self._build().to(self.device).eval()
        self._optimizer: torch.optim.AdamW | None = None
        self.observations, self.returns = RunningMoments(spec.width), RunningMoments(1)
        self.target = 0.0
        self.updates = 0
        self._memory = ContextMemory(config.context, spec.width, spec.choices)
        self._windows: Windows | None = None
        self._random = generator(seed, "cgdt", "predict")

    def _build(self) -> GuidedTransformer:
        return GuidedTransformer(self.config, self.spec.width, self.spec.choices or 0)

    def _needs(self, numbers: int) -> None:
        require_memory(training_bytes(self._build, numbers), "agents.cgdt", self.device)

    def begin(self, trajectories: Trajectories) -> None:
        """Takes in the data that `improve` draws from; the first data decides normalisers and target.

        Raises:
            ConfigError: a context longer than every episode; too little memory.
        """
        config = self.config
        longest = int(trajectories.lengths.max())
        if config.context > longest:
            raise ConfigError("agents.context", f"must be at most {longest}, the longest trajectory", config.context)
        self._needs(activations(config, self.spec.choices or 0))
        self._windows = trajectories.windows(config.context, config.gamma)
        if self.returns.count == 0.0:
            promised = trajectories.returns_to_go(config.gamma)
            self.observations.merge(trajectories.observations)
            self.returns.merge(promised[:, None])
            self.target = float(np.quantile(promised, config.target_quantile))

    @property
    def optimizer(self) -> torch.optim.AdamW:
        """Two groups: transformer and critic. Made when it is first asked for: `predict` can do without its imports."""
        if self._optimizer is None:
            policy, critic = self.network.policy.parameters(), self.network.critic.parameters()
            groups: list[dict[str, Any]] = [{"params": [*policy]}, {"params": [*critic]}]
            self._optimizer = torch.optim.AdamW(groups, weight_decay=self.config.weight_decay, fused=True)
        return self._optimizer

    def improve(self, first: int, count: int, total: int) -> tuple[float, dict[str, float]]:
        """Makes the updates [first, first + count) of ``total``; returns the policy's entropy and what else to tell.

        The ``numbers`` are ``loss`` (cross entropy of the data's actions, nats), ``critic_loss``, ``guidance_loss``
        (unweighted), ``expected_return`` (of the policy by the critic, in the reward's unit), ``target`` and
        ``learning_rate``.
        """
        assert self._windows is not None
        config, totals = self.config, np.zeros(5)
        with private_random(torch.device(self.device)):
            self.network.train()
            for k in range(first, first + count):
                self._begin_chance(torch_seed(self.seed, "cgdt", "dropout", self.updates))
                rows = generator(self.seed, "cgdt", "rows", self.updates).integers(
                    0, len(self._windows), config.batch_size
                )
                rate = config.rate(k / total)
                totals += np.array(self._update(self._windows.batch(rows), rate, k / total)) / count
                self.updates += 1
            self.network.eval()
        entropy, loss, valued, guided, expected = (float(each) for each in totals)
        require_finite(self, loss + valued + guided)
        return entropy, {
            "loss": loss,
            "critic_loss": valued,
            "guidance_loss": guided,
            "expected_return": expected * float(self.returns.scale[0]) + float(self.returns.mean[0]),
            "target": self.target,
            "learning_rate": config.learning_rate * rate,
        }

    def _begin_chance(self, seed: int) -> None:
        """Begins the stream that dropout draws from, on the device (`torch.manual_seed` leaves a note for others)."""
        torch.default_generator.manual_seed(seed)
        if self.device == "cuda":
            torch.cuda.manual_seed(seed)

    def _update(self, context: Context, rate: float, done: float) -> tuple[float, ...]:
        """Makes one update; returns entropy, cross entropy, critic's loss, guidance and expected return, means."""
        config, network = self.config, self.network
        mask = torch.from_numpy(context.mask).to(self.device)
        actions = torch.from_numpy(context.actions[..., 0]).to(self.device)
        goals, states = self._goals(context.returns_to_go), self._input(context.observations)
        with torch.autocast(self.device, torch.bfloat16, enabled=config.precision == "bf16"):
            logits = network.policy(goals, states, actions, None if context.mask.all() else mask)
        logits, goals, actions, states = logits.float()[mask], goals[mask], actions[mask], states[mask]
        values = network.values(states)
        valued = critic_loss(values, actions, goals, config.critic_expectile).mean()
        loss = nn.functional.cross_entropy(logits, actions)
        taken = values.detach()[torch.arange(len(actions), device=self.device), actions, 0]
        scale = (goals - taken).square().mean().sqrt().clamp_min(1e-3)
        guided = guidance_loss(logits, values, goals, scale, config.guidance_expectile).mean()
        weight = config.guidance * min(1.0, done / config.guidance_ramp if config.guidance_ramp else 1.0)

        self.optimizer.zero_grad()
        (loss + weight * guided + valued).backward()  # type: ignore[no-untyped-call]
        for group, base in zip(
            self.optimizer.param_groups, (config.learning_rate, config.critic_learning_rate), strict=True
        ):
            nn.utils.clip_grad_norm_(group["params"], config.gradient_clip)
            group["lr"] = base * rate
        self.optimizer.step()
        with torch.no_grad():
            policy = torch.softmax(logits, -1)
            entropy = -(policy * torch.log_softmax(logits, -1)).sum(-1).mean()
            expected = (policy * values[..., 0]).sum(-1).mean()
            return tuple(float(each) for each in (entropy, loss, valued, guided, expected))

    def _goals(self, promised: NDArray[np.float64]) -> Tensor:
        """Returns returns-to-go in units of the data's deviation, about its mean."""
        scaled = (promised - self.returns.mean[0]) / self.returns.scale[0]
        return torch.from_numpy(scaled.astype(np.float32)).to(self.device)

    def _input(self, rows: NDArray[np.float32]) -> Tensor:
        """Returns what the networks are given for raw observations (..., width)."""
        return self.observations.network_input(rows, self.config).to(self.device)

    @torch.no_grad()
    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Returns choices (lane,), and the memory (lane, k) float32 for the next call.

        The memory holds each lane's last ``context`` − 1 observations and choices and their count. Draws come from a
        stream of the agent's own, which begins anew on `load`.

        Args:
            observation: (lane, width), or (width,) for one lane.
            state: what the last call returned, or None for lanes that all begin an episode; a row of zeros begins one
                anew in its lane. Not written to.
            deterministic: the most probable choice, instead of a draw.

        Raises:
            RunError: another width, another memory, or a number that is not finite.
        """
        rows, single = observed_rows(self.spec, observation)
        memory = self._memory.checked(state, len(rows))
        with torch_threads(self.config.threads):
            logits = self.logits(rows, memory)
            if deterministic:
                actions = logits.argmax(-1).numpy()
            else:
                noise = torch.from_numpy(self._random.random(len(rows), np.float32))
                actions = ops.categorical_sample(logits, noise).numpy()
        after = self._memory.after(memory, rows, actions)
        return actions[0] if single else actions, after

    @torch.no_grad()
    def logits(self, rows: NDArray[np.float32], memory: NDArray[np.float32]) -> Tensor:
        """Returns logits (lane, choices) of observations (lane, width) after a memory (lane, k), on the cpu.

        Equal lanes that stand side by side are computed once.
        """
        fresh, place = unlike(rows, memory)
        rows, memory = rows[fresh], memory[fresh]
        seen, taken, mask = self._memory.context(memory, rows)
        goals = self._goals(np.full(seen.shape[:2], self.target))
        parts = []
        size = max(1, _AT_ONCE // (3 * mask.shape[1]))
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            with torch.autocast(self.device, torch.bfloat16, enabled=self.config.precision == "bf16"):
                outputs = self.network.policy(
                    goals[part],
                    self._input(seen[part]),
                    torch.from_numpy(taken[part]).to(self.device),
                    None if mask[part].all() else torch.from_numpy(mask[part]).to(self.device),
                )
            parts.append(outputs[:, -1].float().cpu())
        return torch.cat(parts)[torch.from_numpy(place)]
