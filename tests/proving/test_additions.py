"""`AGENT+METHOD`: which experiments it means, and what is refused."""

from __future__ import annotations

import pytest

from regimen.errors import ConfigError
from regimen.learning import ICMConfig, RNDConfig
from regimen.proving import EXPERIMENTS, experiments_of


def test_a_method_is_added_to_every_experiment_of_an_agent() -> None:
    plain, curious = experiments_of(["sac"]), experiments_of(["sac+icm"])
    assert [each.arena for each in curious] == [each.arena for each in plain]
    for before, after in zip(plain, curious, strict=True):
        assert after.name == "sac+icm"
        assert after.agent == before.agent.model_copy(update={"bonus": ICMConfig()})
    both = experiments_of(["ppo+rnd", "analytic"], ["ou"])
    assert {str(each) for each in both} == {"ppo+rnd on ou", "analytic on ou"}
    assert isinstance(next(each for each in both if each.name == "ppo+rnd").agent.bonus, RNDConfig)  # type: ignore[attr-defined]
    assert experiments_of() == EXPERIMENTS
    for experiment in experiments_of(["ppo+shaped"]):
        assert [each.gamma for each in experiment.wrappers] == [experiment.agent.gamma]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("pop+icm", r"agent: must begin with one of ppo, .*; got 'pop\+icm'"),
        ("sac+luck", r"agent: must add one of icm, .*; got 'sac\+luck'"),
        ("cql+icm", r"agent: must be an agent that icm can be added to; got 'cql\+icm'"),
        ("analytic+shaped", r"agent: must be an agent that shaped can be added to; got 'analytic\+shaped'"),
    ],
)
def test_other_names_are_refused(name: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        experiments_of([name])
