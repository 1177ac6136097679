"""Shows the course of a run: TensorBoard by default, MLflow or Weights & Biases by one config line, and figures.

Nothing here changes a number of a run, and no tracker can stop one. A library is imported when its tracker is opened.
"""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.tracking.config import (
        MLflowConfig,
        TensorBoardConfig,
        TrackerConfig,
        TrackingConfig,
        WandbConfig,
        require_trackers,
    )
    from regimen.tracking.figures import attention_heatmap, calibration, coverage, exposure
    from regimen.tracking.opening import open_trackers, placed
    from regimen.tracking.tracker import About, Tracker, Trackers

__all__ = [
    "About",
    "MLflowConfig",
    "TensorBoardConfig",
    "Tracker",
    "TrackerConfig",
    "Trackers",
    "TrackingConfig",
    "WandbConfig",
    "attention_heatmap",
    "calibration",
    "coverage",
    "exposure",
    "open_trackers",
    "placed",
    "require_trackers",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "About": ".tracker",
        "attention_heatmap": ".figures",
        "calibration": ".figures",
        "coverage": ".figures",
        "exposure": ".figures",
        "MLflowConfig": ".config",
        "open_trackers": ".opening",
        "placed": ".opening",
        "require_trackers": ".config",
        "TensorBoardConfig": ".config",
        "Tracker": ".tracker",
        "TrackerConfig": ".config",
        "Trackers": ".tracker",
        "TrackingConfig": ".config",
        "WandbConfig": ".config",
    },
)
