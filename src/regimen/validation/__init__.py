"""The judge: controls, intervals, deflation by every trial, and a verdict in one plain sentence."""

from regimen.validation.acting import Acting, Information, Modes
from regimen.validation.alarms import COLLAPSE, Alarm
from regimen.validation.behaviour import Behaviour
from regimen.validation.constants import Constant
from regimen.validation.evidence import Evidence
from regimen.validation.growth import Difference
from regimen.validation.judge import judge
from regimen.validation.judgement import Judgement
from regimen.validation.measures import Row
from regimen.validation.periods import PeriodRow, by_period, calendar_edges
from regimen.validation.random_timing import Draws
from regimen.validation.seeds import SeedRow, SeedSummary, judge_seeds, seed_summary
from regimen.validation.timing import Timing, timing_sharpe
from regimen.validation.trials import Trials
from regimen.validation.verdict import Rule, Verdict, decide

__all__ = [
    "COLLAPSE",
    "Acting",
    "Alarm",
    "Behaviour",
    "Constant",
    "Difference",
    "Draws",
    "Evidence",
    "Information",
    "Judgement",
    "Modes",
    "PeriodRow",
    "Row",
    "Rule",
    "SeedRow",
    "SeedSummary",
    "Timing",
    "Trials",
    "Verdict",
    "by_period",
    "calendar_edges",
    "decide",
    "judge",
    "judge_seeds",
    "seed_summary",
    "timing_sharpe",
]
