"""One bundle of a small run, copied for each test that changes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.bundles import exported

from regimen.runs import Exported


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A bundle that no test changes."""
    return exported(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def folder(small: Exported, tmp_path: Path) -> Path:
    """A copy of the bundle."""
    return Path(shutil.copytree(small.folder, tmp_path / "bundle"))
