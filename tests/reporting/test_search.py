"""What a search shows: the best, the Pareto front, tables, and a page of valid pictures."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimen.reporting.ablation import Column
from regimen.reporting.search import Search, TrialRow, sensitivity_table, trial_table
from regimen.reporting.search.page import render

SHARPE = Column("sharpe", "net Sharpe", 1, 2, "annual")
TURNOVER = Column("turnover", "turnover a year", -1, 0, "multiples")


def search_of(*scores: tuple[float, float]) -> Search:
    trials = [
        TrialRow(n, "complete", {"model.kind": "ab"[n % 2], "x.rate": 10.0 ** -(n % 7)}, {"sharpe": s, "turnover": t})
        for n, (s, t) in enumerate(scores)
    ]
    best = max(trials, key=lambda trial: (trial.scores["sharpe"], -trial.number)).number if trials else None
    return Search("one", (SHARPE, TURNOVER), trials, {"model.kind": False, "x.rate": True}, best, "abc", "no evidence")


def test_the_front_is_what_nothing_beats_in_both() -> None:
    search = search_of((1.0, 100.0), (0.5, 50.0), (0.4, 60.0), (1.0, 90.0), (0.0, 0.0))
    assert [trial.number for trial in search.front] == [1, 3, 4]
    assert [row["trial"] for row in trial_table(search)] == ["0", "3", "1", "2", "4"]


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 5)), min_size=1, max_size=12))
def test_each_trial_is_on_the_front_or_beaten_by_one_that_is(scores: list[tuple[int, int]]) -> None:
    search = search_of(*((float(s), float(t)) for s, t in scores))
    front = {trial.number for trial in search.front}
    for trial in search.trials:
        own = (trial.scores["sharpe"], -trial.scores["turnover"])
        others = [(each.scores["sharpe"], -each.scores["turnover"]) for each in search.front]
        beaten = any(other != own and other[0] >= own[0] and other[1] >= own[1] for other in others)
        assert beaten != (trial.number in front)


@pytest.mark.parametrize("many", [0, 1, 9])
def test_the_page_is_whole_whatever_was_tried(many: int) -> None:
    search = search_of(*((float(n), float(n)) for n in range(many)))
    page = render(search)
    assert page == render(search)
    for svg in page.split("<svg ")[1:]:
        ElementTree.fromstring("<svg " + svg[: svg.index("</svg>")] + "</svg>")
    json.dumps(search.to_dict(), allow_nan=False)
    assert len(sensitivity_table(search)) == {0: 0, 1: 2, 9: 5}[many]


def test_stopped_failed_and_revived_trials_are_told_apart() -> None:
    trials = [
        TrialRow(0, "complete", {"x": 1}, {"sharpe": 0.1}),
        TrialRow(1, "pruned", {"x": 2}, {"sharpe": 0.4}, 3),
        TrialRow(2, "failed", {"x": 3}, {}, None, "x: must be less"),
        TrialRow(3, "complete", {"x": 2}, {"sharpe": 0.3}, None, None, 1),
    ]
    search = Search("one", (SHARPE,), trials, {"x": False}, 3)
    assert [(row["trial"], row[""]) for row in trial_table(search)] == [
        ("3", "best, revives 1"),
        ("0", ""),
        ("1", "stopped, after 3 epochs"),
        ("2", "failed"),
    ]
    assert trial_table(search)[-1]["settings"] == "x: must be less"
    assert search.words.startswith("4 trials (2 complete, 1 stopped early, 1 not trainable)")
