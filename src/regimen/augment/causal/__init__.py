"""Causal augmentation: a structural model of bars, interventions, and the bars that follow from them."""

from __future__ import annotations

from regimen.augment.causal.config import Causal, CausalConfig
from regimen.augment.causal.structural_model import StructuralModel

__all__ = ["Causal", "CausalConfig", "StructuralModel"]
