"""Fixtures that every room's tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch: threads of workers that share the cores wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("any machine", deadline=None)  # a test that waited for the disk is no fault
settings.load_profile("any machine")
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
"""Whether compiled functions run as Python, so that coverage sees their lines."""


def pytest_configure(config: pytest.Config) -> None:
    """Names the tests that need the compiler; interpreted, numpy warns where compiled code follows IEEE in silence."""
    os.environ.pop("COLUMNS", None)  # tables are as wide as it says, and not every test runner leaves it alone
    config.addinivalue_line("markers", "compiled: needs the compiler or its speed; skipped under NUMBA_DISABLE_JIT=1")
    if INTERPRETED:
        config.addinivalue_line("filterwarnings", "ignore::RuntimeWarning")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Two million objects live as long as the tests: the garbage collector is not to walk them time and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips the tests that need the compiler where it is off."""
    for item in items if INTERPRETED else ():
        if "compiled" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="NUMBA_DISABLE_JIT=1"))


@pytest.fixture(scope="session", autouse=True)
def _no_wait_for_the_disk() -> Iterator[None]:
    """No test cuts the power: a process that dies leaves what it wrote to the next one, synced or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data beside the checkout; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real market data beside the checkout ({SHARED_DATA.name} is absent)")
    return SHARED_DATA


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a kill loses nothing of it, and nobody waits for a disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory, prefix="regimen-") as name:
        yield Path(name)
