"""What a bundle's graph computes: everything between a row of observations and an exposure, whatever the model is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from regimen.errors import RunError
from regimen.policies import AgentPolicy, ClassifierPolicy, ExposureRule
from regimen.policies.ensemble import Committee

if TYPE_CHECKING:
    from regimen.policies import Policy

Answer = tuple[Tensor, Tensor, Tensor, Tensor]
"""Exposure (n,), confidence (n,), state after the bar (n, memory) and details (n, k), all float64."""


class Decision(nn.Module):
    """``(row, state) -> (exposure, confidence, state, details)`` at one bar of n symbols, each by itself.

    What ships is a trace of `forward`: shapes apart it may not look at its arguments, so there is no ``bool(tensor)``
    and no ``len(tensor)`` in it, and what it raises it raises on shapes. It is in evaluation mode and holds its own
    constants as buffers; whatever is learned in float32 stays so inside.

    Every row that it is given is whole. A row whose state is not (a window that is not full yet) has exposure 0, and
    NaN for confidence and details.

    Attributes:
        width: columns of a row.
        memory: columns of a state; 0: the graph has neither a state to read nor one to write.
        details: names of the columns of the details.
        rule: what makes exposures of the details outside of the graph, where no graph can; the graph's own exposure is
            NaN then. None: the graph's exposure is the answer.
    """

    width: int
    memory: int
    details: tuple[str, ...]
    rule: ExposureRule | None = None

    def forward(self, row: Tensor, state: Tensor) -> Answer:
        """Returns the answer for rows (n, width) and states (n, memory), float64."""
        raise NotImplementedError

    def gap(self, row: Tensor, state: Tensor, details: Tensor) -> Tensor:
        """Returns how near (n,) the details are to those of another action; infinite where exposures never jump."""
        del row, state
        return details.new_full(details.shape[:1], math.inf)


def decision_of(policy: Policy) -> Decision:
    """Returns what a graph can compute of a policy: one without preprocessing and wrappers, which stand outside of it.

    Args:
        policy: a window's, see `regimen.policies.innermost`.

    Raises:
        RunError: a policy, or a part of one, that no graph computes; it is named.
    """
    if isinstance(policy, ClassifierPolicy | Committee):
        from regimen.runs.exporting.classifiers import ClassifierDecision

        return ClassifierDecision(policy).eval()
    if isinstance(policy, AgentPolicy):
        from regimen.runs.exporting.agents import agent_decision

        return agent_decision(policy)
    raise not_exportable(policy)


class NotExportable(RunError):
    """A part of a policy that no graph computes."""


def not_exportable(part: object) -> NotExportable:
    """Returns the error of a part of a policy that no graph computes."""
    name = type(part).__name__
    return NotExportable("export", f"{name} is computed by no graph; its own files are shipped and serve it")


def certainty(probabilities: Tensor) -> Tensor:
    """Returns ``1 − H(p) / log n`` (...) of probabilities (..., n): 0 where all are alike, 1 where one is sure."""
    logs = probabilities.clamp(min=torch.finfo(probabilities.dtype).tiny).log()  # 0 log 0 is 0; xlogy is seven nodes
    return (1.0 + (probabilities * logs).sum(-1) / math.log(probabilities.shape[-1])).clamp(0.0, 1.0)


def share_of_most(exposure: Tensor, most: float) -> Tensor:
    """Returns ``|exposure| / most`` (...), at most 1: how confident a policy of continuous exposures is."""
    return (exposure.abs() / most).clamp(0.0, 1.0)
