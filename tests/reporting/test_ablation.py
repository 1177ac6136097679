"""What an ablation says of scores: what is worth something, what is chance, and how often chance is taken for more."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen import metrics
from regimen.errors import ConfigError
from regimen.reporting.ablation import Ablation, Arm, Column, markdown, table, worth_table
from regimen.reporting.ablation.page import render
from regimen.reporting.ablation.worth import Worth

SKILL = Column("skill", "log-loss skill · 10⁴", 1, 1, "nats")
SHARPE = Column("sharpe", "net Sharpe", 1, 2, "annual")
GAP = Column("gap", "generalisation gap, points", -1, 2, "points")
NO_OPS = 20
Scores = NDArray[np.float64]


def ablation_of(scores: dict[tuple[str, str], dict[str, Scores]], columns: tuple[Column, ...] = (SKILL,)) -> Ablation:
    arms = [Arm(kind, method, f"run{n}", each) for n, ((kind, method), each) in enumerate(scores.items())]  # type: ignore[arg-type]
    seeds, windows = arms[0].scores[columns[0].name].shape
    return Ablation("one", arms, columns, columns[0].name, seeds, windows, 9, (("Data", "coin"),))


def of_no_ops(rng: np.random.Generator, runs: float, tasks: float, tail: float) -> Ablation:
    """An ablation of methods that do nothing: each arm is one more draw of seeds, and of what windows do to it."""

    def scores() -> dict[str, Scores]:
        rest = rng.standard_t(tail, (8, 8))
        return {"skill": 10.0 + runs * rng.normal(size=(8, 1)) + tasks * rng.normal(size=(1, 8)) + rest}

    names = [f"no-op {k}" for k in range(NO_OPS)]
    arms = [("base", ""), *(("alone", name) for name in names), ("all", ""), *(("without", name) for name in names)]
    return ablation_of({arm: scores() for arm in arms})


@pytest.mark.parametrize(
    ("runs", "tasks", "tail"), [(0.0, 0.0, 30.0), (0.0, 0.0, 3.0), (3.0, 0.0, 30.0), (0.0, 3.0, 30.0), (2.0, 2.0, 5.0)]
)
def test_one_of_twenty_no_ops_is_seldom_found_to_help(runs: float, tasks: float, tail: float) -> None:
    rng = np.random.default_rng(int(10 * (runs + 2 * tasks + tail)))
    tries = 100
    helped = sum(any(worth.says == "helps" for worth in of_no_ops(rng, runs, tasks, tail).worths) for _ in range(tries))
    assert helped / tries <= 0.05


def test_without_the_correction_they_are_found_to_help_all_the_time() -> None:
    """The rule that most tables of ablations go by: the 95 % bootstrap interval over seeds does not cover 0."""
    rng = np.random.default_rng(0)
    helped = 0
    for _ in range(20):
        none = of_no_ops(rng, 0.0, 3.0, 30.0)
        base = none.arm("base").scores["skill"]
        lows = [metrics.iqm_interval(none.arm("alone", m).scores["skill"] - base, draws=200).low for m in none.methods]
        helped += any(low > 0.0 for low in lows)
    assert helped >= 18


def steady(rng: np.random.Generator, shift: float = 0.0) -> Scores:
    """Scores of eight seeds in six windows that have much in common."""
    return np.asarray(shift + np.arange(6.0) + 0.1 * rng.normal(size=(8, 6)))


@pytest.fixture
def ablation() -> Ablation:
    """A method that helps, one that does nothing, one that only trades otherwise."""
    rng = np.random.default_rng(3)
    moves = {"good": 1.0, "idle": 0.0, "band": 0.0}
    names = list(moves)
    arms = [("base", ""), *(("alone", n) for n in names), ("all", ""), *(("without", n) for n in names)]
    scores = {}
    seen: dict[bool, dict[str, Scores]] = {}
    for kind, method in arms:
        inside = {"base": [], "alone": [method], "all": names, "without": [n for n in names if n != method]}[kind]
        shift = sum(moves[n] for n in inside)
        key = (shift, "idle" in inside)
        seen.setdefault(key, {"skill": steady(rng, shift), "gap": steady(rng, 2 * shift)})  # type: ignore[call-overload]
        scores[kind, method] = {**seen[key], "sharpe": steady(rng, 3.0 * ("band" in inside))}  # type: ignore[index]
    return ablation_of(scores, (SKILL, GAP, SHARPE))


def test_what_helps_is_told_from_what_does_nothing(ablation: Ablation) -> None:
    assert [worth.says for worth in ablation.verdicts] == ["helps", "chance", "helps"]
    assert [worth.column.name for worth in ablation.verdicts] == ["skill", "skill", "sharpe"]
    assert ablation.sentence == (
        "By log-loss skill · 10⁴ (band: by net Sharpe), over 8 seeds and 6 windows: good, band help; "
        "idle does nothing that can be told from chance."
    )
    assert [(worth.method, worth.column.name, worth.says) for worth in ablation.besides] == [("good", "gap", "harms")]


def test_the_interval_is_corrected_for_both_differences_of_each_method(ablation: Ablation) -> None:
    assert ablation.level == pytest.approx(1.0 - 0.05 / 6)
    good = ablation.verdicts[0]
    base, with_it = ablation.arm("base").scores["skill"], ablation.arm("alone", "good").scores["skill"]
    assert good.alone == metrics.paired_difference(with_it, base, level=ablation.level)
    among = ablation.arm("all").scores["skill"], ablation.arm("without", "good").scores["skill"]
    assert good.among == metrics.paired_difference(*among, level=ablation.level)
    assert "at 99.17 %" in ablation.rule
    assert "one or more of the 6 differences by a measure" in ablation.rule


def test_one_method_and_two_have_fewer_arms() -> None:
    rng = np.random.default_rng(0)
    one = ablation_of({("base", ""): {"skill": steady(rng)}, ("alone", "a"): {"skill": steady(rng, 1.0)}})
    assert one.comparisons == 1
    assert one.verdicts[0].sentence.count("[") == 1
    arms = {("base", ""): 0.0, ("alone", "a"): 1.0, ("alone", "b"): 2.0, ("all", ""): 3.0}
    two = ablation_of({arm: {"skill": steady(rng, shift)} for arm, shift in arms.items()})
    assert two.arm("without", "a") is two.arm("alone", "b")
    assert two.verdicts[0].among.mean == pytest.approx(1.0, abs=0.1)


def test_one_seed_or_one_window_tells_nothing() -> None:
    rng = np.random.default_rng(0)
    for cut in (np.s_[:1], np.s_[:, :1]):
        scores = {("base", ""): {"skill": steady(rng)[cut]}, ("alone", "a"): {"skill": steady(rng, 9.0)[cut]}}
        (worth,) = ablation_of(scores).verdicts
        assert worth.says == "unknown"
        assert "cannot be told: it takes two seeds and two windows" in worth.sentence


def test_a_window_that_one_arm_does_not_know_is_left_out_of_both() -> None:
    rng = np.random.default_rng(0)
    base, other = steady(rng), steady(rng, 1.0)
    other[3, 2] = math.nan
    one = ablation_of({("base", ""): {"skill": base}, ("alone", "a"): {"skill": other}})
    kept = [0, 1, 3, 4, 5]
    assert one.verdicts[0].alone == metrics.paired_difference(other[:, kept], base[:, kept], level=0.95)
    assert math.isfinite(one.level_of(one.arm("alone", "a"), "skill").estimate)


def test_a_measure_that_nobody_knows_is_not_shown(ablation: Ablation) -> None:
    for arm in ablation.arms:
        arm.scores["gap"][:] = math.nan
    assert list(table(ablation)[0]) == ["methods", SKILL.title, SHARPE.title]
    assert {worth.column.name for worth in ablation.worths} == {"skill", "sharpe"}


def test_the_measure_that_decides_must_be_there() -> None:
    with pytest.raises(ConfigError, match="by: must be a measure of these runs: skill; got 'luck'"):
        Ablation("one", [], (SKILL,), "luck", 1, 1, 0)


def test_tables_json_and_page_say_the_same(ablation: Ablation) -> None:
    values = json.loads(json.dumps(ablation.to_dict(), allow_nan=False))
    text, page = markdown(ablation), render(ablation)
    assert [arm["label"] for arm in values["arms"]][:2] == ["base", "good"]
    assert values["arms"][-1]["label"] == "all but band"
    for worth in (*ablation.verdicts, *ablation.besides):
        assert worth.sentence in text
        assert worth.sentence in page
    assert len(table(ablation)) == len(ablation.arms)
    starred = [row for row in worth_table(ablation) if row[SKILL.title].endswith("*")]
    assert [row["method"] for row in starred] == ["good", "good"]
    assert "<script" not in page
    ElementTree.fromstring(ablation._repr_html_())
    assert len(ablation.to_frame()) == len(ablation.arms) * 3 * 48


@pytest.mark.parametrize(("better", "says"), [(1, "disagrees"), (-1, "disagrees"), (0, "changes")])
def test_a_measure_of_which_neither_is_better_is_changed_whichever_way(better: int, says: str) -> None:
    column = Column("turnover", "turnover a year", better, 0, "traded")
    less, more = (metrics.PairedDifference(mean, mean - 1.0, mean + 1.0, 0.95, 0.1, 0.001) for mean in (-5.0, 5.0))
    worth = Worth("mixup", column, alone=less, among=more)
    assert worth.says == says
    assert ("changes it" in worth.sentence) == (better == 0)
    assert ("helps" in worth.sentence or "harms" in worth.sentence) == (better != 0)
