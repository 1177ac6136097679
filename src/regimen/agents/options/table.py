"""`OptionTable`: where options by rule may start, what they do, when they end; plain tensor functions of what is seen.

A *lean* is an action less the one that holds nothing: above 0 is long, below 0 short.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from regimen.agents.options.config import (
    CloseConfig,
    OpenConfig,
    OptionConfig,
    OptionsConfig,
    ScalpConfig,
    TrendConfig,
    WaitConfig,
)
from regimen.envs import EnvSpec, require_shown
from regimen.errors import ConfigError, RunError


def flat_choice(wanted: int | None, choices: int) -> int:
    """Returns the choice that holds nothing: the one wanted, else the middle one, or the first of an even number."""
    return wanted if wanted is not None else choices // 2 if choices % 2 else 0


@final
class OptionTable:
    """The options of a config in an environment's terms.

    Args:
        config: the options.
        spec: columns and actions of the environment.

    Attributes:
        names: of the options, by rule and then learned.
        flat: the action that holds nothing.
        bottom, top: the smallest and the largest lean.
        leans: (lean,) between which learned options choose: all of the choices, or bottom, 0 and top.

    Raises:
        ConfigError: a choice or a column that is not there; an option that can never start.
        RunError: actions of several symbols, or none of which holds nothing.
    """

    def __init__(self, config: OptionsConfig, spec: EnvSpec) -> None:
        if spec.size > 1:
            raise RunError("actions", "must be of one symbol for options", spec.size)
        self.options, self.learned, self.longest = config.options, config.learned, config.longest
        if spec.choices:
            flat = flat_choice(config.flat, spec.choices)
            if flat >= spec.choices:
                raise ConfigError("agents.flat", f"must be one of {spec.choices} choices, from 0", flat)
            self.flat, self.bottom, self.top = float(flat), float(-flat), float(spec.choices - 1 - flat)
            self.leans = torch.arange(spec.choices, dtype=torch.float32) - flat
        else:
            if not spec.low <= 0.0 <= spec.high:
                raise RunError("actions", "must have 0 within their bounds for options", [spec.low, spec.high])
            self.flat, self.bottom, self.top = 0.0, spec.low, spec.high
            self.leans = torch.tensor(sorted({spec.low, 0.0, spec.high}), dtype=torch.float32)
        self._columns = [_column(number, each, spec) for number, each in enumerate(self.options)]
        for number, each in enumerate(self.options):
            if isinstance(each, OpenConfig) and (self.top if each.side == "long" else self.bottom) == 0.0:
                rule = f"can never start: no action is {each.side}; leave it out"
                raise ConfigError(f"agents.options.{number}", rule, each.side)
        self.names = _names(self.options, self.learned)

    @property
    def reach(self) -> float:
        """The largest lean of either side."""
        return max(self.top, -self.bottom)

    def may_start(self, rows: Tensor, lean: Tensor) -> Tensor:
        """Returns where each option may start (n, option), of observations (n, width) and leans (n,) in force."""
        every = [self._may_start(number, each, rows, lean) for number, each in enumerate(self.options)]
        return torch.stack([*every, *(torch.ones_like(lean, dtype=torch.bool),) * self.learned], 1)

    def next_leans(self, rows: Tensor, lean: Tensor, elapsed: Tensor) -> Tensor:
        """Returns what each option by rule does (n, option): the next lean, after so many bars (n,) in force."""
        every = [self._next_lean(number, each, rows, lean, elapsed) for number, each in enumerate(self.options)]
        return torch.stack(every, 1) if every else lean[:, None][:, :0]

    def ends(self, rows: Tensor, lean: Tensor, elapsed: Tensor) -> Tensor:
        """Returns whether each option ends (n, option) at what is seen now; a learned one after its longest only."""
        every = [self._ends(number, each, rows, lean, elapsed) for number, each in enumerate(self.options)]
        return torch.stack([*every, *(elapsed >= self.longest,) * self.learned], 1)

    def _may_start(self, number: int, option: OptionConfig, rows: Tensor, lean: Tensor) -> Tensor:
        if isinstance(option, OpenConfig):
            return lean <= 0.0 if option.side == "long" else lean >= 0.0
        if isinstance(option, CloseConfig):
            return lean != 0.0
        if isinstance(option, WaitConfig):
            return torch.ones_like(lean, dtype=torch.bool)
        pull = self._pull(number, option, rows)
        long, short = pull > option.threshold, pull < -option.threshold
        return (long & (self.top > 0.0)) | (short & (self.bottom < 0.0))

    def _next_lean(self, number: int, option: OptionConfig, rows: Tensor, lean: Tensor, elapsed: Tensor) -> Tensor:
        if isinstance(option, OpenConfig):
            return torch.full_like(lean, self.top if option.side == "long" else self.bottom)
        if isinstance(option, CloseConfig):
            return torch.zeros_like(lean)
        if isinstance(option, WaitConfig):
            return lean
        long = self._pull(number, option, rows) > 0.0
        side = torch.where(long, torch.full_like(lean, self.top), torch.full_like(lean, self.bottom))
        return torch.where(elapsed > 0.0, lean, side)

    def _ends(self, number: int, option: OptionConfig, rows: Tensor, lean: Tensor, elapsed: Tensor) -> Tensor:
        if isinstance(option, OpenConfig | CloseConfig):
            return elapsed >= 1.0
        if isinstance(option, WaitConfig):
            return elapsed >= option.bars
        return (elapsed >= option.bars) | (self._pull(number, option, rows) * lean <= 0.0)

    def _pull(self, number: int, option: TrendConfig | ScalpConfig, rows: Tensor) -> Tensor:
        """Returns the column (n,) whose sign is the side that the option takes."""
        value = rows[:, self._columns[number]]
        return value if isinstance(option, TrendConfig) else -value


def _column(number: int, option: OptionConfig, spec: EnvSpec) -> int:
    if not isinstance(option, TrendConfig | ScalpConfig):
        return 0
    if option.column is None:
        return next((k for k, name in enumerate(spec.columns) if name.startswith("return")), 0)
    require_shown(f"agents.options.{number}.column", [option.column], spec.columns)
    return spec.columns.index(option.column)


def _names(options: Sequence[OptionConfig], learned: int) -> tuple[str, ...]:
    """Returns names that differ: the kinds, with a side or a number where there are several of one."""
    kinds = [f"open {each.side}" if isinstance(each, OpenConfig) else each.kind for each in options]
    kinds += ["learned"] * learned
    return tuple(
        kind if kinds.count(kind) == 1 else f"{kind} {kinds[: place + 1].count(kind)}"
        for place, kind in enumerate(kinds)
    )
