"""Control experiments: a run that looks good, made again where there is nothing to find."""

from regimen.runs.controls.exhibit import show_controls
from regimen.runs.controls.experiments import Experiments, of_the_run

__all__ = ["Experiments", "of_the_run", "show_controls"]
