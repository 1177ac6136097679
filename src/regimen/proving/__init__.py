"""The proving ground: agents on markets whose best policy is known, before anyone looks at real data."""

from regimen.proving.evaluation import Evaluation, Walk, evaluate, scored, walk
from regimen.proving.experiment import Arena, Demand, Experiment
from regimen.proving.experiments import EXPERIMENTS, FAST, installed, select
from regimen.proving.fits import fitted_rule, fitted_threshold, lag_law, measures
from regimen.proving.known_market import KnownMarketEnv, PlayableMarket
from regimen.proving.percent import in_percent
from regimen.proving.prove import Judged, Progress, Result, SeedResult, prove, run_seed

__all__ = [
    "EXPERIMENTS",
    "FAST",
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
    "fitted_rule",
    "fitted_threshold",
    "in_percent",
    "installed",
    "lag_law",
    "measures",
    "prove",
    "run_seed",
    "scored",
    "select",
    "walk",
]
