"""`regimen safeguards`: a finished run's targets behind limits that it need not have been trained with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.numerals import count, percent
from regimen.policies import Policy
from regimen.records import RunConfig, RunDirectory, plain, require_finished
from regimen.records.layout import EXPOSURES, POLICY
from regimen.reprs import many, short
from regimen.runs.guarding.confidence import confidences
from regimen.runs.prepare import Prepared, prepare, require_same_data
from regimen.runs.window import load_policy, read_exposures
from regimen.safeguards import LimitEffect, LimitEffects, SafeguardsConfig, limit_effects
from regimen.settings import apply_overrides, validated
from regimen.splits import Window

Floats = NDArray[np.float64]
Advance = Callable[[int, int, str], None]


@dataclass(frozen=True)
class GuardedRun:
    """What limits cost and saved in a run.

    Attributes:
        config: the limits.
        effects: of each, and of all.
        trained: whether the run itself was traded behind these very limits.
        sentence: what came of all limits together.
        notes: what is assumed, and what could not act.
    """

    config: SafeguardsConfig
    effects: LimitEffects
    trained: bool
    sentence: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return short(self, self.sentence)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self) | {"config": self.config.model_dump(mode="json")}
        return dict(plain(values))


def safeguards_of(directory: RunDirectory, overrides: Sequence[str], advance: Advance) -> GuardedRun:
    """Trades the targets of a finished run behind limits, and again without each of those that acted.

    The limits are those of the run's section ``safeguards``, or else the defaults; ``overrides`` change them. Nothing
    is fitted or chosen, so no trial is recorded.

    Args:
        directory: of a finished run.
        overrides: ``limit=value``, such as ``daily_loss=0.01`` or ``position=null``.
        advance: progress.

    Raises:
        ConfigError: an override that names no field, or a value out of its range.
        RunError: the run is not finished or is damaged, or its data file has changed since.
    """
    manifest = require_finished(directory)
    directory.require_undamaged(*(f"windows/*/{part}" for part in (*POLICY, EXPOSURES)))
    config = directory.located_config()
    base = {} if config.safeguards is None else config.safeguards.model_dump()
    limits = validated(SafeguardsConfig, apply_overrides(base, list(overrides)), "safeguards.")
    advance(0, 3, "bars, features")
    prepared = prepare(config)
    require_same_data(prepared.bars, manifest)
    advance(1, 3, "confidence")
    known = _confidence(prepared, directory, limits)
    advance(2, 3, "limits")
    effects = effects_of(prepared, directory, limits, known)
    advance(3, 3, "done")
    sentence, notes = in_words(limits, effects)
    return GuardedRun(limits, effects, config.safeguards == limits, sentence, notes)


def effects_of(
    prepared: Prepared, directory: RunDirectory, limits: SafeguardsConfig, confidence: Floats | None
) -> LimitEffects:
    """Returns what limits cost and saved over the test spans of the judged seed.

    Raises:
        RunError: a window is not finished.
    """
    bars, targets = prepared.bars, np.full(prepared.bars.shape, np.nan)
    for window in prepared.windows:
        span = slice(window.test.start, window.test.stop)
        rows = read_exposures(directory.window(window.number) / EXPOSURES, targets[span].shape)
        if rows is not None:
            targets[span] = rows
    return limit_effects(prepared.config.market.build(), bars, targets, limits, *prepared.span, confidence)


def _confidence(prepared: Prepared, directory: RunDirectory, limits: SafeguardsConfig) -> Floats | None:
    config = prepared.config.model_copy(update={"safeguards": limits})
    return confidences(config, prepared.history, prepared.windows, policies_of(directory, config, prepared))


def policies_of(directory: RunDirectory, config: RunConfig, prepared: Prepared) -> Callable[[Window], Policy]:
    """Returns what loads the policy of a window."""

    def load(window: Window) -> Policy:
        return load_policy(directory.window(window.number), config, prepared.features.hash)

    return load


def in_words(limits: SafeguardsConfig, effects: LimitEffects) -> tuple[str, tuple[str, ...]]:
    """Returns what came of all limits, and what to know of it."""
    sentence = (
        f"Behind all limits the return is {percent(effects.total_return, plus=True)} with a deepest drawdown of "
        f"{percent(effects.drawdown)}; without any it is {percent(effects.free_return, plus=True)} with "
        f"{percent(effects.free_drawdown)}."
    )
    notes = []
    if effects.reducing:
        times = "once" if effects.resumed == 1 else f"{count(effects.resumed)} times"
        until = f"an operator resumed on the next trading day, {times}" if effects.resumed else "nobody resumed"
        notes.append(f"{percent(effects.reducing)} of the bars were decided reducing; {until}.")
    if effects.halted:
        notes.append(f"{percent(effects.halted)} of the bars were halted: from a halt nobody resumes in a backtest.")
    if limits.drawdown_warning is not None and effects.warned:
        notes.append(f"The drawdown warned at {percent(limits.drawdown_warning, 0)}, on {many(effects.warned, 'bar')}.")
    if effects.unseen:
        notes.append(f"Nothing in this backtest could show {_in_words(effects.unseen)}, so they did not act.")
    return sentence, tuple(notes)


def _in_words(limits: Sequence[str]) -> str:
    names = [limit.replace("_", " ") for limit in limits]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def row_of(effect: LimitEffect) -> tuple[str, ...]:
    """Returns the cells of one limit, as `HEADINGS` names them."""
    acted = effect.bars > 0
    return (
        effect.limit.replace("_", " "),
        "on" if effect.limit == "drift" else f"{effect.value:g}",
        count(effect.bars),
        count(effect.targets),
        percent(effect.total_return, plus=True) if acted else "–",
        percent(effect.drawdown) if acted else "–",
        percent(effect.cost, plus=True) if acted else "–",
        percent(effect.saved, plus=True) if acted else "–",
    )


HEADINGS = ("limit", "set at", "bars", "targets", "return without", "drawdown without", "cost", "saved")
"""Of the cells of `row_of`."""
