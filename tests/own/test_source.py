"""The part of a config that names code of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from regimen.errors import ConfigError
from regimen.own import OwnSource


def test_the_digest_is_filled_in_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("VALUE = 1\n")
    own = OwnSource(source=f"{tmp_path / 'mine.py'}:VALUE")
    assert own.digest is not None
    assert OwnSource.model_validate(own.model_dump()) == own
    assert own.load("model.source") == 1
    (tmp_path / "mine.py").write_text("VALUE = 2\n")
    with pytest.raises(ConfigError, match=rf"model\.source: must be the code that .* digest {own.digest}; put it back"):
        own.load("model.source")


def test_a_config_with_a_digest_needs_no_file() -> None:
    assert OwnSource(source="nowhere.py:VALUE", digest="0" * 16).name == "VALUE"


def test_what_is_not_there_is_one_line() -> None:
    with pytest.raises(ValidationError, match=r"must name a file that exists; got 'nowhere\.py:VALUE'"):
        OwnSource(source="nowhere.py:VALUE")
    with pytest.raises(ValidationError, match="must be 'path/to/file"):
        OwnSource(source="nowhere.py")


def test_a_relative_place_is_counted_from_where_it_began(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("VALUE = 1\n")
    own = OwnSource(source="mine.py:VALUE", digest="0" * 16)
    assert own.located(tmp_path).source == f"{tmp_path}{os.sep}mine.py:VALUE"
    assert own.located(tmp_path / "none") == own


def test_what_identifies_it_has_no_folder_in_it(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text("VALUE = 1\n")
    here, there = (OwnSource(source=f"{tmp_path / folder / 'mine.py'}:VALUE") for folder in ("here", "there"))
    assert here.model_dump() != there.model_dump()
    assert here.model_dump(by_alias=True) == there.model_dump(by_alias=True)
    assert here.model_dump(by_alias=True)["source"] == "mine.py:VALUE"
    package = OwnSource(source="json.decoder:JSONDecoder")
    assert package.model_dump(by_alias=True) == package.model_dump()


def test_its_files_are_copied_for_the_record(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from beside import VALUE\n")
    (tmp_path / "beside.py").write_text("VALUE = 1\n")
    OwnSource(source=f"{tmp_path / 'mine.py'}:VALUE").copy_to(tmp_path / "copy", "model.source")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["beside.py", "mine.py"]
