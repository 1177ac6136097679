"""What choosing the best of many strategies proves: the probability of overfitting, and tests that count all tries."""

from __future__ import annotations

from regimen.metrics.selection.cscv import Overfitting, pbo
from regimen.metrics.selection.superior_ability import Superiority, superiority

__all__ = ["Overfitting", "Superiority", "pbo", "superiority"]
