"""Where work is done, with the same results in the same order: in this process, in several, or on a Ray cluster."""

from regimen.work.actors import Actors
from regimen.work.compute import LOCAL, Compute
from regimen.work.mapper import HERE, Listen, Local, Mapper

__all__ = ["HERE", "LOCAL", "Actors", "Compute", "Listen", "Local", "Mapper"]
