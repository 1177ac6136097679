"""Where the journals of the tests stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journal.server import Server, Unavailable


@pytest.fixture
def folder(in_memory: Path) -> Path:
    """Where nobody waits for a disk."""
    return in_memory


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
