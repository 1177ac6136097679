"""A stage is over when many episodes have shown it, or when its time is up; the last is the market as it is."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from regimen.envs import Gate, MarketCurriculumConfig


def curriculum(**fields: Any) -> MarketCurriculumConfig:
    return MarketCurriculumConfig.model_validate({"kind": "curriculum", **fields})


def test_luck_opens_the_gate_in_one_look_of_forty_at_most() -> None:
    """Whoever succeeds exactly as often as asked goes on in 2.5 % of looks, by the binomial law."""
    opens = []
    for successes in range(201):
        gate = Gate(curriculum(success=0.6, episodes=200))
        gate.record(successes, 200)
        opens.append(gate.stage == 1)
    least = opens.index(True)
    assert opens == [k >= least for k in range(201)]
    chance = sum(math.comb(200, k) * 0.6**k * 0.4 ** (200 - k) for k in range(least, 201))
    assert 0.01 < chance < 0.027
    sure = sum(math.comb(200, k) * 0.75**k * 0.25 ** (200 - k) for k in range(least, 201))
    assert sure > 0.98


def test_every_stage_has_its_time_and_the_last_one_stays() -> None:
    gate = Gate(curriculum(steps=1000))
    stages = []
    for _ in range(12):
        gate.pass_time(100)
        stages.append(gate.stage)
    assert stages == [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4]
    gate.record(200, 200)
    assert gate.stage == 4
    other = Gate(curriculum(steps=1000))
    other.restore(gate.state())
    assert (other.stage, other.state().tolist()) == (4, [4.0, 1200.0])


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"stages": [{"bars": "own"}]}, "stages must be at least two; got 1"),
        (
            {"stages": [{"bars": "own", "noise": 0.5}, {"bars": "own", "name": "hard", "commission": 1.5}]},
            "stages must end at the market as it is, own bars with all shares 1; got 'hard'",
        ),
        ({"success": 1.0}, "less than 1"),
        ({"success": 0.0}, "greater than 0"),
    ],
)
def test_what_is_no_curriculum_is_refused(fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        curriculum(**fields)
