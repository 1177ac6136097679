"""Actors that are killed at any moment answer as if they had not been."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from regimen.errors import RunError
from regimen.work import Compute, LastingActors

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")


class Counter:
    """Adds up what it is told, and dies once for each file that is not there yet."""

    def __init__(self, folder: Path, k: int) -> None:
        self.folder, self.k, self.total = folder, k, 0

    def __call__(self, message: int) -> int:
        place = self.folder / f"{self.k}-{message}"
        if message < 0 or (message % 3 == self.k and not place.exists()):
            place.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.total += message
        return self.total

    def state(self) -> dict[str, int]:
        return {"total": self.total}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.total = state["total"]


def test_answers_do_not_depend_on_who_was_killed(tmp_path: Path) -> None:
    """Three actors in two processes, two messages ahead: who dies takes a neighbour along."""
    with LastingActors(partial(Counter, tmp_path), 3, Compute("processes", 2)) as actors:
        actors.restore([{"total": 100}, {"total": 0}, {"total": 0}])
        for k in range(3):
            actors.send(k, 1)
        answers = []
        for number in range(2, 6):
            for k in range(3):
                actors.send(k, number)
            answers.append([actors.recv(k) for k in range(3)])
        assert answers == [[101, 1, 1], [103, 3, 3], [106, 6, 6], [110, 10, 10]]
        assert actors.states == [{"total": 110}, {"total": 10}, {"total": 10}]
        assert len(list(tmp_path.iterdir())) == 5
        assert [actors.recv(k) for k in range(3)] == [115, 15, 15]


def test_one_that_dies_of_its_message_is_an_error(tmp_path: Path) -> None:
    with LastingActors(partial(Counter, tmp_path), 1, Compute("processes", 1)) as actors:
        actors.send(0, -1)
        with pytest.raises(RunError, match="compute: must let its actors live"):
            actors.recv(0)
