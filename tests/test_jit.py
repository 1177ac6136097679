"""The caches of compiled functions: read only where nobody else can have written."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from regimen.jit import is_private

SOURCE = """
from regimen.jit import jit

@jit
def twice(x):
    return 2.0 * x
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the folders of a profile are its user's")


def imported(folder: Path) -> ModuleType:
    (folder / "own.py").write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("own_for_cache", folder / "own.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("mode", "private"), [(0o700, True), (0o755, True), (0o775, False), (0o707, False), (0o1777, False)]
)
def test_private_is_what_nobody_else_writes_to(tmp_path: Path, mode: int, private: bool) -> None:
    tmp_path.chmod(mode)
    assert is_private(tmp_path) == private


def test_a_link_is_not_the_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert not is_private(tmp_path / "link")


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("source", "cache", "kept"),
    [(0o755, 0o755, True), (0o775, 0o775, True), (0o755, 0o775, False), (0o775, 0o777, False)],
)
def test_a_cache_beside_its_source_is_no_looser_than_it(tmp_path: Path, source: int, cache: int, kept: bool) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__").chmod(cache)
    tmp_path.chmod(source)
    assert imported(tmp_path).twice(1.5) == 3.0
    assert bool(list((tmp_path / "__pycache__").glob("own.twice*.nbi"))) == kept


@pytest.mark.compiled
def test_a_cache_elsewhere_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path / "elsewhere"))
    assert imported(tmp_path).twice(1.5) == 3.0
    [index] = (tmp_path / "elsewhere").rglob("*.nbi")
    index.unlink()
    index.parent.chmod(0o777)
    assert imported(tmp_path).twice(1.5) == 3.0
    assert not index.exists()
