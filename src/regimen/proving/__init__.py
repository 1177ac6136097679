"""The proving ground: agents on markets whose best policy is known, before anyone looks at real data."""

from regimen.proving.additions import ADDITIONS, Addition, with_additions
from regimen.proving.evaluation import Evaluation, Walk, evaluate, scored, walk
from regimen.proving.experiment import Arena, Demand, Experiment
from regimen.proving.experiments import EXPERIMENTS, FAST, experiments_of, installed, own_experiments, select
from regimen.proving.fits import fitted_rule, fitted_threshold, lag_law, measures
from regimen.proving.known_market import KnownMarketEnv, PlayableMarket
from regimen.proving.percent import in_percent
from regimen.proving.prove import Judged, Progress, Result, SeedResult, prove, run_seed

__all__ = [
    "ADDITIONS",
    "EXPERIMENTS",
    "FAST",
    "Addition",
    "Arena",
    "Demand",
    "Evaluation",
    "Experiment",
    "Judged",
    "KnownMarketEnv",
    "PlayableMarket",
    "Progress",
    "Result",
    "SeedResult",
    "Walk",
    "evaluate",
    "experiments_of",
    "fitted_rule",
    "fitted_threshold",
    "in_percent",
    "installed",
    "lag_law",
    "measures",
    "own_experiments",
    "prove",
    "run_seed",
    "scored",
    "select",
    "walk",
    "with_additions",
]
