"""The agents that see a context of observations: the decision transformer and FLAG-TRADER, at one fixed length."""

from __future__ import annotations

from copy import deepcopy
from typing import final

import torch
from torch import Tensor

from regimen.agents import CGDT, FlagTrader
from regimen.errors import RunError
from regimen.runs.exporting.agents.body import Body
from regimen.runs.exporting.agents.inputs import Normalised


@final
class CGDTBody(Body):
    """Logits of the choices after the whole context, of which the steps that are not there yet are masked.

    The memory is that of `regimen.agents.cgdt.memory`: a count, observations, choices.

    Raises:
        RunError: a transformer that computes in bfloat16.
    """

    ages: Tensor

    def __init__(self, agent: CGDT) -> None:
        super().__init__()
        config, spec = agent.config, agent.spec
        require_float32(config.precision, "cgdt")
        self.past, self.width = config.context - 1, spec.width
        self.memory = 1 + self.past * (spec.width + 1)
        self.goal = (agent.target - float(agent.returns.mean[0])) / float(agent.returns.scale[0])
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.policy = deepcopy(agent.network.policy).cpu().eval()
        self.register_buffer("ages", torch.arange(self.past, -1, -1))

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        edge = 1 + self.past * self.width
        count = memory[:, :1]
        before = memory[:, 1:edge].reshape(row.shape[0], self.past, self.width)
        seen = torch.cat([before, row[:, None]], 1)
        mask = self.ages <= count
        goals = torch.full_like(seen[..., 0], self.goal)
        logits = self.policy(goals, self.inputs(seen), memory[:, edge:].long(), mask)[:, -1]
        if not self.past:
            return logits, memory
        choice = logits.argmax(-1, keepdim=True).to(row.dtype)
        following = [(count + 1.0).clamp(max=float(self.past)), memory[:, 1 + self.width : edge], row]
        return logits, torch.cat([*following, memory[:, edge + 1 :], choice], 1)


@final
class FlagTraderBody(Body):
    """Logits of the choices, or the mean within the bounds, at the newest observation of a lane's window.

    The memory is that of `regimen.agents.flag_trader.windows`: the observations of a context, oldest first, and their
    count. Here the next one is written into a new array, and the blocks always read the whole context: they are
    causal, so that what stands behind the newest is seen by nothing that is read.

    Raises:
        RunError: blocks that compute in bfloat16.
    """

    places: Tensor

    def __init__(self, agent: FlagTrader) -> None:
        super().__init__()
        config = agent.config
        require_float32(config.precision, "flag_trader")
        self.context, self.width, self.kept = config.context, agent.spec.width, config.kept
        self.memory = agent.memory
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.network = deepcopy(agent.network).cpu().eval()
        self.network.merge()
        self.register_buffer("places", torch.arange(config.context))

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        window, count = memory[:, :-1].reshape(row.shape[0], self.context, self.width), memory[:, -1:].long()
        full = count == self.context
        begun = torch.cat([window[:, self.context - self.kept :], torch.zeros_like(window[:, self.kept :])], 1)
        window = torch.where(full[..., None], begun, window)
        count = torch.where(full, torch.full_like(count, self.kept), count)
        window = torch.where((self.places == count)[..., None], row[:, None], window)
        features = self.network(self.inputs(window))
        at = count[..., None].expand(-1, 1, features.shape[-1])
        heads = self.network.heads
        output = heads.to_env(heads.actor(features.gather(1, at)[:, 0]))
        return output, torch.cat([window.flatten(1), (count + 1).to(row.dtype)], 1)


def require_float32(precision: str, kind: str) -> None:
    """Refuses a network that computes in half precision: its answers are not those of the graph's float32.

    Raises:
        RunError: it does.
    """
    if precision in ("bf16", "bfloat16"):
        rule = "must be float32 to be exported as a graph; such an agent is served by its Python policy"
        raise RunError(f"agents.{kind}.precision", rule, precision)
