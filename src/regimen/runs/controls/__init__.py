"""Control experiments: a run that looks good, made again where there is nothing to find."""

from regimen.runs.controls.exhibit import show_controls
from regimen.runs.controls.experiments import Experiments

__all__ = ["Experiments", "show_controls"]
