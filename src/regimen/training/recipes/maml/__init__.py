"""Model-agnostic meta-learning: MAML, its first-order form, and ANIL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily
from regimen.training.recipes.maml.config import MamlConfig

if TYPE_CHECKING:
    from regimen.training.recipes.maml.adaptation import adapt

__all__ = ["MamlConfig", "adapt"]

__getattr__, __dir__ = lazily(__name__, {"adapt": ".adaptation"})
