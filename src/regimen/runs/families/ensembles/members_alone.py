"""What each member of an ensemble did alone, beside what they did together, and the weight of each over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.execution import History, Ledger, targets
from regimen.metrics import annual_sharpe, annual_turnover, class_prior, log_loss_skill, total_return
from regimen.numerals import UNKNOWN, number, percent
from regimen.policies import Policy, Probable, innermost
from regimen.policies.ensemble import CalibratedBlend, Committee, Mixture, Stacker
from regimen.records import EnsembleConfig, Member, RunDirectory
from regimen.records.layout import EXPOSURES
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.runs.families.calibrated_rule import forecasts_of
from regimen.runs.prepare import Prepared
from regimen.runs.window import load_policy, read_exposures
from regimen.splits import Window

_POINTS = 300
"""Places of a line of weights, at most."""
_UNIT = 1e4
"""What a skill, in nats, is multiplied with where it is shown."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Course:
    """What one policy decided and said over all test spans.

    Attributes:
        title: what it is called.
        exposures: (time, symbol) targets; NaN outside the test spans.
        skills: log-loss skill over the prior in each window, in nats; empty where it says no probabilities.
        weights: its weight in each window, averaged over bars and symbols; empty where it has none.
    """

    title: str
    exposures: Floats
    skills: list[float]
    weights: list[float]

    def row(self, ledger: Ledger) -> tuple[str, ...]:
        """Returns the cells of its row."""
        year = ledger.bars.periods_per_year
        return (
            self.title,
            _skill(self.skills),
            number(annual_sharpe(ledger.returns, year)),
            percent(total_return(ledger.returns), plus=True),
            number(annual_turnover(ledger.turnover, year), 1),
            number(float(np.mean(self.weights))) if self.weights else UNKNOWN,
        )


def show_members(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields the members of an ensemble, each in an account of its own over all test spans; nothing for other models.

    Members trade without what stands around the ensemble (bands, intervals). Their results are looks: each of their
    fits is in the trial ledger.
    """
    model = prepared.config.model
    if not isinstance(model, EnsembleConfig):
        return
    members = model.fitted(prepared.config.seed)
    shape = prepared.bars.shape
    together = Course("the ensemble", np.full(shape, np.nan), [], [])
    alone = [Course(member.title, np.full(shape, np.nan), [], []) for member in members]
    lines: list[tuple[NDArray[np.datetime64], Floats]] = []
    for window in prepared.windows:
        folder, (first, last) = directory.window(window.number), (window.test.start, window.test.stop)
        policy = load_policy(folder, prepared.config, prepared.features.hash)
        inner, history = innermost(policy, prepared.history)
        assert isinstance(inner, Committee | Mixture)
        traded = read_exposures(folder / EXPOSURES, (last - first, shape[1]))
        together.exposures[first:last] = targets(policy, prepared.history, first, last) if traded is None else traded
        together.skills.extend(_skills(inner, history, prepared, window))
        weights = _weights(inner, members, history, window)
        for place, (course, member) in enumerate(zip(alone, inner.members, strict=True)):
            course.exposures[first:last] = targets(member, history, first, last)
            course.skills.extend(_skills(member, history, prepared, window))
            if weights is not None:
                course.weights.append(float(np.nanmean(weights[:, place])))
        if weights is not None:
            lines.append((prepared.bars.time[first:last], weights))
    yield _exhibit(prepared, model, together, alone, _drawing(model, members, lines))


def _skills(policy: Policy, history: History, prepared: Prepared, window: Window) -> list[float]:
    """Returns the log-loss skill of a policy on a test span over the prior of the training rows, where it has one."""
    if not isinstance(policy, Probable):
        return []
    forecasts = forecasts_of(policy, history, prepared.labels, window.test)
    if not len(forecasts.y):
        return []
    return [log_loss_skill(*forecasts, class_prior(window.train.take(prepared.labels.y)))]


def _weights(policy: Committee | Mixture, members: Sequence[Member], history: History, window: Window) -> Floats | None:
    """Returns the weight (bar, fit of a member) over a test span, averaged over symbols; None where all are equal."""
    first, last = window.test.start, window.test.stop
    if isinstance(policy, Mixture):
        if policy.combine.kind == "mean":
            return None
        weights = policy.weights(history, first, last)
        there = np.isfinite(weights).any(axis=1)
        return np.where(there, np.nansum(weights, axis=1) / np.maximum(np.isfinite(weights).sum(axis=1), 1), np.nan)
    blend = policy.blend.below if isinstance(policy.blend, CalibratedBlend) else policy.blend
    if not isinstance(blend, Stacker):
        return None
    return np.tile(blend.counted(len(members)), (last - first, 1))


def _drawing(
    model: EnsembleConfig, members: Sequence[Member], lines: Sequence[tuple[NDArray[np.datetime64], Floats]]
) -> tuple[Drawing, ...]:
    """Draws the weight of each member over time, its seeds together."""
    if not lines:
        return ()
    time, weights = np.concatenate([at for at, _ in lines]), np.concatenate([rows for _, rows in lines])
    kept = np.unique(np.linspace(0, len(time) - 1, min(len(time), _POINTS)).astype(np.int64))
    places = tuple(str(stamp) for stamp in time[kept].astype("datetime64[s]"))
    curves = []
    for which, name in enumerate(model.names):
        own = [place for place, member in enumerate(members) if member.number == which]
        values = weights[:, own].sum(axis=1)[kept]
        title = members[own[0]].title.partition(", seed")[0] if own else name
        curves.append(Curve(title, tuple(None if np.isnan(each) else float(each) for each in values), places))
    note = (
        "How much each member counts; a window begins anew."
        if model.combine.kind != "stack"
        else ("How much each member's log-probabilities count, learned anew in each window.")
    )
    return (Drawing("lines", "Weights of the members", note, tuple(curves)),)


def _exhibit(
    prepared: Prepared,
    model: EnsembleConfig,
    together: Course,
    alone: Sequence[Course],
    drawings: tuple[Drawing, ...],
) -> Exhibit:
    market, (begin, end) = prepared.config.market.build(), prepared.span
    tape = market.tape(prepared.bars)
    books = [market.backtest(prepared.bars, each.exposures, begin, end, tape=tape) for each in (together, *alone)]
    year = prepared.bars.periods_per_year
    own, *others = [annual_sharpe(book.returns, year) for book in books]
    sentences = [_helped("Sharpe ratio after costs", own, others, alone, 2)]
    if together.skills and all(each.skills for each in alone):
        skills = [float(np.mean(each.skills)) * _UNIT for each in (together, *alone)]
        sentences.insert(0, _helped("log-loss skill · 10⁴", skills[0], skills[1:], alone, 1))
    if model.combine.kind == "stack":
        sentences.append("A stack takes its members as they are: alone they are shown without any calibration.")
    sentences.append(
        "Each member trades in an account of its own, over the same bars and at the same costs. Who picks one by this "
        "table has looked: every fit of a member is counted as a trial."
    )
    columns = ("", "log-loss skill · 10⁴", "Sharpe", "net return", "turnover/yr", "weight")
    rows = tuple(each.row(book) for each, book in zip((together, *alone), books, strict=True))
    return Exhibit("members", "Members", tuple(sentences), columns, rows, drawings)


def _helped(what: str, own: float, others: Sequence[float], alone: Sequence[Course], digits: int) -> str:
    """Says whether combining helped: against the best member, whom nobody knew, and against the members' mean."""
    known = [value for value in others if np.isfinite(value)]
    if not known or not np.isfinite(own):
        return f"The {what} of the ensemble is {number(own, digits)}."
    best = int(np.nanargmax(others))
    verdict = "more than" if own > others[best] else "less than" if own < others[best] else "as much as"
    return (
        f"The ensemble's {what} is {number(own, digits)}, {verdict} that of its best member afterwards "
        f"({alone[best].title}: {number(others[best], digits)}); the members' mean is {number(np.mean(known), digits)}."
    )


def _skill(skills: Sequence[float]) -> str:
    """Returns the mean skill over windows, and its standard error where there are several."""
    if not skills:
        return UNKNOWN
    values = np.array(skills) * _UNIT
    mean = number(float(values.mean()), 1)
    return mean if len(values) < 2 else f"{mean} ± {number(float(values.std(ddof=1)) / len(values) ** 0.5, 1)}"
