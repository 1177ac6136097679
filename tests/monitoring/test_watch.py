"""One step for all that watches: it reads what each reads alone, says once what is new, and comes back from arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.monitoring import (
    CollapseConfig,
    CollapseReference,
    DriftConfig,
    DriftReference,
    SequentialVerdictConfig,
    Sights,
    Watch,
    WatchedBar,
)

Floats = NDArray[np.float64]
RNG = np.random.default_rng(4)
ROWS, EXPOSURES = np.abs(RNG.standard_normal((800, 3))), RNG.choice([-1.0, 0.0, 1.0], (800, 2))
DRIFT = DriftReference.of(ROWS, "abc", DriftConfig(window=40))
COLLAPSE = CollapseReference.of(EXPOSURES, CollapseConfig(window=40))
VERDICT = SequentialVerdictConfig(claimed=3.0, volatility=0.2).build()
WATCH = Watch(DRIFT, COLLAPSE, VERDICT)


def bars(rows: Floats, exposures: Floats, days: Floats) -> list[WatchedBar]:
    return [WatchedBar(t, *parts) for t, parts in enumerate(zip(rows, exposures, days, strict=True))]


def run(watch: Watch, seen: list[WatchedBar]) -> tuple[list[Sights], list[dict[str, Floats]]]:
    memory, sights, arrays = watch.initial(), [], []
    for bar in seen:
        memory, sight = watch.observe(memory, bar)
        sights.append(sight)
        arrays.append(watch.arrays(memory))
    return sights, arrays


def test_it_reads_what_each_reads_alone() -> None:
    days = np.where(np.arange(120) % 3 == 2, 0.01, math.nan)
    sights, _ = run(WATCH, bars(ROWS[:120], EXPOSURES[:120], days))
    alone = DRIFT.statistics(ROWS[:120])
    assert [sight.drift.statistic for sight in sights if sight.drift] == list(alone)
    assert [t for t, sight in enumerate(sights, 1) if sight.collapse] == list(range(40, 121, 10))
    weighed = [sight.verdict.days for sight in sights if sight.verdict]
    assert weighed == list(range(1, 41))


def test_what_rings_becomes_an_alert_and_a_contradiction_does_once() -> None:
    seen = bars(9.0 * ROWS[:400], np.zeros((400, 2)), np.full(400, -0.01))
    sights, _ = run(WATCH, seen)
    alerts = [alert for sight in sights for alert in sight.alerts]
    assert {(alert.key, alert.level) for alert in alerts} == {
        ("drift", "warning"),
        ("collapse", "critical"),
        ("verdict", "critical"),
    }
    assert sum(alert.key == "verdict" for alert in alerts) == 1
    assert "usually" in next(alert.body for alert in alerts if alert.key == "drift")


def test_a_memory_comes_back_from_its_arrays_and_goes_on_with_the_same_bits() -> None:
    seen = bars(ROWS[:200], EXPOSURES[:200], np.full(200, 0.001))
    _, arrays = run(WATCH, seen)
    memory = WATCH.of_arrays({name: array.copy() for name, array in arrays[99].items()})
    for bar in seen[100:]:
        memory, _ = WATCH.observe(memory, bar)
    for name, array in WATCH.arrays(memory).items():
        np.testing.assert_array_equal(array, arrays[-1][name])


def test_what_is_not_watched_has_no_memory_and_another_watch_is_refused() -> None:
    partial = Watch(collapse=COLLAPSE)
    sights, arrays = run(partial, bars(ROWS[:50], EXPOSURES[:50], np.full(50, -0.5)))
    assert all(sight.drift is None and sight.verdict is None for sight in sights)
    assert {name.split("/")[0] for name in arrays[-1]} == {"collapse"}
    with pytest.raises(RunError, match="memory of another watch"):
        WATCH.of_arrays(arrays[-1])
    with pytest.raises(RunError, match=r"these arrays differ; got \['collapse/current'\]"):
        partial.of_arrays({**arrays[-1], "collapse/current": np.zeros(3, np.int64)})
