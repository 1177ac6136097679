"""Where work is done, with the same results in the same order: in this process, in several, or on a Ray cluster."""

from regimen.work.actors import Actors
from regimen.work.compute import LOCAL, Compute
from regimen.work.lasting import LastingActor, LastingActors
from regimen.work.mapper import HERE, Listen, Local, LostWorkerError, Mapper

__all__ = [
    "HERE",
    "LOCAL",
    "Actors",
    "Compute",
    "LastingActor",
    "LastingActors",
    "Listen",
    "Local",
    "LostWorkerError",
    "Mapper",
]
