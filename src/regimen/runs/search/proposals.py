"""Who proposes the values of a trial: Optuna's samplers, seeded anew for every value, and a grid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regimen.runs.search.settings import SearchConfig
from regimen.runs.search.space import Domain, Settings, Space
from regimen.seeding import generator

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler


def settings_of(params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> Settings:
    """Returns what Optuna has of a trial as plain values."""
    from optuna.distributions import CategoricalDistribution

    return {
        name: json.loads(value) if isinstance(distributions[name], CategoricalDistribution) else value
        for name, value in params.items()
    }


def propose(study: optuna.Study, trial: optuna.Trial, number: int, space: Space, search: SearchConfig) -> Settings:
    """Proposes the values of a trial that it does not have yet.

    The sampler is made anew for every value, of a seed of the trial's number and the parameter's name: so a process
    that was killed, at whatever value, goes on to the very trials that it would have had.

    Args:
        study: with all that is known of trials before.
        trial: just begun, or one whose process was killed while it was proposed.
        number: its place among the trials of the search.
        space: of the search.
        search: who proposes, and the seed.
    """
    points = space.grid()[number] if search.sampler == "grid" else {}

    def choose(name: str, domain: Domain) -> Any:
        seed = int(generator(search.seed, "trial", number, name).integers(2**32))
        if name in points:
            study.sampler = _point(points[name] if domain.choices is None else _written(points[name]))
        else:
            study.sampler = _sampler(search, seed)
        if domain.choices is not None:
            return json.loads(trial.suggest_categorical(name, [_written(choice) for choice in domain.choices]))
        if domain.integer:
            return trial.suggest_int(name, int(domain.low), int(domain.high), log=domain.log)
        return trial.suggest_float(name, domain.low, domain.high, log=domain.log)

    return space.drawn(choose)


def _written(choice: Any) -> str:
    """A choice as Optuna keeps it, which knows single values only."""
    return json.dumps(choice, sort_keys=True)


def _sampler(search: SearchConfig, seed: int) -> BaseSampler:
    from optuna.samplers import RandomSampler, TPESampler

    if search.sampler == "tpe":
        return TPESampler(seed=seed, multivariate=False, constant_liar=True)
    return RandomSampler(seed=seed)


def _point(value: Any) -> BaseSampler:
    """A sampler that knows one value, that of a grid: Optuna's own knows no conditional spaces."""
    from optuna.samplers import BaseSampler

    class Point(BaseSampler):
        def infer_relative_search_space(self, *_: Any, **__: Any) -> dict[str, BaseDistribution]:
            return {}

        def sample_relative(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, *_: Any, **__: Any) -> Any:
            return value

    return Point()
