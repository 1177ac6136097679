"""Windows and seeds of a run, fitted by workers."""

from regimen.runs.workers.windows import deciding

__all__ = ["deciding"]
