"""What a run's report shows of a model that forecasts quantiles and weighs its inputs."""

from regimen.runs.families.quantiles.exhibit import show_quantiles
from regimen.runs.families.quantiles.saved import rows_of_test, saved_classifier
from regimen.runs.families.quantiles.scores import Forecasted, HorizonScore, forecasted, horizon_score
from regimen.runs.families.quantiles.selection import show_selection

__all__ = [
    "Forecasted",
    "HorizonScore",
    "forecasted",
    "horizon_score",
    "rows_of_test",
    "saved_classifier",
    "show_quantiles",
    "show_selection",
]
