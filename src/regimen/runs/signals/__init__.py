"""What a finished run holds now, and why."""

from regimen.runs.signals.forecast import Ahead
from regimen.runs.signals.signal import Holding, Signal, signal_of

__all__ = ["Ahead", "Holding", "Signal", "signal_of"]
