"""The tensor file: same content, same bytes; whole or refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regimen.errors import RunError
from regimen.files import write_bytes
from regimen.tensorfile import read_tensors, write_tensors


def _write(path: Path) -> None:
    write_tensors(path, {"a": torch.arange(6.0).reshape(2, 3), "step": torch.tensor(7)}, {"epoch": 3, "loss": 0.1})


def test_round_trip_and_same_bytes(tmp_path: Path) -> None:
    _write(tmp_path / "one")
    _write(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    tensors, document = read_tensors(tmp_path / "one")
    assert torch.equal(tensors["a"], torch.arange(6.0).reshape(2, 3))
    assert tensors["step"].shape == ()
    assert document == {"epoch": 3, "loss": 0.1}


def test_no_temporary_file_is_left_and_a_left_one_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".one.0badc0de.tmp").write_bytes(b"half of an older file")
    _write(tmp_path / "one")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_every_damage_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "one"
    _write(path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    for content in (
        b"",
        whole[:40],
        whole[:-3],
        bytes(flipped),
        b"x" * 500,
        whole.replace(b'epoch\\": 3', b'epoch\\": 4'),
    ):
        assert content != whole
        path.write_bytes(content)
        with pytest.raises(RunError) as caught:
            read_tensors(path)
        assert "\n" not in str(caught.value)
        assert path.name in str(caught.value)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    import safetensors.torch

    safetensors.torch.save_file({"a": torch.ones(2)}, tmp_path / "one")
    with pytest.raises(RunError, match="must have been written by Regimen"):
        read_tensors(tmp_path / "one")


def test_a_missing_file_and_an_unwritable_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="must exist"):
        read_tensors(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="must be writable"):
        write_bytes(tmp_path / "file" / "inside", b"y")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one"
    _write(path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        write_bytes(path, b"new")
    assert path.read_bytes() == before


@given(position=st.integers(0, 2_000), bits=st.integers(1, 255), length=st.integers(0, 2_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_or_cut_file_is_always_one_line(tmp_path: Path, position: int, bits: int, length: int) -> None:
    path = tmp_path / "one"
    _write(path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[position % len(whole)] ^= bits
    for content in (bytes(flipped), whole[: length % len(whole)]):
        path.write_bytes(content)
        with pytest.raises(RunError) as caught:
            read_tensors(path)
        assert "\n" not in str(caught.value)
