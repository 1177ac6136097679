"""A finished run's policy as one graph, and what it takes to ship it."""

from __future__ import annotations

from regimen.runs.exporting.export import Exported, export_run
from regimen.runs.exporting.revival import revive

__all__ = ["Exported", "export_run", "revive"]
