"""`find_leaks`: poisons the future and truncates the past of a user's pipeline, and names what noticed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from regimen.bars import POISONS, Bars, Poison, poison
from regimen.errors import ConfigError
from regimen.labels import Labels
from regimen.leakage.report import Kind, LeakReport, LeakRow

Table = NDArray[np.generic]

_SHORT = 20
"""Bars that a difference must be seen on before it is said never to fade."""
_ABSENT: Table = np.empty(0)
_FADED = 1e-6
"""A difference has faded below this many standard deviations of its column."""


class FeatureTable(Protocol):
    """What a feature callable returns; `regimen.features.FeatureFrame` is one."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns."""

    @property
    def values(self) -> NDArray[np.float64]:
        """(time, symbol, feature) float64."""


@dataclass(frozen=True, eq=False)
class FittedPart:
    """Something that was fitted or chosen, e.g. the scaler of one window, or the labels that it may learn from.

    Attributes:
        name: what it is called in the report.
        stop: it claims to have seen bars before this position only.
        state: everything that it learnt, as arrays.
        kind: what it is called by kind in the report.
    """

    name: str
    stop: int
    state: Mapping[str, Table]
    kind: Kind = "scaler"


class Edge(NamedTuple):
    """A boundary between spans: what claims to have been complete before it must not know what lies behind.

    Attributes:
        cut: first bar behind the boundary.
        until: as in `Pipeline`: far enough that what is complete before the cut is there.
    """

    cut: int
    until: int


@dataclass(frozen=True)
class Pipeline:
    """The parts of a run, as plain callables on bars; a part that is None is not examined.

    Each is called on the bars as they are and on poisoned ones, and must not keep anything between calls. A
    position ``until`` says how far the answer will be read: windows whose test span starts there or later
    must be left out (`walk_forward` has the same argument), because behind it bars may be noise or missing.

    Attributes:
        features: bars -> frame of feature columns.
        labels: bars -> labels.
        fitted: (bars, until) -> all that is fitted, window by window.
        policy: (bars, until) -> (time, symbol) target exposures, decided at each bar by the walk-forward
            run as a whole, training included; NaN where it decides nothing.
    """

    features: Callable[[Bars], FeatureTable] | None = None
    labels: Callable[[Bars], Labels] | None = None
    fitted: Callable[[Bars, int], Sequence[FittedPart]] | None = None
    policy: Callable[[Bars, int], NDArray[np.float64]] | None = None


@dataclass
class _Examination:
    rows: dict[tuple[Kind, str], LeakRow] = field(default_factory=dict)

    def row(self, kind: Kind, name: str) -> LeakRow:
        return self.rows.setdefault((kind, name), LeakRow(kind, name))

    def compare(
        self,
        kind: Kind,
        name: str,
        before: Table,
        after: Table,
        at: NDArray[np.int64],
        how: tuple[Poison, int] | None,
    ) -> None:
        """Compares two tables bit for bit along their first axis; ``at`` holds the bar of each entry."""
        row = self.row(kind, name)
        row = replace(row, read=row.read + int(before.size))
        different, change = _differences(before, after, len(at))
        if different.any():
            first = int(at[different].min())
            if how is None:
                row = replace(row, verdict="random")
            elif row.verdict == "clean":
                row = replace(row, verdict="leak", poison=how[0], cut=how[1], first_row=first, change=change)
            elif row.verdict == "leak":
                row = replace(row, first_row=min(row.first_row, first), change=max(row.change, change))
        self.rows[kind, name] = row

    def compare_fitted(
        self, before: Sequence[FittedPart], after: Sequence[FittedPart], cut: int, how: tuple[Poison, int] | None
    ) -> None:
        """Compares every state that claims to have been complete before the cut and is in both runs."""
        later = {(one.kind, one.name): one for one in after}
        for one in before:
            twin = later.get((one.kind, one.name))
            if one.stop > cut or twin is None:
                continue
            for key in sorted(set(one.state) | set(twin.state)):
                left, right = (np.atleast_1d(each.state.get(key, _ABSENT)) for each in (one, twin))
                at = np.full(len(left), one.stop - 1, dtype=np.int64)
                self.compare(one.kind, one.name, left, right, at, how)


def _differences(before: Table, after: Table, count: int) -> tuple[NDArray[np.bool_], float]:
    """Which of the ``count`` entries of the first axis differ at all, and by how much at most."""
    if before is after:
        return np.zeros(count, dtype=np.bool_), 0.0
    if before.shape != after.shape or before.dtype != after.dtype:
        return np.ones(count, dtype=np.bool_), np.inf
    left, right = before.reshape(count, -1 if count else 1), after.reshape(count, -1 if count else 1)
    apart = left != right
    if not np.issubdtype(before.dtype, np.inexact):
        return apart.any(axis=1), float(apart.any())
    apart &= ~(np.isnan(left) & np.isnan(right))
    gaps = np.abs(left[apart].astype(np.float64) - right[apart].astype(np.float64))
    return apart.any(axis=1), float(np.where(np.isnan(gaps), np.inf, gaps).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class _Answers:
    frame: FeatureTable | None
    labels: Labels | None
    fitted: Sequence[FittedPart]
    exposures: NDArray[np.float64] | None


def _ask(pipeline: Pipeline, bars: Bars, until: int) -> _Answers:
    return _Answers(
        pipeline.features(bars) if pipeline.features else None,
        pipeline.labels(bars) if pipeline.labels else None,
        pipeline.fitted(bars, until) if pipeline.fitted else (),
        pipeline.policy(bars, until) if pipeline.policy else None,
    )


def _compare_all(
    examination: _Examination, before: _Answers, after: _Answers, cut: int, how: tuple[Poison, int] | None
) -> None:
    at = np.arange(cut, dtype=np.int64)
    if before.frame is not None and after.frame is not None:
        blocks = [np.ascontiguousarray(each.values[:cut]) for each in (before.frame, after.frame)]
        # Nearly always every bit is equal, and that is seen at once; column by column is ten times slower.
        same = (blocks[0].view(np.int64) == blocks[1].view(np.int64)).all(axis=(0, 1))
        for number, name in enumerate(before.frame.names):
            left = blocks[0][:, :, number]
            right = left if same[number] else blocks[1][:, :, number]
            examination.compare("feature", name, left, right, at, how)
    if before.labels is not None and after.labels is not None:
        ended = [(each.t_end >= 0) & (each.t_end < cut) for each in (before.labels, after.labels)]
        # A label that claims in either run to have seen bars before the cut only must be there in both.
        rows = ended[0] | ended[1]
        for name in ("y", "t_end", "forward_return"):
            left, right = (getattr(each, name)[rows] for each in (before.labels, after.labels))
            examination.compare("label", name, left, right, np.nonzero(rows)[0].astype(np.int64), how)
    examination.compare_fitted(before.fitted, after.fitted, cut, how)
    if before.exposures is not None and after.exposures is not None:
        examination.compare("policy", "exposure", before.exposures[:cut], after.exposures[:cut], at, how)


def _measure_memory(examination: _Examination, whole: FeatureTable, late: FeatureTable, dropped: int) -> None:
    """Sets each feature's memory from its values on all bars and on those without the first ``dropped``."""
    for number, name in enumerate(whole.names):
        row = examination.row("feature", name)
        if row.verdict != "clean":
            continue
        left, right = whole.values[dropped:, :, number], late.values[:, :, number]
        known = np.isfinite(left)
        scale = float(np.std(left[known])) if known.any() else 0.0
        with np.errstate(invalid="ignore"):
            gap = np.abs(left - right)
        gap[np.isnan(left) & np.isnan(right)] = 0.0
        gap[left == right] = 0.0  # two infinities
        apart = ~(gap <= _FADED * scale)  # a value on one side only is NaN here, and apart
        differs = np.nonzero(apart.any(axis=1))[0]
        count = len(gap)
        last = int(differs[-1]) + 1 if len(differs) else 0
        if last < count:
            examination.rows["feature", name] = replace(row, memory=last)
            continue
        # Still apart at the end: it fades slowly, or it never will. Compare the last tenth of the rows at
        # which both have a value with the first tenth.
        worst = np.where(np.isfinite(gap), gap, 0.0).max(axis=1)
        both = np.nonzero((np.isfinite(left) & np.isfinite(right)).any(axis=1))[0]
        tenth = max(1, len(both) // 10)
        change = float(worst[both[-tenth:]].max(initial=0.0))
        if len(both) >= _SHORT and change > 0.5 * float(worst[both[:tenth]].max(initial=0.0)):
            examination.rows["feature", name] = replace(row, verdict="unbounded", change=change)


def _places(cuts: Sequence[int | float] | None, bars: Bars) -> list[int]:
    length = len(bars)
    chosen: list[int | float] = [0.5, 0.75, 0.95] if cuts is None else list(cuts)
    if cuts is None:
        returns = np.nonzero((~bars.present[:-1] & bars.present[1:]).any(axis=1))[0] + 1
        returns = returns[(returns > 0.5 * length) & (returns < 0.95 * length)]
        if len(returns):  # what fills missing bars backwards shows at no other cut
            chosen[1] = int(returns[np.abs(returns - round(0.75 * length)).argmin()])
    places = sorted({round(cut * length) if isinstance(cut, float) else cut for cut in chosen})
    if not places or places[0] < 1 or places[-1] >= length:
        raise ConfigError("leaks.cuts", f"must be at least one position from 1 to {length - 1}", tuple(chosen))
    return places


def find_leaks(
    pipeline: Pipeline,
    bars: Bars,
    cuts: Sequence[int | float] | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    edges: Sequence[Edge] = (),
) -> LeakReport:
    """Says of each feature, label, scaler and policy whether it changed before a cut when only the rest did.

    *Poison.* For each cut the bars from there on are replaced, once by unrelated noise and once by nothing
    (NaN), and all is computed anew. Whatever belongs to bars before the cut must be equal bit for bit:
    feature rows t < cut; labels whose ``t_end`` < cut; fitted state whose ``stop`` <= cut; exposures
    decided at t < cut.

    *Edges.* A cut somewhere in a span does not see a label that reaches a few bars across the boundary of two spans.
    At each edge the bars behind it become noise, and what is ``fitted`` before it must be equal bit for bit.

    *Truncation.* The first quarter of the bars is dropped. A causal feature may then differ for a while;
    how long is its memory, in bars. A column whose difference does not fade (a cumulative sum such as
    on-balance volume) is ``unbounded``, a warning: what it says depends on where the file happens to begin.
    A column that is still fading, or has no value, at the end of the data passes with an unknown memory.

    The pipeline runs twice on the untouched bars, so that unseeded randomness is not mistaken for a leak.

    Args:
        pipeline: the callables.
        bars: real bars, single or panel.
        cuts: positions, or fractions of the length where a float; unless given, 0.5, 0.75 and 0.95, of
            which the second moves to just after a missing bar where there is one.
        seed: of the noise.
        progress: called with a few words before each run, if given.
        edges: boundaries of spans; noise only, because a span without one label could not be trained on.

    Raises:
        ConfigError: a cut or an edge is not inside the data, or there is none.
    """
    say = progress or (lambda _: None)
    length = len(bars)
    places = _places(cuts, bars)
    examination = _Examination()
    if any(not 0 < edge.cut < length for edge in edges):
        raise ConfigError("leaks.edges", f"must be positions from 1 to {length - 1}", tuple(edge.cut for edge in edges))
    until = max(places[-1], *(edge.until for edge in edges), 0)
    say("the bars as they are")
    before = _ask(pipeline, bars, until)
    say("the bars as they are, again")
    _compare_all(examination, before, _ask(pipeline, bars, until), until, None)
    for key, row in examination.rows.items():
        examination.rows[key] = replace(row, read=0)
    for cut in places:
        for how in POISONS:
            say(f"bars from {cut} on turned to {how}")
            after = _ask(pipeline, poison(bars, cut, how, seed), cut)
            _compare_all(examination, before, after, cut, (how, cut))
    for edge in edges:
        say(f"bars after the boundary at {edge.cut} turned to noise")
        if pipeline.fitted:
            fitted = pipeline.fitted(poison(bars, edge.cut, "noise", seed), edge.until)
            examination.compare_fitted(before.fitted, fitted, edge.cut, ("noise", edge.cut))
    dropped = length // 4
    if pipeline.features and before.frame is not None and dropped:
        say(f"the first {dropped} bars dropped")
        _measure_memory(examination, before.frame, pipeline.features(bars.window(dropped, length)), dropped)
    return LeakReport(
        tuple(examination.rows.values()), tuple(places), dropped, tuple(sorted({edge.cut for edge in edges}))
    )
