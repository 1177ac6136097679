"""Retraining that must prove itself: challengers beside a champion, on the bars that come, and a judge between them."""

from regimen.runs.retraining.machine import Duel, Hands, RetrainEvent, RetrainRules, unfold
from regimen.runs.retraining.result import Happened, Retrained
from regimen.runs.retraining.retraining import retrain_feed, retrain_run
from regimen.runs.retraining.settings import RetrainSettings
from regimen.runs.retraining.watching import CardSighting, watch_feed, watch_run

__all__ = [
    "CardSighting",
    "Duel",
    "Hands",
    "Happened",
    "RetrainEvent",
    "RetrainRules",
    "RetrainSettings",
    "Retrained",
    "retrain_feed",
    "retrain_run",
    "unfold",
    "watch_feed",
    "watch_run",
]
