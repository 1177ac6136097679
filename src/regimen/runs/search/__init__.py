"""A search of a config's space: trials inside the training span, counted before they run, the best of them judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.runs.search.file import read_search
    from regimen.runs.search.search import TRIALS, tune
    from regimen.runs.search.settings import HyperbandConfig, Parameter, SearchConfig

__all__ = ["TRIALS", "HyperbandConfig", "Parameter", "SearchConfig", "read_search", "tune"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "HyperbandConfig": ".settings",
        "Parameter": ".settings",
        "SearchConfig": ".settings",
        "TRIALS": ".search",
        "read_search": ".file",
        "tune": ".search",
    },
)
