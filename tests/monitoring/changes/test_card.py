"""The training card: which detectors there are, which rings first, how often anything rings, and how soon it should."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from regimen.monitoring import ChangesConfig, SequentialVerdictConfig, Streams, TrainingCard

YEAR, MONTH, DAY = 8760, 730, 24


def drawn(random: np.random.Generator, volatility: float = 1.0, rule: float = 1.0) -> tuple[Streams, Streams]:
    """A year, and one after it: a model that knows the rule; its volatility and its sign from then on."""
    after = np.arange(2 * YEAR) >= YEAR
    x = random.standard_normal(2 * YEAR)
    sizes = np.where(after, volatility, 1.0)
    ranges = 0.01 * sizes * np.exp(0.35 * random.standard_normal(2 * YEAR))
    rises = random.random(2 * YEAR) < 1.0 / (1.0 + np.exp(-np.where(after, rule, 1.0) * x))
    chance, hit = 1.0 / (1.0 + np.exp(-np.abs(x))), rises == (x > 0.0)
    means = {
        "volatility": ranges,
        "loss": -np.log(np.where(hit, chance, 1.0 - chance)),
        "confidence": chance - hit,
        "coverage": (np.abs(sizes * random.standard_normal(2 * YEAR)) > 1.64).astype(np.float64),
    }
    rows = np.stack([x, np.log(ranges)], axis=1)
    days = 0.01 * (random.standard_normal(YEAR // DAY) + 0.09 * rule)
    ends = np.arange(DAY - 1, YEAR, DAY)
    return (
        Streams({name: values[:YEAR] for name, values in means.items()}, rows[:YEAR]),
        Streams({name: values[YEAR:] for name, values in means.items()}, rows[YEAR:], days, ends),
    )


def card_of(reference: Streams, **changes: Any) -> TrainingCard:
    claim = SequentialVerdictConfig(claimed=1.7, volatility=0.19)
    return TrainingCard.of(reference, ChangesConfig(**changes), 8766.0, names=("x", "range"), claim=claim)


def test_the_detectors_share_one_rate_and_what_cannot_be_watched_says_why() -> None:
    reference, _ = drawn(np.random.default_rng(0))
    card = card_of(reference)
    assert set(card.detectors) == {"volatility", "loss", "confidence", "coverage", "features", "adwin", "profit"}
    assert card.features is not None
    assert card.profit is not None
    assert card.features.config.level == pytest.approx(0.05 / 7)
    assert card.profit.level == pytest.approx(0.05 / 7)
    assert card.period == 730
    assert "7%" not in repr(card)
    few = Streams({name: values[:200] for name, values in reference.means.items()}, reference.rows)
    short = card_of(few)
    assert set(short.detectors) == {"features", "profit"}
    assert "needs a reference of 20 windows of 72 values" in short.missing["loss"]
    bare = TrainingCard.of(Streams({"volatility": reference.means["volatility"]}), ChangesConfig(), 8766.0)
    assert bare.detectors == ("volatility",)
    assert bare.shifts["volatility"].high < card.shifts["volatility"].high  # it has the whole level for itself


def test_a_ring_names_its_bar_and_counts_from_a_start_on() -> None:
    reference, live = drawn(np.random.default_rng(1), volatility=3.0)
    card = card_of(reference)
    rings = card.rings(live)
    assert [ring.bar for ring in rings] == sorted(ring.bar for ring in rings)
    first = next(ring for ring in rings if ring.detector == "volatility")
    assert 60 <= first.bar < 100
    assert "rings beyond" in first.words
    assert all(ring.bar >= 500 for ring in card.rings(live, start=500))
    stopped = Streams({name: values[: first.bar] for name, values in live.means.items()})
    assert "volatility" not in {ring.detector for ring in card.rings(stopped)}  # a bar earlier nothing was known


def test_a_ring_of_the_features_names_the_columns_that_drifted_with_what_they_measure() -> None:
    reference, live = drawn(np.random.default_rng(1), volatility=3.0)
    card = card_of(reference)
    assert card.features is not None
    rings = {ring.detector: ring for ring in card.rings(live)}
    ring = rings["features"]
    memory = card.features.initial()
    assert live.rows is not None
    for row in live.rows[: ring.bar + 1]:
        card.features.advance(memory, row)
    streamed = card.features.reading(memory)
    assert streamed is not None
    assert ring.columns == streamed.worst
    assert [column.name for column in ring.columns] == ["range", "x"]
    worst = ring.columns[0]
    assert f"furthest: range (PSI {worst.psi:.2f}, usually {worst.usual:.2f}), x (PSI " in ring.words
    assert ring.to_dict()["columns"][0] == {"name": "range", "psi": worst.psi, "usual": worst.usual}  # type: ignore[index]
    assert all(ring.columns == () for name, ring in rings.items() if name != "features")
    readings = {reading.detector: reading.to_dict() for reading in card.readings(live)}
    assert readings["features"]["columns"][0]["name"] == "range"  # type: ignore[index]
    assert readings["volatility"]["columns"] == []


def test_columns_of_a_symbol_that_ends_ring_no_alarm_and_hide_no_other() -> None:
    reference, live = drawn(np.random.default_rng(1))
    card = card_of(reference)
    assert live.rows is not None
    ended, listed = live.rows.copy(), np.ones(live.rows.shape, np.bool_)
    ended[2000:, 0], listed[2000:, 0] = np.nan, False
    stopped = replace(live, rows=ended)
    (ring,) = (ring for ring in card.rings(stopped) if ring.detector == "features")
    assert ring.columns[0].name == "x"  # as any column that is missing from then on
    stopped = replace(stopped, listed=listed)
    assert "features" not in {ring.detector for ring in card.rings(stopped)}
    (reading,) = (reading for reading in card.readings(stopped) if reading.detector == "features")
    assert [column.name for column in reading.columns] == ["range"]
    ended[4000:, 1] += 3.0
    (ring,) = (ring for ring in card.rings(stopped) if ring.detector == "features")
    assert ring.bar > 4000
    assert [column.name for column in ring.columns] == ["range"]
    gone = replace(stopped, listed=np.zeros(listed.shape, np.bool_))
    assert "features" not in {ring.detector for ring in card.rings(gone)}


def test_bars_without_a_label_are_left_out() -> None:
    reference, live = drawn(np.random.default_rng(2), rule=-1.0)
    card = card_of(reference)
    at = {ring.detector: ring.bar for ring in card.rings(live)}
    twice = {name: np.full(2 * YEAR, np.nan) for name in live.means}
    for name, values in live.means.items():
        twice[name][1::2] = values
    again = {ring.detector: ring.bar for ring in card.rings(Streams(twice, live.rows, live.days, live.ends))}
    for name in ("loss", "confidence", "adwin"):
        assert again[name] == 2 * at[name] + 1


def test_days_that_contradict_the_claim_ring() -> None:
    reference, live = drawn(np.random.default_rng(3))
    lost = Streams(live.means, live.rows, np.full(365, -0.004), live.ends)
    assert "profit" in {ring.detector for ring in card_of(reference).rings(lost)}
    assert "profit" not in {ring.detector for ring in card_of(reference).rings(live)}


@pytest.mark.slow
def test_anything_rings_in_no_more_months_than_was_asked_for_and_a_planted_change_within_a_hundred_bars() -> None:
    streams, level = 100, 0.05
    quiet, months, seen = 0, 0, {"volatility": 0, "rule": 0}
    for number in range(streams):
        reference, live = drawn(np.random.default_rng(number))
        rings = card_of(reference, level=level).rings(live)
        quiet += bool(rings)
        months += rings[0].bar // MONTH + 1 if rings else 12
        for changed, to in (("volatility", 2.0), ("rule", -1.0)):
            before, after = drawn(np.random.default_rng(number), **{changed: to})
            rings = card_of(before, level=level).rings(after)
            seen[changed] += bool(rings) and rings[0].bar < 100
    assert quiet <= binom.ppf(0.999, months, level)
    assert min(seen.values()) >= 0.9 * streams


def wanted(random: np.random.Generator) -> np.ndarray:
    """Two years of exposures in steps of .5 that stay for half a day as a rule, (time, 1)."""
    turns = random.random(2 * YEAR) < 1.0 / 12.0
    turns[0] = True
    latest = np.maximum.accumulate(np.where(turns, np.arange(2 * YEAR), 0))
    return np.asarray(random.choice([-1.0, -0.5, 0.0, 0.5, 1.0], 2 * YEAR)[latest][:, None])


def test_a_policy_that_takes_one_action_only_rings_where_it_did_not_before() -> None:
    exposures = wanted(np.random.default_rng(5))
    reference, live = drawn(np.random.default_rng(5))
    before, after = replace(reference, exposures=exposures[:YEAR]), replace(live, exposures=exposures[YEAR:])
    card = card_of(before)
    assert "actions" in card.detectors
    assert card.actions is not None
    assert card.actions.config.level == pytest.approx(0.05 / 8)
    assert "actions" not in {ring.detector for ring in card.rings(after)}
    stuck = exposures[YEAR:].copy()
    stuck[3000:] = 0.5
    rings = [ring for ring in card.rings(replace(live, exposures=stuck)) if ring.detector == "actions"]
    assert 3000 < rings[0].bar <= 3000 + 728
    assert "of 728 bars; rings beyond" in rings[0].words
    reading = next(each for each in card.readings(replace(live, exposures=stuck)) if each.detector == "actions")
    assert reading.now == 1.0
    assert reading.promised < reading.high < 1.0
    assert reading.rings
    short = [ring.bar for ring in card.rings(replace(live, exposures=stuck).until(3000 + 100))]
    assert all(bar < 3100 for bar in short)
    always = card_of(replace(reference, exposures=np.zeros((YEAR, 1))))
    assert "actions" not in always.detectors
    assert "one action for 728 bars on end is nothing new" in always.missing["actions"]


def test_actions_ring_in_no_more_months_than_was_asked_for() -> None:
    """60 years behind references of a year, each until it rings."""
    rung, months = 0, 0
    for seed in range(60):
        exposures = wanted(np.random.default_rng(100 + seed))
        card = TrainingCard.of(Streams({}, exposures=exposures[:YEAR]), ChangesConfig(), 8766.0)
        rings = card.rings(Streams({}, exposures=exposures[YEAR:]))
        rung += bool(rings)
        months += rings[0].bar // MONTH + 1 if rings else 12
    print(f"{rung} of {months} months ring")
    assert rung <= binom.ppf(0.999, months, 0.05)
