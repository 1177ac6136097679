"""The judge itself judged: how often it speaks on markets without an edge, and how often on markets with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.runs.calibration.calibration import BEST_OF, JudgeCalibration, calibrate
    from regimen.runs.calibration.examined import CalibrationTask, Examined, JudgedBest, examine
    from regimen.runs.calibration.kinds import KINDS, Kind
    from regimen.runs.calibration.power import theoretical_power
    from regimen.runs.calibration.rates import Rate, Share
    from regimen.runs.calibration.strategies import Strategy, draw_strategies
    from regimen.runs.calibration.table import LEGEND, markdown, missed, tables

__all__ = [
    "BEST_OF",
    "KINDS",
    "LEGEND",
    "CalibrationTask",
    "Examined",
    "JudgeCalibration",
    "JudgedBest",
    "Kind",
    "Rate",
    "Share",
    "Strategy",
    "calibrate",
    "draw_strategies",
    "examine",
    "markdown",
    "missed",
    "tables",
    "theoretical_power",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "tables": ".table",
        "missed": ".table",
        "markdown": ".table",
        "LEGEND": ".table",
        "BEST_OF": ".calibration",
        "calibrate": ".calibration",
        "JudgeCalibration": ".calibration",
        "draw_strategies": ".strategies",
        "examine": ".examined",
        "Examined": ".examined",
        "JudgedBest": ".examined",
        "Kind": ".kinds",
        "KINDS": ".kinds",
        "CalibrationTask": ".examined",
        "Rate": ".rates",
        "Share": ".rates",
        "Strategy": ".strategies",
        "theoretical_power": ".power",
    },
)
