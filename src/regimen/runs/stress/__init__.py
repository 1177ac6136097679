"""How a finished run bears what is bad for it: attacks on its inputs, turbulent regimes, the crises that it traded."""

from __future__ import annotations

from regimen.runs.stress.measure import CERTIFIED, DRAWS, EPSILONS, FILE, ROWS, SIGMA, stress_of
from regimen.runs.stress.result import Attacked, Certified, ImaginedCrisis, Spell, Stress

__all__ = [
    "CERTIFIED",
    "DRAWS",
    "EPSILONS",
    "FILE",
    "ROWS",
    "SIGMA",
    "Attacked",
    "Certified",
    "ImaginedCrisis",
    "Spell",
    "Stress",
    "stress_of",
]
