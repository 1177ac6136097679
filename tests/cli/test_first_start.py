"""What a bundle needs is compiled once on a machine, by a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from regimen.cli.production import first_start


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a bundle, and a cache that nobody has used."""
    monkeypatch.setenv("REGIMEN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


def test_another_process_compiles_once_for_each_bundle(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    assert [first_start.compile_beforehand(bundle) for _ in range(3)] == [True, False, False]
    (bundle / "manifest.json").write_text("{ }")
    assert first_start.compile_beforehand(bundle)
    assert [command[-1] for command in commands] == [str(bundle)] * 2


def test_what_does_not_end_well_is_tried_again(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> Any:
        raise subprocess.CalledProcessError(1, "python")

    monkeypatch.setattr(subprocess, "run", fails)
    assert [first_start.compile_beforehand(bundle) for _ in range(2)] == [False, False]
    assert not first_start.compile_beforehand(bundle / "nowhere")
