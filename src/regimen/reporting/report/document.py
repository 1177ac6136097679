"""`ReportDocument`: everything that a report shows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regimen.numerals import duration

if TYPE_CHECKING:
    from regimen.execution import Ledger
    from regimen.judging import Judgement, PeriodRow, SymbolProfits
    from regimen.reporting.report.exhibits import Exhibit

Series = NDArray[np.float64]


@dataclass(frozen=True)
class TrainedWindow:
    """A walk-forward window.

    Attributes:
        row: what it brought.
        number: counted from 1.
        train_start, train_end: what its model was trained on, ISO 8601; empty where that is not known.
    """

    row: PeriodRow
    number: int
    train_start: str = ""
    train_end: str = ""


@dataclass(frozen=True, eq=False)
class ReportDocument:
    """Everything that a report shows. Only the first four fields are required; what is absent is left out.

    Attributes:
        title: names the run in words, e.g. "baseline on sp500, daily".
        run: id of the run.
        created: when the run was begun, ISO 8601, UTC.
        judgement: what the judge found.
        time: (time,) start of each bar, UTC; the clock of the arrays below.
        equity: (time,) multiples of the starting equity, by name: ``policy``, ``flat``, ``buy_and_hold``,
            ``random_median``, ``random_low``, ``random_high``, ``reference``. A curve that is absent is taken
            from the judgement's own, shorter curves.
        exposure: (time, symbol) signed fractions of equity held at the close.
        symbols: names of the columns of ``exposure``.
        turnover: (time,) traded notional as a fraction of equity.
        costs: (time,) by kind, as fractions of the equity at the start of the bar.
        windows: of the walk-forward.
        data: facts about the data that the judgement's ``sample`` lacks, e.g. ``bar_length``, ``symbols``.
        findings: of the data check: ``name``, ``severity``, ``count``, ``rows`` or ``stamps``, ``sentence``.
        repairs: what was repaired by an explicit policy, one sentence each.
        trials: rows of the trial ledger on this market; ``sharpe`` is annual.
        trials_now: how many trials they count as now.
        dsr_now, verdict_now: the DSR and the level of the verdict by all of them.
        series: the series that they are on: ``source`` and the ``share`` of days by which each was recognised.
        ledger_notes: what happened to the ledger itself, one sentence each.
        config: the resolved config as YAML.
        config_hash: identifies the config.
        seed: seed of the run.
        environment: code version, python, packages.
        assumptions: how orders became money, one sentence each.
        training: one mapping for each window: ``window``, ``train_loss``, ``validation_loss`` (one value for
            each epoch), ``best_epoch`` (counted from 1), or ``best_round`` where there are rounds of boosting; for an
            agent ``steps``, ``reward``, ``best_steps``.
        features: names of the columns by group.
        profits: of an account of several symbols, by symbol.
        exhibits: sections that the run's model and what stands around it show.
    """

    title: str
    run: str
    created: str
    judgement: Judgement
    time: NDArray[np.datetime64] | None = None
    equity: Mapping[str, Series] = field(default_factory=dict)
    exposure: Series | None = None
    symbols: Sequence[str] = ()
    turnover: Series | None = None
    costs: Mapping[str, Series] = field(default_factory=dict)
    windows: Sequence[TrainedWindow] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    repairs: Sequence[str] = ()
    trials: Sequence[Mapping[str, Any]] = ()
    trials_now: int | None = None
    dsr_now: float | None = None
    verdict_now: str | None = None
    series: Sequence[Mapping[str, Any]] = ()
    ledger_notes: Sequence[str] = ()
    config: str = ""
    config_hash: str = ""
    seed: int | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    assumptions: Sequence[str] = ()
    training: Sequence[Mapping[str, Any]] = ()
    features: Mapping[str, Sequence[str]] = field(default_factory=dict)
    profits: SymbolProfits | None = None
    exhibits: Sequence[Exhibit] = ()

    @classmethod
    def of(
        cls,
        ledger: Ledger,
        judgement: Judgement,
        *,
        title: str,
        run: str,
        created: str,
        check: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> ReportDocument:
        """Fills the arrays from the books of a backtest, and the data section from `CheckReport.to_dict()`.

        Args:
            ledger: the books that were judged.
            judgement: what the judge found.
            title, run, created: as in the class.
            check: what the data check said, if there was one.
            rest: further fields by name; they win over the derived ones.
        """
        from regimen.judging import symbol_profits

        before = np.empty_like(ledger.equity)
        before[:1] = ledger.start_equity
        before[1:] = ledger.equity[:-1]
        paid = {
            kind: np.divide(values, before, out=np.zeros_like(before), where=before > 0)
            for kind, values in ledger.costs.items()
            if np.any(values)
        }
        arrays: dict[str, Any] = {
            "time": ledger.time,
            "equity": {"policy": ledger.equity / ledger.start_equity},
            "exposure": ledger.exposure,
            "symbols": ledger.symbols,
            "turnover": ledger.turnover,
            "costs": paid,
            "profits": symbol_profits(ledger) if len(ledger.symbols) > 1 else None,
        }
        values = {**arrays, **(_checked(check) if check else {}), **rest}
        return cls(title=title, run=run, created=created, judgement=judgement, **values)


def _checked(check: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a data check fills; the span of the file is told from the span that was judged."""
    data = {
        "file": check.get("source"),
        "file_rows": check.get("rows"),
        "file_from": check.get("start"),
        "file_to": check.get("end"),
        "symbols": check.get("symbols"),
        "bar_length": duration(check.get("bar_length")),
        "read_with": "; ".join(check.get("assumptions") or ()),
    }
    return {
        "data": {key: value for key, value in data.items() if value},
        "findings": check.get("findings") or (),
        "repairs": [str(repair.get("sentence", "")) for repair in check.get("applied") or ()],
    }
