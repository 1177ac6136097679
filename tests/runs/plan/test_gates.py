"""Gates are passed by the right answer on every known market, and one that nobody could pass is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.execution import Costs, Market
from regimen.judging import by_period
from regimen.proving.arenas import KNOWN
from regimen.records import read_yaml, resolve
from regimen.runs.plan.config import config_of, plan_of
from regimen.runs.plan.gates import (
    DrawdownGate,
    InformationGate,
    Measured,
    ModesGate,
    OptimumGate,
    RegimesGate,
    WindowsGate,
    passes,
)

BASE: dict[str, Any] = {"data": {"sample": "sp500"}, "model": {"kind": "ppo"}, "training": {}}
GATES = (InformationGate(), ModesGate(), DrawdownGate(), RegimesGate(), WindowsGate())


@pytest.mark.parametrize("arena", KNOWN, ids=lambda arena: arena.name)
def test_the_best_policy_of_each_known_market_passes_every_gate(arena: Any) -> None:
    market = arena.market
    simulation = market.simulate(1500, 1)
    positions = np.clip(market.optimal(simulation), -1.0, 1.0)
    bps = float(getattr(market, "cost_bps", 1.0)) if arena.name in ("martingale", "hysteresis") else 0.0
    costs = Costs(commission_bps=min(bps, 100.0), half_spread_bps=0.0) if bps else Costs.none()
    account = Market(costs=costs)
    ledger = account.backtest(simulation.bars, positions)
    rows = by_period(ledger, [0, 300, 600, 900, 1200, 1500])
    (own,), (reference,) = (
        by_period(each, [0, 1500]) for each in (ledger, account.backtest(simulation.bars, np.ones(1500)))
    )
    flat = arena.name == "martingale"
    assert flat == (not positions.any())
    measured = Measured(
        information=0.0 if flat else 0.5,
        right=flat,
        differ=False,
        drawdown=own.max_drawdown,
        reference_drawdown=reference.max_drawdown,
        regimes=tuple(row.total_return for row in rows),
        windows=tuple((row.total_return, 0.0) for row in rows),
        shares={"hysteresis": 1.0},
    )
    assert {
        gate.kind: passes(gate, measured) for gate in (*GATES, OptimumGate()) if not passes(gate, measured)[0]
    } == {}


def test_what_trades_at_random_or_loses_does_not_pass() -> None:
    churns = Measured(0.001, False, True, 0.4, 0.2, (-0.1, -0.2, 0.1, -0.1), ((-0.1, 0.0), (0.1, 0.0)), {})
    assert not any(passes(gate, churns)[0] for gate in (*GATES, OptimumGate()))


@pytest.mark.parametrize(
    ("gate", "line"),
    [
        ({"kind": "optimum", "least": 1.2}, r"gates\.0\.least: must be at most 1, or no policy can pass this gate"),
        ({"kind": "windows", "least": 1.01}, r"must be at most 1, or no policy can pass"),
        ({"kind": "regimes", "least": 9}, r"must be at most 4, or no policy can pass"),
        ({"kind": "information", "least": 1.2}, r"must be at most 1\.1, or no policy can pass"),  # ln 3
        ({"kind": "drawdown", "most": -0.1}, r"gates\.0\.most: must be at least 0, or no policy can pass"),
        ({"kind": "luck"}, r"plan\.phases\.0\.gates\.0"),
    ],
)
def test_a_gate_that_no_policy_can_pass_is_refused(gate: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        plan_of({**BASE, "plan": {"phases": [{"name": "A", "gates": [gate]}]}})


def test_each_phase_is_checked_before_any_is_trained() -> None:
    phases = [{"name": "A"}, {"name": "B", "changes": {"model": {"kind": "oracle"}}}]
    with pytest.raises(ConfigError, match=r"plan\.phases\.1\.changes\.model\.kind: must be one of .*ppo"):
        plan_of({**BASE, "plan": {"phases": phases}})
    with pytest.raises(ConfigError, match=r"^model\.gama: is not a known key"):  # of the file, not of a phase
        plan_of({**BASE, "model": {"kind": "ppo", "gama": 0.9}, "plan": {"phases": [{"name": "A"}]}})
    with pytest.raises(ConfigError, match=r"plan\.baseline: must be one of"):
        plan_of({**BASE, "plan": {"phases": [{"name": "A"}], "baseline": "oracle"}})
    with pytest.raises(ConfigError, match="names that differ"):
        plan_of({**BASE, "plan": {"phases": [{"name": "A"}, {"name": "a"}]}})


def test_the_example_has_seven_phases_that_can_all_be_trained() -> None:
    values = read_yaml(Path(__file__).parents[3] / "examples" / "recover-btc-1h.yaml")
    assert [phase.name for phase in plan_of(values).phases] == list("ABCDEFG")


def test_phases_add_up_and_attempts_differ() -> None:
    phases = [
        {"name": "A", "changes": {"model": {"gamma": 0.9}}},
        {"name": "B", "changes": {"environment": {"steps": 500}}},
        {"name": "C", "changes": {"model": {"kind": "sac"}, "environment": {"actions": {"kind": "continuous"}}}},
    ]
    values = {**BASE, "plan": {"phases": phases}}
    plan = plan_of(values)
    second: Any = config_of(values, plan, (0,), 1, 0)
    assert (second.model.gamma, second.environment.steps) == (0.9, 500)
    third = config_of(values, plan, (1,), 2, 0)  # phase A was given up
    assert (third.model.kind, third.environment.steps) == ("sac", 500)
    tried: list[Any] = [config_of(values, plan, (), 0, attempt) for attempt in (1, 2)]
    again, slower = tried
    assert (again.seed, again.model.learning_rate) == (1000, 3e-3)
    assert (slower.seed, slower.model.learning_rate) == (2000, 1.5e-3)
    assert resolve(values).hash == resolve(BASE).hash  # no single run reads the plan
