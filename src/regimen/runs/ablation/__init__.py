"""Each method of a config out, and alone: what is trained, what is measured, what each method is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.runs.ablation.ablation import SEEDS, ablate, ablate_arms
    from regimen.runs.ablation.arms import PlannedArm, plan, run_of
    from regimen.runs.ablation.measures import MEASURES, Measure, measured
    from regimen.runs.ablation.methods import Method, methods_of, with_methods
    from regimen.runs.ablation.scored import Scored

__all__ = [
    "MEASURES",
    "SEEDS",
    "Measure",
    "Method",
    "PlannedArm",
    "Scored",
    "ablate",
    "ablate_arms",
    "measured",
    "methods_of",
    "plan",
    "run_of",
    "with_methods",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "MEASURES": ".measures",
        "Measure": ".measures",
        "Method": ".methods",
        "PlannedArm": ".arms",
        "SEEDS": ".ablation",
        "Scored": ".scored",
        "ablate": ".ablation",
        "ablate_arms": ".ablation",
        "measured": ".measures",
        "methods_of": ".methods",
        "plan": ".arms",
        "run_of": ".arms",
        "with_methods": ".methods",
    },
)
