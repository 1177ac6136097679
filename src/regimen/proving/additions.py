"""`AGENT+METHOD`: agents of the table with methods added, on the same markets and held to the same demands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from regimen.envs import LearnedPotentialConfig, ShapedConfig
from regimen.errors import ConfigError
from regimen.learning import BonusConfig, ICMConfig, RNDConfig
from regimen.proving.experiment import Experiment

Addition = Callable[[Experiment], Experiment | None]
"""Returns an experiment with a method added to it, or None where its agent does not go with the method."""


def paid_for_novelty(bonus: BonusConfig) -> Addition:
    """Returns what gives agents that have a ``bonus`` this one."""

    def add(experiment: Experiment) -> Experiment | None:
        agent = experiment.agent
        if "bonus" not in type(agent).model_fields:
            return None
        return replace(experiment, agent=agent.model_copy(update={"bonus": bonus}))

    return add


def shaped_by(potential: LearnedPotentialConfig) -> Addition:
    """Returns what shapes the rewards of agents that learn as they go, with their own discount ``gamma``."""

    def add(experiment: Experiment) -> Experiment | None:
        fields = type(experiment.agent).model_fields
        if "gamma" not in fields or "dataset" in fields:
            return None
        shaping = ShapedConfig(gamma=experiment.agent.gamma, learned=potential)  # type: ignore[attr-defined]
        return replace(experiment, wrappers=(*experiment.wrappers, shaping))

    return add


ADDITIONS: Mapping[str, Addition] = {
    "icm": paid_for_novelty(ICMConfig()),
    "rnd": paid_for_novelty(RNDConfig()),
    "shaped": shaped_by(LearnedPotentialConfig()),
}
"""By what follows the ``+``. A new method is one line here."""


def with_additions(experiments: Sequence[Experiment], name: str) -> tuple[Experiment, ...]:
    """Returns the experiments of an agent with methods added, under the whole name.

    Args:
        experiments: to choose from.
        name: ``sac+icm``: a name of the table, then names of `ADDITIONS`.

    Raises:
        ConfigError: no such method, or one that the agent does not go with.
    """
    agent, *methods = name.split("+")
    own = [each for each in experiments if each.name == agent]
    if not own:
        known = ", ".join(dict.fromkeys(each.name for each in experiments))
        raise ConfigError("agent", f"must begin with one of {known}", name)
    for method in methods:
        if method not in ADDITIONS:
            raise ConfigError("agent", f"must add one of {', '.join(ADDITIONS)}", name)
        added = [ADDITIONS[method](each) for each in own]
        own = [each for each in added if each is not None]
        if not own:
            raise ConfigError("agent", f"must be an agent that {method} can be added to", name)
    return tuple(replace(each, name=name) for each in own)
