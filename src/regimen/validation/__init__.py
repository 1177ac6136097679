"""The judge: controls, intervals, deflation by every trial, and a verdict in one plain sentence."""

from regimen.validation.alarms import Alarm
from regimen.validation.behaviour import Behaviour
from regimen.validation.evidence import Evidence
from regimen.validation.judge import Judgement, judge
from regimen.validation.measures import Row
from regimen.validation.periods import PeriodRow, by_period, calendar_edges
from regimen.validation.random_timing import Draws
from regimen.validation.trials import Trials
from regimen.validation.verdict import Rule, Verdict, decide

__all__ = [
    "Alarm",
    "Behaviour",
    "Draws",
    "Evidence",
    "Judgement",
    "PeriodRow",
    "Row",
    "Rule",
    "Trials",
    "Verdict",
    "by_period",
    "calendar_edges",
    "decide",
    "judge",
]
