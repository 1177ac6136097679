"""`OptionPolicy`: one bar of a lane that is under an option: end it, choose the next, act."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from regimen import ops
from regimen.agents.options.learned import LearnedOptions
from regimen.agents.options.table import OptionTable
from regimen.learning import Perceptrons

OPTION, ELAPSED, LEAN = 0, 1, 2
MEMORY = 3
"""Numbers that are remembered of a lane: the option in force, from 1 (0: none), its bars so far, the lean in force."""
_SHUT = -1e9


@final
@dataclass(frozen=True, eq=False)
class OptionPolicy:
    """What decides, as tensor functions of observations (n, width) and memories (n, 3); no function changes either.

    Noise is uniform (n,); None takes the likeliest.

    Attributes:
        table: the options.
        inputs: what a network is given (n, width) for observations (n, width).
        chooser: logits (1, option, n) of an input (width + 1, n).
        learned: the learned options; None where there are none.
    """

    table: OptionTable
    inputs: Callable[[Tensor], Tensor]
    chooser: Perceptrons
    learned: LearnedOptions | None

    def x(self, rows: Tensor, lean: Tensor) -> Tensor:
        """Returns what networks are given (width + 1, n): the columns, and the lean as a share of the largest."""
        return torch.cat([self.inputs(rows), (lean / self.table.reach)[:, None]], 1).mT

    def decided(self, rows: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Returns memories after a whole bar of the likeliest, whose last number is the lean, and how sure (n,)."""
        memory, apart = self.chosen(rows, self.ended(rows, memory))
        return self.acted(rows, memory), apart

    def copied(self, inputs: Callable[[Tensor], Tensor]) -> OptionPolicy:
        """Returns a policy that shares no network with this one."""
        return replace(self, inputs=inputs, chooser=deepcopy(self.chooser), learned=deepcopy(self.learned))

    @property
    def networks(self) -> tuple[Perceptrons, ...]:
        """All that decide."""
        return (self.chooser, *(() if self.learned is None else (self.learned.policy, self.learned.ending)))

    def ended(self, rows: Tensor, memory: Tensor, noise: Tensor | None = None) -> Tensor:
        """Returns memories in which options that end at what is seen now are over."""
        option, elapsed, lean = memory.unbind(1)
        place = (option - 1.0).clamp_min(0.0).long()
        over = self.table.ends(rows, lean, elapsed).gather(1, place[:, None])[:, 0]
        if self.learned is not None:
            over = over | (self._is_learned(option) & self.learned.ends(self.x(rows, lean), self._own(option), noise))
        keep = (~over).to(memory.dtype)
        return torch.stack([option * keep, elapsed * keep, lean], 1)

    def chosen(self, rows: Tensor, memory: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns memories in which lanes without an option have one, and by how much (n,) the choice is the best."""
        option, elapsed, lean = memory.unbind(1)
        logits = self.chooser(self.x(rows, lean))[0].mT
        logits = logits.masked_fill(~self.table.may_start(rows, lean), _SHUT)
        best = logits.topk(2, 1).values
        pick = logits.argmax(1) if noise is None else ops.categorical_sample(logits, noise)
        free = option == 0.0
        apart = torch.where(free, best[:, 0] - best[:, 1], torch.full_like(lean, 10.0)).clamp(max=10.0)
        return torch.stack([torch.where(free, pick.to(option.dtype) + 1.0, option), elapsed, lean], 1), apart

    def acted(self, rows: Tensor, memory: Tensor, noise: Tensor | None = None) -> Tensor:
        """Returns memories after a bar of the options in force: with their next leans, one bar older."""
        option, elapsed, lean = memory.unbind(1)
        rules = len(self.table.options)
        after = lean
        if rules:
            every = self.table.next_leans(rows, lean, elapsed)
            after = every.gather(1, (option - 1.0).clamp(0.0, rules - 1.0).long()[:, None])[:, 0]
        if self.learned is not None:
            own = self.table.leans.to(rows.device)[self.learned.act(self.x(rows, lean), self._own(option), noise)]
            after = torch.where(self._is_learned(option), own, after)
        return torch.stack([option, elapsed + 1.0, after], 1)

    def _is_learned(self, option: Tensor) -> Tensor:
        return option > len(self.table.options)

    def _own(self, option: Tensor) -> Tensor:
        """Returns which of the learned options it is, from 0; 0 for others."""
        return (option - 1.0 - len(self.table.options)).clamp_min(0.0).long()
