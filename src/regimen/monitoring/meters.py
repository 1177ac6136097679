"""What Prometheus reads: a table of names, and the numbers behind them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Literal, NamedTuple, final

from regimen.errors import RunError

if TYPE_CHECKING:
    from prometheus_client import Metric

    from regimen.monitoring.adwin import AdwinReading
    from regimen.monitoring.collapse import CollapseReading
    from regimen.monitoring.drift import DriftReading
    from regimen.monitoring.sequential import VerdictReading


class Meter(NamedTuple):
    """A name that Prometheus sees, and what stands behind it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


METERS = (
    Meter("regimen_bundle_info", "gauge", ("bundle", "version"), "Always 1; its labels say what is served."),
    Meter("regimen_bars_total", "counter", ("symbol", "outcome"), "Bars that came: new, repeated, late, refused."),
    Meter("regimen_feed_gaps_total", "counter", ("symbol",), "Bars that were missing between two that came."),
    Meter("regimen_last_bar_seconds", "gauge", ("symbol",), "Close of the newest bar, seconds since 1970."),
    Meter("regimen_decisions_total", "counter", ("symbol",), "Decisions."),
    Meter("regimen_exposure", "gauge", ("symbol",), "Exposure in force, a fraction of equity."),
    Meter("regimen_confidence", "gauge", ("symbol",), "Confidence of the newest decision, 0 to 1."),
    Meter("regimen_fills_total", "counter", ("symbol",), "Bars at whose open something was filled."),
    Meter(
        "regimen_slippage_bps",
        "gauge",
        (),
        "What the last bar's fills cost beyond the close before them, basis points.",
    ),
    Meter("regimen_costs", "gauge", ("kind",), "Costs since the account was opened; below 0: received."),
    Meter("regimen_equity", "gauge", (), "Equity of the account."),
    Meter("regimen_drawdown", "gauge", (), "How far equity is below its highest, a fraction of that."),
    Meter("regimen_daily_return", "gauge", (), "Return since the exchange's day began."),
    Meter("regimen_mode", "gauge", (), "0 active, 1 reducing, 2 halted."),
    Meter("regimen_limits_total", "counter", ("limit",), "How often each safeguard changed an order."),
    Meter("regimen_drift", "gauge", (), "How many times its usual the column has that is furthest from it."),
    Meter("regimen_drift_threshold", "gauge", (), "Beyond which the drift alarm rings."),
    Meter("regimen_drift_rings", "gauge", (), "1 while the drift alarm rings."),
    Meter("regimen_action_share", "gauge", (), "Share of the commonest action in the latest window."),
    Meter("regimen_action_share_threshold", "gauge", (), "Beyond which the alarm of a collapse rings."),
    Meter("regimen_action_entropy", "gauge", (), "Entropy of the actions in the latest window, 0 to 1."),
    Meter("regimen_stream_mean", "gauge", ("stream",), "Mean of a stream that ADWIN watches, over its window."),
    Meter("regimen_stream_changes", "gauge", ("stream",), "Changes that ADWIN has seen in it."),
    Meter("regimen_verdict_days", "gauge", (), "Days that the verdict has weighed."),
    Meter("regimen_verdict_against_claim", "gauge", (), "Wealth of the bet that less is earned than was claimed."),
    Meter("regimen_verdict_above_zero", "gauge", (), "Wealth of the bet that something is earned."),
    Meter("regimen_verdict_contradicts", "gauge", (), "1 once the record has contradicted the claim."),
    Meter("regimen_alerts_total", "counter", ("level",), "Notices to people: info, warning, critical."),
    Meter("regimen_alerts_waiting", "gauge", ("channel",), "Rows of the outbox that a channel has not taken yet."),
    Meter("regimen_journal_rows_total", "counter", (), "Rows written to the journal."),
    Meter("regimen_journal_commit_seconds", "histogram", (), "Time of a commit of the journal."),
    Meter("regimen_decision_seconds", "histogram", (), "Time of a decision, from the bar to the answer."),
    Meter("regimen_requests_total", "counter", ("path", "status"), "Requests answered."),
    Meter("regimen_request_seconds", "histogram", ("path",), "Time of a request."),
)
"""Every name that the page of metrics has."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of `Meters.page`."""
_BUCKETS = tuple(base * 10.0**power for power in range(-5, 1) for base in (1.0, 2.5, 5.0))


class _Durations:
    """How many durations were in each bucket, the last one without an end, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts, self.total = [0] * (len(_BUCKETS) + 1), 0.0

    def buckets(self) -> list[tuple[str, float]]:
        """Returns the upper bound of each bucket, and how many durations were below it."""
        bounds = [*(repr(bound) for bound in _BUCKETS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))


@final
class Meters:
    """The numbers of one process. They begin at 0 with it; Prometheus expects that.

    They are plain numbers until somebody reads the page: to count takes less than a microsecond.

    Raises:
        RunError: prometheus-client is not installed.
    """

    def __init__(self) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError:
            rule = "needs the package prometheus-client: pip install 'regimen[serve]'"
            raise RunError("metrics", rule) from None
        self._registry = prometheus.CollectorRegistry()
        self._registry.register(self)  # whoever has `collect` is a collector
        self._render = prometheus.generate_latest
        self._lock = Lock()
        self._labels = {meter.name: meter.labels for meter in METERS}
        self._numbers: dict[str, dict[tuple[str, ...], float]] = {}
        self._durations: dict[str, dict[tuple[str, ...], _Durations]] = {}
        for name, kind, labels, _ in METERS:
            if kind == "histogram":
                self._durations[name] = {} if labels else {(): _Durations()}
            else:
                self._numbers[name] = {} if labels else {(): 0.0}

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Adds to a counter. An unknown name is a `KeyError`, as below."""
        self.counter(name, **labels)(amount)

    def counter(self, name: str, **labels: str) -> Callable[[float], None]:
        """Returns what adds to a counter: for whoever counts at every bar."""
        numbers, key, lock = self._numbers[name], self._key(name, labels), self._lock

        def add(amount: float) -> None:
            with lock:
                numbers[key] = numbers.get(key, 0.0) + amount

        return add

    def put(self, name: str, value: float, **labels: str) -> None:
        """Gives a gauge its value; NaN leaves it as it is."""
        if not math.isnan(value):
            self._numbers[name][self._key(name, labels)] = float(value)

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """Adds a duration to a histogram."""
        self.timer(name, **labels)(seconds)

    def timer(self, name: str, **labels: str) -> Callable[[float], None]:
        """Returns what adds a duration to a histogram: for whoever measures at every bar."""
        durations, key, lock = self._durations[name], self._key(name, labels), self._lock

        def add(seconds: float) -> None:
            with lock:
                own = durations.get(key)
                if own is None:
                    own = durations[key] = _Durations()
                own.counts[bisect_left(_BUCKETS, seconds)] += 1
                own.total += seconds

        return add

    def _key(self, name: str, labels: dict[str, str]) -> tuple[str, ...]:
        if tuple(labels) != self._labels[name]:
            raise KeyError(f"{name} has the labels {', '.join(self._labels[name])}")
        return tuple(labels.values())

    def collect(self) -> Iterator[Metric]:
        """Yields all numbers as prometheus-client shows them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for name, kind, labels, meaning in METERS:
            with self._lock:
                numbers = list(self._numbers.get(name, {}).items())
                durations = [(key, each.buckets(), each.total) for key, each in self._durations.get(name, {}).items()]
            if kind == "histogram":
                times = HistogramMetricFamily(name, meaning, labels=labels)
                for key, buckets, total in durations:
                    times.add_metric(key, buckets, total)
                yield times
                continue
            family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            metric = family(name, meaning, labels=labels)
            for key, number in numbers:
                metric.add_metric(key, number)
            yield metric

    def drift(self, reading: DriftReading) -> None:
        """Shows what the drift alarm read."""
        self.put("regimen_drift", reading.statistic)
        self.put("regimen_drift_threshold", reading.threshold)
        self.put("regimen_drift_rings", float(reading.rings))

    def actions(self, reading: CollapseReading) -> None:
        """Shows how uniform the decisions are."""
        self.put("regimen_action_share", reading.share)
        self.put("regimen_action_share_threshold", reading.threshold)
        self.put("regimen_action_entropy", reading.entropy)

    def stream(self, name: str, reading: AdwinReading) -> None:
        """Shows a stream that ADWIN watches."""
        self.put("regimen_stream_mean", reading.mean, stream=name)
        self.put("regimen_stream_changes", float(reading.changes), stream=name)

    def verdict(self, reading: VerdictReading) -> None:
        """Shows what the record of days says."""
        self.put("regimen_verdict_days", float(reading.days))
        self.put("regimen_verdict_against_claim", reading.against_claim)
        self.put("regimen_verdict_above_zero", reading.above_zero)
        self.put("regimen_verdict_contradicts", float(reading.contradicts))

    def page(self) -> bytes:
        """Returns what Prometheus reads, in its text format 0.0.4."""
        return self._render(self._registry)
