"""Seeds give the same numbers however they are run; demands are judged as they are written; the table says it all."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from typing import Any

import pytest

from regimen.agents import PPOConfig
from regimen.errors import ConfigError, RunError
from regimen.learning import Iteration
from regimen.proving import EXPERIMENTS, FAST, Arena, Demand, Experiment, Result, SeedResult, prove, run_seed, select
from regimen.proving.experiment import MODES
from regimen.proving.table import HEADINGS, document, markdown, missed, rows
from regimen.simulators import HysteresisConfig, OrnsteinUhlenbeckConfig
from regimen.work import Compute

OU = Arena("ou", OrnsteinUhlenbeckConfig(), (Demand("score", "worst", 0.5, modes=("deterministic",)),))
TINY = PPOConfig(rollout_steps=4, minibatch_size=64, epochs=1, hidden=(4,))
QUICK = Experiment(OU, TINY, steps=64, lanes=16, bars=500, episode_length=50, walks=4, walk_bars=60, name="tiny")


def made(demands: tuple[Demand, ...], scores: list[float], **others: list[float]) -> Result:
    columns = {"score": scores, **others}
    runs = [
        SeedResult(seed, {mode: {name: column[seed] for name, column in columns.items()} for mode in MODES}, 1000, 2.0)
        for seed in range(len(scores))
    ]
    return Result(Experiment(Arena("ou", OrnsteinUhlenbeckConfig(), demands), TINY, steps=1000), tuple(runs))


@pytest.mark.parametrize(
    ("demand", "value", "met"),
    [
        (Demand("score", "iqm", 0.9), 0.95, True),
        (Demand("score", "iqm", 0.96), 0.95, False),
        (Demand("score", "worst", 0.8), 0.8, True),
        (Demand("score", "worst", 0.85), 0.8, False),
        (Demand("gap", "worst", -0.1, 0.1), -0.2, False),
        (Demand("gap", "worst", -0.3, 0.1), 0.05, True),
        (Demand("gap", "iqm", high=0.0), -0.025, True),
        (Demand("odd", "worst", high=1.0), math.nan, False),
        (Demand("odd", "iqm", high=1.0), math.nan, False),
    ],
)
def test_a_demand_is_judged_by_its_statistic(demand: Demand, value: float, met: bool) -> None:
    """Of four seeds the IQM is the mean of the middle two; the worst of a two-sided bound is nearest to leaving it."""
    gap, odd = [-0.2, 0.05, -0.1, 0.05], [0.0, math.nan, 0.0, 0.0]
    found = made((demand,), [0.8, 1.0, 0.94, 0.96], gap=gap, odd=odd).judged()
    assert [each.mode for each in found] == list(MODES)
    assert [each.value for each in found] == pytest.approx([value, value], nan_ok=True)
    assert [each.met for each in found] == [met, met]


def test_a_demand_may_be_made_in_one_mode_only() -> None:
    result = made((Demand("score", "worst", 0.9, modes=("drawn",)),), [0.5, 0.95])
    assert [(each.mode, each.value) for each in result.judged()] == [("drawn", 0.5)]
    assert not result.met
    assert [row[-1] for row in rows([result])] == ["–", "NO"]


def test_the_table_names_what_was_missed() -> None:
    good = made((Demand("score", "iqm", 0.9),), [0.95] * 4, other=[1.0, 2.0, 3.0, 4.0])
    bad = made(
        (Demand("score", "worst", 0.9), Demand("other", "worst", high=3.0)),
        [0.8, 0.8, 1.0, 1.0],
        other=[1.0, 1.0, 4.0, 4.0],
    )
    table = rows([good, bad])
    assert len(table) == 6
    assert all(len(row) == len(HEADINGS) for row in table)
    assert table[0][3:6] == ("0.950 [0.950, 0.950]", "0.950", "other 2.5")
    assert table[2][3:6] == ("0.900 [0.800, 1.000]", "0.800", "other 4")
    assert table[2][6:] == ("0.00 M", "2.0", "0 k", "NO")
    assert missed([good, bad])[:2] == [
        "ppo on ou, deterministic: score (worst of 4) must be at least 0.9; got 0.8",
        "ppo on ou, drawn: score (worst of 4) must be at least 0.9; got 0.8",
    ]
    assert len(missed([good, bad])) == 4
    lines = markdown([good]).splitlines()
    assert lines[1] == "|" + " --- |" * len(HEADINGS)
    assert {line.count("|") for line in lines} == {len(HEADINGS) + 1}


def test_all_markets_of_an_agent_are_pooled() -> None:
    low, high = made((), [0.2] * 4), made((), [0.8] * 4)
    total = rows([low, high])[-2]
    assert total[:5] == ("ppo", "all 2", "deterministic", "0.500 [0.500, 0.500]", "0.200")


def test_the_document_is_json_with_every_number() -> None:
    result = made((Demand("gap", "worst", high=0.0),), [0.8, 0.9], gap=[math.nan, 1.0])
    read = json.loads(json.dumps(document([result]), allow_nan=False))
    assert read["met"] is False
    assert read["results"][0]["runs"][1]["drawn"] == {"score": 0.9, "gap": 1.0}
    assert read["results"][0]["demands"][0] | {"met": False, "value": None} == read["results"][0]["demands"][0]


def numbers(results: list[Result]) -> list[Any]:
    return [(run.seed, run.measures, run.steps) for result in results for run in result.runs]


def test_processes_change_nothing() -> None:
    told: list[tuple[str, int]] = []

    def tell(experiment: Experiment, seed: int, iteration: Iteration) -> None:
        assert iteration.steps <= iteration.total
        told.append((str(experiment), seed))

    alone = prove([QUICK], seeds=2)
    with Compute.parse("processes:2").mapper() as mapper:
        together = prove([QUICK], seeds=2, progress=tell, mapper=mapper)
    assert numbers(alone) == numbers(together)
    assert alone[0].runs[0].measures != alone[0].runs[1].measures
    assert set(told) == {("tiny on ou", 0), ("tiny on ou", 1)}


def test_an_error_crosses_processes_as_it_was() -> None:
    for error in (RunError("loss", "must be finite", 3), RunError("loss", "must be finite")):
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.field, again.rule, again.value) == (str(error), error.field, error.rule, error.value)


def test_there_must_be_something_to_run() -> None:
    with pytest.raises(ConfigError, match="seeds: must be at least 1; got 0"):
        prove([QUICK], 0)


def test_names_select_experiments() -> None:
    chosen = select(EXPERIMENTS, ["ppo"], ["ou", "hysteresis"])
    assert {str(each) for each in chosen} == {"ppo on ou", "ppo on hysteresis"}
    assert select(EXPERIMENTS) == EXPERIMENTS
    with pytest.raises(ConfigError, match=r"agent: must be one of ppo.*; got 'pop'"):
        select(EXPERIMENTS, ["pop"])
    with pytest.raises(ConfigError, match=r"market: must be one of martingale, .*; got 'moon'"):
        select(EXPERIMENTS, ["ppo"], ["moon"])
    other = Experiment(Arena("b", HysteresisConfig(), ()), TINY, 1, name="other")
    with pytest.raises(ConfigError, match=r"market: must be one that ppo is tried on; got 'b'"):
        select([Experiment(OU, TINY, 1), other], ["ppo"], ["b"])


@pytest.mark.parametrize("experiment", [*EXPERIMENTS, *FAST], ids=str)
def test_every_demand_names_a_measure(experiment: Experiment) -> None:
    """A demand on a measure that the market does not have would end a proof of an hour at its last line."""
    sizes = {"steps": 64, "lanes": 16, "bars": 500, "episode_length": 50, "walks": 2, "walk_bars": 60}
    run = run_seed(replace(experiment, agent=TINY, **sizes), 0)
    assert experiment.arena.demands
    for mode in MODES:
        assert {demand.measure for demand in experiment.arena.demands} <= set(run.measures[mode])


def test_an_agent_is_tried_on_a_market_once() -> None:
    for table in (EXPERIMENTS, FAST):
        assert len({str(each) for each in table}) == len(table)
