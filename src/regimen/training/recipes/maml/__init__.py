"""Model-agnostic meta-learning: MAML, its first-order form, and ANIL."""

from __future__ import annotations

from regimen.training.recipes.maml.config import MamlConfig

__all__ = ["MamlConfig"]
