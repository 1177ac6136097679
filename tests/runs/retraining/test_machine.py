"""The order of things, with hands that train nothing: who is trained, promoted, dropped, retired and brought back."""

from __future__ import annotations

from dataclasses import dataclass, field

from regimen.runs.retraining import Duel, RetrainEvent, RetrainRules, unfold
from regimen.runs.retraining.spans import in_force, newest_of


@dataclass
class Script:
    """What a test says would happen: retrainings at these bars, and duels that end so long after their start."""

    at: list[int]
    better: dict[tuple[str, str], int] = field(default_factory=dict)
    worse: dict[tuple[str, str], int] = field(default_factory=dict)
    trained: list[tuple[int, int]] = field(default_factory=list)
    asked: list[tuple[str, int, int]] = field(default_factory=list)

    def due(self, newest: str, since: int, start: int) -> tuple[int, str] | None:
        self.asked.append((newest, since, start))
        later = [bar for bar in self.at if bar >= start]
        return (later[0], "because") if later else None

    def train(self, number: int, bar: int) -> str:
        self.trained.append((number, bar))
        return f"c{number + 1}"

    def duel(self, champion: str, other: str, since: int) -> Duel:
        ends = (times.get((champion, other)) for times in (self.better, self.worse))
        return Duel(*(None if after is None else since + after for after in ends))


def played(script: Script, stop: int = 1000, **rules: int) -> list[tuple[int, str, str, str]]:
    events = unfold(RetrainRules(100, stop, **rules), "first", script)
    return [(event.bar, event.kind, event.run, event.champion) for event in events]


def test_nothing_happens_where_nothing_is_due() -> None:
    script = Script([])
    assert played(script) == []
    assert script.asked == [("first", 99, 100)]


def test_a_challenger_that_wins_is_promoted_and_the_one_before_is_let_go_when_it_has_lost() -> None:
    script = Script([200], better={("first", "c1"): 50}, worse={("c1", "first"): 70})
    assert played(script) == [
        (200, "retrain", "c1", "first"),
        (250, "promote", "c1", "c1"),
        (320, "confirm", "c1", "c1"),
    ]
    assert script.trained == [(0, 200)]


def test_a_promoted_one_that_is_proved_worse_gives_way_to_the_one_before() -> None:
    script = Script([200], better={("first", "c1"): 50, ("c1", "first"): 60})
    assert played(script) == [
        (200, "retrain", "c1", "first"),
        (250, "promote", "c1", "c1"),
        (310, "rollback", "first", "first"),
    ]


def test_one_that_is_proved_worse_is_dropped_and_the_oldest_beyond_the_shadows_retires() -> None:
    script = Script([200, 300, 400], worse={("first", "c1"): 50})
    assert played(script, shadows=1) == [
        (200, "retrain", "c1", "first"),
        (250, "drop", "c1", "first"),
        (300, "retrain", "c2", "first"),
        (400, "retrain", "c3", "first"),
        (400, "retire", "c2", "first"),
    ]


def test_a_new_champion_is_compared_with_the_other_challengers_anew() -> None:
    script = Script([200, 210], better={("first", "c1"): 50, ("c1", "c2"): 45})
    assert played(script) == [
        (200, "retrain", "c1", "first"),
        (210, "retrain", "c2", "first"),
        (250, "promote", "c1", "c1"),
        (295, "promote", "c2", "c2"),  # 45 bars behind 250, and not behind 210
    ]


def test_no_ring_counts_while_the_last_retraining_is_young_and_bars_end() -> None:
    script = Script([200, 220, 260], better={("first", "c1"): 900})
    assert played(script, rest=50) == [(200, "retrain", "c1", "first"), (260, "retrain", "c2", "first")]
    assert script.asked[1:] == [("c1", 200, 251), ("c2", 260, 311)]


def test_a_way_back_comes_before_a_promotion_at_the_same_bar_and_both_before_a_training() -> None:
    script = Script([200, 210, 310], better={("first", "c1"): 50, ("c1", "first"): 60, ("c1", "c2"): 60})
    assert played(script, shadows=3) == [
        (200, "retrain", "c1", "first"),
        (210, "retrain", "c2", "first"),
        (250, "promote", "c1", "c1"),
        (310, "rollback", "first", "first"),
        (310, "retrain", "c3", "first"),
    ]


def test_spans_tell_who_traded_which_bars() -> None:
    events = [
        RetrainEvent(10, "retrain", "c1", "first"),
        RetrainEvent(20, "promote", "c1", "c1"),
        RetrainEvent(25, "retrain", "c2", "c1"),
        RetrainEvent(30, "rollback", "first", "first"),
    ]
    assert in_force(events, "first", 5, 40) == [("first", 5, 21), ("c1", 21, 31), ("first", 31, 40)]
    assert newest_of(events, "first", 5, 40) == [("first", 5, 11), ("c1", 11, 26), ("c2", 26, 40)]
    assert in_force([], "first", 5, 40) == [("first", 5, 40)]
