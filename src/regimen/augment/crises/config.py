"""Crises among the bars of a training slice: as many as make a share of what is learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from regimen.augment.block_bootstrap import BlockBootstrap
from regimen.augment.crises.splice import spliced
from regimen.augment.crises.templates import TEMPLATES, Template, TemplateName
from regimen.augment.paths import Path, bars_of_training
from regimen.bars import Bars
from regimen.errors import SplitError
from regimen.seeding import generator
from regimen.splits import Slice

_FULL = 0.5
"""Share of a path's bars that may lie in crises."""


class CrisisConfig(BaseModel):
    """Crises like those of 2020 to 2022 in the place of real bars; only the rows inside of them are learned from.

    Each has the drawdown, the duration and the volatility of its template, within a tenth, on a path of its own: a jump
    diffusion whose volatility has exploded, with liquidations that set off others, and one market behind all symbols of
    a panel. Its rows have features and labels that are computed from its prices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["crisis"] = Field("crisis", description="Crises in the place of real bars.")
    fraction: float = Field(0.1, gt=0.0, lt=1.0, description="Share of the training rows that are of crises.")
    templates: tuple[TemplateName, ...] = Field(
        tuple(TEMPLATES), min_length=1, description="Which crises, in equal numbers: " + ", ".join(TEMPLATES) + "."
    )
    block: float | None = Field(
        None,
        gt=1.0,
        description="Mean length of blocks in which the bars around the crises are resampled; null: they are real.",
    )
    hindsight: bool = Field(
        False, description="Whether crises are used that happened after the training slice; false: they are left out."
    )

    @field_validator("templates")
    @classmethod
    def _once_each(cls, templates: tuple[TemplateName, ...]) -> tuple[TemplateName, ...]:
        if len(set(templates)) < len(templates):
            raise ValueError("must name each template only once")
        return templates

    def used(self, bars: Bars) -> list[Template]:
        """Returns the templates whose crises were over by the end of some bars; with hindsight all of them."""
        end = bars.time[-1] + np.timedelta64(bars.bar_length, "ns")
        return [TEMPLATES[name] for name in self.templates if self.hindsight or TEMPLATES[name].known <= end]

    def fit(self, bars: Bars, part: Slice, warmup: int = 0) -> Crises:
        """Returns the crises of a training slice; see `regimen.augment.paths.bars_of_training` for what is refused.

        Without hindsight a slice that ends before the first of them has none.

        Raises:
            SplitError: a slice whose rows span fewer bars than a crisis.
        """
        own = bars_of_training(bars, part, warmup)
        times = np.unique(part.positions[0]) - part.start
        first, last = (max(warmup, int(times[0])), int(times[-1])) if len(times) else (0, -1)
        templates = self.used(own)
        for template in templates:
            needed, room = template.bars(own.bar_length), last - first
            if needed > room:
                rule = f"needs {needed:,} bars from the first row whose features are known to the last for"
                raise SplitError("augment.templates", f"{rule} {template.name}", room)
        wanted = max(1, round(self.fraction / (1.0 - self.fraction) * len(times))) if templates else 0
        return Crises(tuple(templates), self.block, own, first, last, wanted)


@final
@dataclass(frozen=True, eq=False)
class Crises:
    """See `CrisisConfig`.

    Attributes:
        templates: of the crises.
        block: mean length of the blocks of bars around them; None where those are real.
        slice_bars: the bars of the training slice, and no others.
        first, last: positions in them between which there are crises: those of the first and the last training row.
        wanted: bars in crises, over all paths.
    """

    templates: tuple[Template, ...]
    block: float | None
    slice_bars: Bars
    first: int
    last: int
    wanted: int

    def paths(self, seed: int) -> Sequence[Path]:
        """Returns as many paths as it takes; the last crisis is learned from as far as rows are wanted."""
        random, own, left = generator(seed, "augment", "crises"), self.slice_bars, self.wanted
        drawn: list[tuple[Template, int]] = []
        while left > 0:
            for k in random.permutation(len(self.templates)):
                template = self.templates[k]
                learned = min(left, template.bars(own.bar_length))
                if learned > 0:
                    drawn.append((template, learned))
                left -= learned
        paths: list[Path] = []
        while drawn:
            chosen = [drawn.pop(0)]
            room = self.last - self.first
            while drawn and sum(each.bars(own.bar_length) for each, _ in (*chosen, drawn[0])) <= _FULL * room:
                chosen.append(drawn.pop(0))
            paths.append(self._path(chosen, generator(seed, "augment", "crisis", len(paths))))
        return paths

    def _path(self, chosen: list[tuple[Template, int]], random: np.random.Generator) -> Path:
        bars, learned = self.slice_bars, np.zeros(len(self.slice_bars), dtype=np.bool_)
        if self.block is not None:
            bars = BlockBootstrap(bars, self.block).bars(1, int(random.integers(2**63)))[0]
        lengths = np.array([template.bars(bars.bar_length) for template, _ in chosen])
        between = np.sort(random.integers(0, self.last - self.first - lengths.sum(), len(chosen), endpoint=True))
        starts = self.first + between + np.cumsum(lengths) - lengths
        for start, (_, rows) in zip(starts, chosen, strict=True):
            learned[start : start + rows] = True
        crises = [(int(start), template) for start, (template, _) in zip(starts, chosen, strict=True)]
        return Path(spliced(bars, crises, random), learned)
