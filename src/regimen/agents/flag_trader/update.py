"""One gradient step of FLAG-TRADER: PPO's loss of a minibatch of windows, in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen import ops
from regimen.agents.flag_trader.config import FlagTraderConfig
from regimen.agents.flag_trader.reader import Reader
from regimen.agents.flag_trader.windows import LaneWindows
from regimen.nets import private_random


class RolloutBatch(NamedTuple):
    """What a rollout is learned from, (time · lane, ...) but for the first two.

    Attributes:
        inputs: by row of the table of observations (see `cut`).
        acted: the rows that were acted on.
        raw, old_log_prob, advantages, targets: of those.
    """

    inputs: Tensor
    acted: slice
    raw: Tensor
    old_log_prob: Tensor
    advantages: Tensor
    targets: Tensor


@final
class Updates:
    """Adam over what learns, and the gradients that it is given.

    Args:
        config: of the loss, of the parts and of Adam.
        reader: of the windows; its network's weights are changed.

    Attributes:
        policy, critic: the weights that learn.
        optimizer: of both.
    """

    def __init__(self, config: FlagTraderConfig, reader: Reader) -> None:
        self.config, self.reader = config, reader
        self.policy, self.critic = reader.network.policy_parameters(), list(reader.network.heads.critic.parameters())
        self.optimizer = torch.optim.Adam([*self.policy, *self.critic], lr=config.learning_rate, eps=1e-5, fused=True)

    def gradient(
        self, windows: LaneWindows, batch: RolloutBatch, chosen: NDArray[np.int64]
    ) -> tuple[float, float, float]:
        """Leaves the gradient of a minibatch of windows in the weights; returns loss, divergence and share clipped."""
        config, heads, acted = self.config, self.reader.network.heads, batch.acted
        self.optimizer.zero_grad()
        longest = int(windows.lengths[chosen].max())
        rows = windows.rows[chosen, :longest][windows.new(chosen, longest)]
        rows = rows[(rows >= acted.start) & (rows < acted.stop)] - acted.start
        scaled = torch.zeros_like(batch.advantages)
        places = torch.from_numpy(rows).to(self.reader.device)
        scaled[places] = ops.normalise_advantages(batch.advantages[places])
        totals = np.zeros(3)
        by_length = chosen[np.argsort(windows.lengths[chosen], kind="stable")]
        for part in np.array_split(by_length, min(config.accumulation, len(chosen))):
            table, features = self.reader.features(windows, batch.inputs, part)
            own = (table >= acted.start) & (table < acted.stop)
            place, features = table[own] - acted.start, features[own]
            log_prob, spread = heads.log_prob_and_entropy(heads.actor(features), batch.raw[place])
            surrogate = ops.clipped_surrogate(log_prob, batch.old_log_prob[place], scaled[place], config.clip)
            value_loss = ops.value_loss(heads.standard_value(features.detach()), batch.targets[place])
            loss = surrogate.loss + config.value_coefficient * value_loss
            if config.entropy_coefficient > 0.0:
                loss = loss + config.entropy_coefficient * ops.entropy_loss(spread)
            share = len(place) / len(rows)
            (share * loss).backward()  # type: ignore[no-untyped-call]
            figures = torch.stack([loss.detach(), surrogate.approximate_kl, surrogate.clip_fraction])
            totals += share * figures.double().cpu().numpy()
        nn.utils.clip_grad_norm_(self.policy, config.gradient_clip)
        nn.utils.clip_grad_norm_(self.critic, config.gradient_clip)
        return float(totals[0]), float(totals[1]), float(totals[2])

    @contextmanager
    def learning(self, seed: int) -> Iterator[None]:
        """Dropout on, its draws decided by a seed."""
        with private_random(self.reader.device):
            torch.manual_seed(seed)
            self.reader.network.train()
            try:
                yield
            finally:
                self.reader.network.eval()
