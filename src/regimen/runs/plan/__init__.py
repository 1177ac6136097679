"""A plan: phases in order, each a change of the run's config, each with gates that it must pass."""

from __future__ import annotations

from regimen.runs.plan.config import PlanConfig
from regimen.runs.plan.gates import Gate, Measured, passes
from regimen.runs.plan.machine import Place, PlanRules, advanced
from regimen.runs.plan.running import FOLDER_FILE, Planned, is_plan, resume_plan, start_plan

__all__ = [
    "FOLDER_FILE",
    "Gate",
    "Measured",
    "Place",
    "PlanConfig",
    "PlanRules",
    "Planned",
    "advanced",
    "is_plan",
    "passes",
    "resume_plan",
    "start_plan",
]
