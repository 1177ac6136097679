"""Where the journals of the tests stand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.journal.server import Server, Unavailable


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a kill loses nothing of it, and nobody waits for a disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory, prefix="regimen-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server; what needs one is skipped where there is none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (pip install 'regimen[postgres]')")
    try:
        running = Server()
    except Unavailable as error:
        pytest.skip(str(error))
    yield running
    running.remove()
