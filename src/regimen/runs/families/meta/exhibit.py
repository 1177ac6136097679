"""What a second model did to the first one's signals: how many it acted on, and whether more of those paid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from regimen.execution import alone
from regimen.labels import BUY, UNDEFINED
from regimen.metrics import standard_error
from regimen.numerals import count, number, percent
from regimen.policies import innermost
from regimen.policies.ensemble import MetaPolicy
from regimen.records import MetaConfig, RunDirectory
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.reprs import many
from regimen.runs.families.meta.decisions import meta_labels
from regimen.runs.prepare import Prepared
from regimen.runs.window import load_policy
from regimen.splits import Window


class Signals(NamedTuple):
    """The first model's signals of a test span: bars and symbols on which it takes a side, and a label is known.

    Attributes:
        start: of the span, a date.
        given: how many there are.
        acted: of them, how many the second model acted on.
        paid: of all of them, how many paid more than a round trip.
        paid_acted: of those that it acted on, how many did.
    """

    start: str
    given: int
    acted: int
    paid: int
    paid_acted: int

    @property
    def before(self) -> float:
        """Share of all that paid; NaN of none."""
        return self.paid / self.given if self.given else np.nan

    @property
    def after(self) -> float:
        """Share of those acted on that paid; NaN of none."""
        return self.paid_acted / self.acted if self.acted else np.nan

    def row(self, name: str) -> tuple[str, ...]:
        """Returns the cells of its row."""
        share = self.acted / self.given if self.given else np.nan
        return (name, count(self.given), percent(share), percent(self.before), percent(self.after))


def show_meta(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields how a meta model's second model chose among the first one's signals; nothing for other models.

    Both are asked without what stands around them (bands, intervals), window by window, on its test span.
    """
    if not isinstance(prepared.config.model, MetaConfig):
        return
    windows = [_signals(prepared, directory, window) for window in prepared.windows]
    whole = Signals("", *(sum(column) for column in list(zip(*windows, strict=True))[1:]))
    if not whole.given:
        return
    titles = [
        f"window {window.number + 1}, from {each.start}" for window, each in zip(prepared.windows, windows, strict=True)
    ]
    yield Exhibit(
        key="meta",
        title="Second model",
        sentences=(*_sentences(whole, windows), "A signal paid where its side earned more than a round trip costs."),
        columns=("", "signals of the first", "acted on", "paid, of all", "paid, of those acted on"),
        rows=(*(each.row(title) for title, each in zip(titles, windows, strict=True)), whole.row("all windows")),
        drawings=_drawings(windows),
    )


def _signals(prepared: Prepared, directory: RunDirectory, window: Window) -> Signals:
    policy = load_policy(directory.window(window.number), prepared.config, prepared.features.hash)
    inner, history = innermost(policy, prepared.history)
    assert isinstance(inner, MetaPolicy)
    first, last = window.test.start, window.test.stop
    decided = np.zeros(prepared.bars.shape)
    decided[first:last] = np.nan_to_num(alone(inner.primary, history, first, last))
    y = meta_labels(prepared.labels, decided, prepared.config.market.costs.round_trip).y[first:last]
    given, paid = y != UNDEFINED, y == BUY
    acted = given & (np.nan_to_num(alone(inner, history, first, last)) != 0.0)
    start = str(prepared.bars.time[first].astype("datetime64[D]"))
    return Signals(start, *(int(each.sum()) for each in (given, acted, paid, paid & acted)))


def _sentences(whole: Signals, windows: list[Signals]) -> Iterator[str]:
    """Says how many were acted on, and whether the second model told the better ones."""
    yield (
        f"The second model acted on {percent(whole.acted / whole.given)} of the first one's {count(whole.given)} "
        f"signals in the test spans."
    )
    if not whole.acted:
        return
    yield f"{percent(whole.before)} of all of them paid, and {percent(whole.after)} of those that it acted on."
    gains = np.array([each.after - each.before for each in windows if each.given and each.acted])
    better = f"It chose better than at random in {int((gains > 0.0).sum())} of {many(len(gains), 'window')}"
    if len(gains) < 2:
        yield f"{better}: one window says little."
        return
    yield (
        f"{better}: the share that paid is {number(100.0 * gains.mean(), 1, plus=True)} ± "
        f"{number(100.0 * standard_error(gains), 1)} percentage points above that of all, mean of the windows and its "
        "standard error."
    )


def _drawings(windows: list[Signals]) -> tuple[Drawing, ...]:
    if len(windows) < 2:
        return ()
    places = tuple(each.start for each in windows)

    def curve(name: str, values: list[float], style: str) -> Curve:
        return Curve(name, tuple(None if np.isnan(each) else each for each in values), places, style=style)

    drawn = (
        curve("acted on", [each.after for each in windows], "policy"),
        curve("all", [each.before for each in windows], "reference"),
    )
    note = "Share of the first model's signals that paid in each window, of all and of those acted on."
    return (Drawing("lines", "Signals that paid", note, drawn),)
