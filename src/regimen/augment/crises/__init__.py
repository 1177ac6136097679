"""Crises: what they were like, what happens to prices in them, and bars that have them."""

from __future__ import annotations

from regimen.augment.crises.config import Crises, CrisisConfig
from regimen.augment.crises.scenarios import Scenario, scenarios
from regimen.augment.crises.templates import TEMPLATES, Template, TemplateName

__all__ = ["TEMPLATES", "Crises", "CrisisConfig", "Scenario", "Template", "TemplateName", "scenarios"]
