"""Seeds of experiments are run, one after the other or in processes of their own, and judged by their demands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from regimen.agents import OwnAgentConfig
from regimen.envs import wrapped
from regimen.errors import ConfigError
from regimen.learning import Agent, Iteration
from regimen.metrics import Interval, iqm_interval
from regimen.proving.evaluation import walk
from regimen.proving.experiment import MODES, Demand, Experiment, Mode
from regimen.proving.fits import measures
from regimen.proving.known_market import KnownMarketEnv
from regimen.seeding import generator
from regimen.work import HERE, Mapper

Progress = Callable[[Experiment, int, Iteration], None]
"""Called with experiment, seed and iteration, now and then."""


@dataclass(frozen=True)
class SeedResult:
    """One seed of an experiment.

    Attributes:
        measures: by mode, then by name; see `fits.measures`.
        steps: environment steps that the agent learned from.
        seconds: wall time of `learn`.
    """

    seed: int
    measures: dict[Mode, dict[str, float]]
    steps: int
    seconds: float


@dataclass(frozen=True)
class Judged:
    """A demand, and what it found in one mode.

    Attributes:
        demand: the bound.
        mode: of evaluation.
        value: the statistic over the seeds.
        met: whether it lies within the bound.
    """

    demand: Demand
    mode: Mode
    value: float
    met: bool


@dataclass(frozen=True)
class Result:
    """All seeds of an experiment."""

    experiment: Experiment
    runs: tuple[SeedResult, ...]

    def values(self, mode: Mode, measure: str) -> list[float]:
        """Returns a measure of every seed."""
        return [run.measures[mode][measure] for run in self.runs]

    def interval(self, mode: Mode, measure: str) -> Interval:
        """Returns the IQM over the seeds with its 95 % bootstrap interval."""
        return iqm_interval(np.array(self.values(mode, measure)))

    def judged(self) -> tuple[Judged, ...]:
        """Returns every demand in every mode where it is made."""
        verdicts = []
        for demand in self.experiment.arena.demands:
            for mode in demand.modes:
                value = self._statistic(demand, mode)
                verdicts.append(Judged(demand, mode, value, demand.margin(value) >= 0.0))
        return tuple(verdicts)

    @property
    def met(self) -> bool:
        """Whether every demand is met."""
        return all(each.met for each in self.judged())

    def _statistic(self, demand: Demand, mode: Mode) -> float:
        if demand.statistic == "iqm":
            return self.interval(mode, demand.measure).estimate
        return min(self.values(mode, demand.measure), key=demand.margin)


def run_seed(experiment: Experiment, seed: int, progress: Progress | None = None) -> SeedResult:
    """Trains an agent on a path of its own, and lets it walk fresh paths, the same for every seed, in both modes."""
    arena = experiment.arena
    path = arena.market.simulate(experiment.bars, int(generator(seed, "prove", "path").integers(2**62)))
    env = KnownMarketEnv(
        arena.market,
        path,
        experiment.lanes,
        levels=arena.levels,
        reach=arena.reach,
        episode_length=experiment.episode_length,
        show_position=experiment.arena.show_position,
    )
    agent = _agent(experiment, env, seed)
    report = None if progress is None else lambda iteration: progress(experiment, seed, iteration)
    history = agent.learn(wrapped(env, experiment.wrappers), experiment.steps, report)
    numbers = {
        mode: measures(
            walk(
                agent,
                arena.market,
                0,
                deterministic=mode == "deterministic",
                levels=arena.levels,
                paths=experiment.walks,
                bars=experiment.walk_bars,
                show_position=experiment.arena.show_position,
            )
        )
        for mode in MODES
    }
    return SeedResult(seed, numbers, history[-1].steps, sum(iteration.seconds for iteration in history))


def _agent(experiment: Experiment, env: KnownMarketEnv, seed: int) -> Agent:
    try:
        return experiment.agent.build(env, seed)
    except ConfigError as error:
        if not isinstance(experiment.agent, OwnAgentConfig):
            raise
        levels = experiment.arena.levels
        actions = "are numbers: spec.choices is None" if levels is None else f"are {len(levels)} choices"
        raise error.adding(f"; on {experiment.arena.name} actions {actions}; --market chooses others") from error


def prove(
    experiments: Sequence[Experiment], seeds: int = 10, progress: Progress | None = None, mapper: Mapper = HERE
) -> list[Result]:
    """Runs every seed of every experiment; the numbers do not depend on the mapper, the seconds do.

    Args:
        experiments: usually `EXPERIMENTS` or a part of it.
        seeds: 0 to seeds − 1 of each.
        progress: called after iterations of the runs that are under way.
        mapper: where the seeds are run.

    Raises:
        ConfigError: no seeds.
        RunError: an agent that diverged.
    """
    if seeds < 1:
        raise ConfigError("seeds", "must be at least 1", seeds)
    tasks = [(experiment, seed) for experiment in experiments for seed in range(seeds)]

    def listen(number: int, iteration: Iteration) -> None:
        if progress is not None:
            progress(*tasks[number], iteration)

    runs = list(mapper.map(run_task, tasks, listen))
    return [
        Result(experiment, tuple(runs[number * seeds : (number + 1) * seeds]))
        for number, experiment in enumerate(experiments)
    ]


def run_task(task: tuple[Experiment, int], report: Callable[[Iteration], None]) -> SeedResult:
    """Runs one seed of an experiment, in a worker or here."""
    return run_seed(*task, lambda _experiment, _seed, iteration: report(iteration))
