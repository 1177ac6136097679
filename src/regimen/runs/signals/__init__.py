"""What a finished run holds now, and why."""

from regimen.runs.signals.signal import Holding, Signal, signal_of

__all__ = ["Holding", "Signal", "signal_of"]
