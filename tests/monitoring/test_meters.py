"""The page that Prometheus reads: parsed back by its own parser, and its names beside those of the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regimen.monitoring import METERS, AdwinReading, CollapseReading, DriftReading, Meters, VerdictReading

prometheus = pytest.importorskip("prometheus_client.parser")
PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"


def samples(meters: Meters) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = prometheus.text_string_to_metric_families(meters.page().decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def test_numbers_come_back_from_the_page() -> None:
    meters = Meters()
    meters.count("regimen_decisions_total", symbol="BTC")
    meters.count("regimen_decisions_total", 2, symbol="BTC")
    meters.put("regimen_equity", 1e6)
    meters.put("regimen_confidence", 0.7, symbol="BTC")
    meters.put("regimen_confidence", float("nan"), symbol="BTC")
    meters.took("regimen_decision_seconds", 0.003)
    page = samples(meters)
    assert page["regimen_decisions_total", (("symbol", "BTC"),)] == 3.0
    assert page["regimen_equity", ()] == 1e6
    assert page["regimen_confidence", (("symbol", "BTC"),)] == 0.7
    assert page["regimen_decision_seconds_count", ()] == 1.0
    assert page["regimen_decision_seconds_bucket", (("le", "0.005"),)] == 1.0
    assert page["regimen_decision_seconds_bucket", (("le", "0.0025"),)] == 0.0
    assert not [name for name, _ in page if name.endswith("_created")]


def test_readings_have_their_names() -> None:
    meters = Meters()
    meters.drift(DriftReading(3.5, 3.0, True, ()))
    meters.actions(CollapseReading(0.9, 1.0, 0.2, False))
    meters.stream("returns", AdwinReading(0.4, 64, 2))
    meters.verdict(VerdictReading(30, 0.8, 1.2, False, False))
    page = samples(meters)
    assert page["regimen_drift_rings", ()] == 1.0
    assert page["regimen_action_entropy", ()] == 0.2
    assert page["regimen_stream_changes", (("stream", "returns"),)] == 2.0
    assert page["regimen_verdict_days", ()] == 30.0


def test_two_processes_in_one_have_numbers_of_their_own_and_names_are_known() -> None:
    first, second = Meters(), Meters()
    first.put("regimen_equity", 5.0)
    assert samples(second)["regimen_equity", ()] == 0.0
    with pytest.raises(KeyError, match="regimen_mood"):
        first.put("regimen_mood", 1.0)


def test_the_table_of_the_docs_is_that_of_the_code() -> None:
    rows = re.findall(
        r"^\| `(regimen_\w+)` \| (\w+) \| (.*?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    expected = [(name, kind, ", ".join(f"`{label}`" for label in labels), text) for name, kind, labels, text in METERS]
    assert rows == expected
