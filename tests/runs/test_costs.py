"""The cost ladder: the run's own decisions in accounts that differ in their costs alone, and no new trial."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.runs.conftest import silent, simulated

from regimen.bars import Bars
from regimen.errors import ConfigError, RunError
from regimen.execution import Costs, Ledger
from regimen.records import RunDirectory, choose_model, load_config, read_json
from regimen.runs import backtest_run, cost_ladder, start
from regimen.runs.costs import Rung, _fixed

EVERY_COST = """{commission_bps: 2, commission_fixed: 0.01, half_spread_bps: 1, impact_coefficient: 0.5,
 borrow_annual: 0.2, financing_annual: 0.1, stamp_duty_bps: 1}"""
RULE = """
name: rule
data: {{path: {path}}}
splits: {{train: 300, test: 120}}
model: {{kind: momentum, lookback: 20}}
market: {{costs: {costs}, latency_bars: 2, initial_cash: 1000}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""


def rule_run(folder: Path, costs: str = EVERY_COST, drift: float = 0.0, **columns: object) -> RunDirectory:
    """A finished run of a rule, which decides without being fitted."""
    frame = simulated().assign(**columns)
    rise = np.exp(drift * np.arange(len(frame)))
    frame[["open", "high", "low", "close"]] *= rise[:, None]
    frame.to_parquet(folder / "coin.parquet")
    (folder / "rule.yaml").write_text(RULE.format(path=folder / "coin.parquet", costs=costs))
    return start(load_config(folder / "rule.yaml"), folder / "runs", silent)[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return rule_run(tmp_path_factory.mktemp("ladder"))


def test_once_the_costs_is_the_runs_own_ledger_bit_for_bit(made: RunDirectory) -> None:
    """Every kind of cost is charged, and the impact knows the volatility before the first test span."""
    ladder = cost_ladder(made, [2.0, 0.0, 1.0, 1.0], silent)
    assert [rung.multiple for rung in ladder.rungs] == [0.0, 1.0, 2.0]
    own = Ledger.read(made.path / "ledger")
    assert ladder.rungs[1] == Rung.of(1.0, own)
    assert min(abs(paid).sum() for kind, paid in own.costs.items() if kind != "funding") > 0.0
    assert ladder.notes == ("The decisions are those of the run on every rung.",)
    assert [rung.cost_drag for rung in ladder.rungs] == sorted({rung.cost_drag for rung in ladder.rungs})
    doubled = {rate: 2 * float(value) for rate, value in yaml.safe_load(EVERY_COST).items()}
    folder, _ = backtest_run(made, None, [f"market.costs={doubled}"], silent)
    assert ladder.rungs[2] == Rung.of(2.0, Ledger.read(folder / "ledger"))


def test_none_of_the_costs_is_a_backtest_without_costs(made: RunDirectory) -> None:
    free = cost_ladder(made, [0.0], silent).rungs[0]
    folder, _ = backtest_run(made, None, ["market.costs={zero_costs: true}"], silent)
    assert free == Rung.of(0.0, Ledger.read(folder / "ledger"))
    assert (free.cost_drag, free.cost_paid_bps) == (0.0, 0.0)
    own = Ledger.read(made.path / "ledger")  # and of the room's own account, on bars that were never in a run
    bars = Bars.read(made.located_config().data.path)
    targets = np.full(bars.shape, np.nan)
    begin = int(np.searchsorted(bars.time, own.time[0]))
    targets[begin : begin + len(own)] = own.targets
    market = own.market.model_copy(update={"costs": Costs.none()}).build()
    assert free == Rung.of(0.0, market.backtest(bars, targets, begin, begin + len(own)))


def test_a_ladder_is_kept_and_is_no_trial(made: RunDirectory) -> None:
    before = made.trials.rows()
    ladder = cost_ladder(made, [0.0, 3.0], silent)
    assert made.trials.rows() == before
    kept = read_json(made.path / "costs.json")
    assert kept["rungs"] == ladder.to_dict()["rungs"]
    made.require_undamaged()
    assert cost_ladder(made, [0.0, 3.0], silent) == ladder


def test_at_the_break_even_nothing_is_left(tmp_path: Path) -> None:
    directory = rule_run(tmp_path, costs="{commission_bps: 1}", drift=0.002)
    ladder = cost_ladder(directory, [0.0], silent)
    assert ladder.break_even is not None
    rungs = cost_ladder(directory, [0.99 * ladder.break_even, ladder.break_even], silent).rungs
    assert rungs[0].total_return > 0.0 >= rungs[1].total_return
    assert f"{ladder.break_even:.2f} times" in ladder.sentence


def test_costs_that_nobody_chose_are_multiplied_too(tmp_path: Path) -> None:
    """They follow the bars' calendar, which must not put them back to once."""
    directory = rule_run(tmp_path, costs="{venue: binance-spot, chosen_by: calendar}")
    paid = [rung.cost_paid_bps for rung in cost_ladder(directory, [1.0, 2.0], silent).rungs]
    assert paid == pytest.approx([11.0, 22.0], rel=1e-3)


def test_funding_is_charged_as_the_bars_say_on_every_rung(tmp_path: Path) -> None:
    directory = rule_run(tmp_path, costs="binance-perp", funding_rate=0.0001)
    ladder = cost_ladder(directory, [0.0, 1.0], silent)
    assert ladder.rungs[0].cost_paid_bps == 0.0
    assert ladder.rungs[0].cost_drag != 0.0
    assert "Funding is charged as the bars say" in ladder.notes[1]


def test_an_agents_decisions_are_said_to_be_held(made: RunDirectory) -> None:
    agent = choose_model("ppo", None, [f"data.path={made.located_config().data.path}"]).config
    assert "might have decided otherwise" in _fixed(agent, Bars.read(agent.data.path))[0]


def test_another_account_than_then_is_said(made: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Ledger.read(made.path / "ledger")
    monkeypatch.setattr(Ledger, "read", lambda _folder: replace(own, equity=own.equity + 1e-9))
    assert "is not what the run wrote down" in cost_ladder(made, [1.0], silent).notes[-1]


@pytest.mark.parametrize(
    ("multiple", "line"),
    [
        (-1.0, r"--at: must be multiples of the costs, 0 or above; got -1\.0"),
        (float("nan"), "--at: must be multiples"),
        (float("inf"), "--at: must be multiples"),
        (6000.0, r"--at: is too high: costs\.commission_bps must be less than 10000.*got 6000\.0"),
    ],
)
def test_a_multiple_that_cannot_be_is_one_line(made: RunDirectory, multiple: float, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        cost_ladder(made, [0.0, multiple], silent)


def test_what_has_no_ladder_is_refused(tmp_path: Path, made: RunDirectory) -> None:
    directory = rule_run(tmp_path, costs="{zero_costs: true}")
    with pytest.raises(RunError, match="must have costs to multiply"):
        cost_ladder(directory, [1.0], silent)
    simulated(seed=4).to_parquet(tmp_path / "coin.parquet")
    shutil.copytree(made.path, tmp_path / "runs" / "copy")
    (tmp_path / "runs" / "copy" / "ledger" / "marks.parquet").write_bytes(b"")
    with pytest.raises(RunError, match="damaged ledger/marks"):
        cost_ladder(RunDirectory(tmp_path / "runs" / "copy"), [1.0], silent)
