"""Objects by their place: what is run, what is digested, what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from regimen.errors import ConfigError
from regimen.own import digest_of, load_object, source_files, source_of


def _write(folder: Path, **files: str) -> str:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return f"{folder / 'mine.py'}:VALUE"


def test_a_file_is_run_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    place = _write(tmp_path, mine="VALUE = object()\n")
    first = load_object(place, "source")
    assert load_object(place, "source") is first
    _write(tmp_path, mine="VALUE = 3\n")
    assert load_object(place, "source") == 3


def test_a_neighbour_that_has_changed_is_run_again_and_changes_the_digest(tmp_path: Path) -> None:
    place = _write(
        tmp_path, mine="from near import N\nVALUE = N\n", near="import far\nN = far.N\n", far="N = 1\n", not_it=""
    )
    assert [path.name for path in source_files(place, "source")] == ["mine.py", "far.py", "near.py"]
    before = digest_of(place, "source")
    assert load_object(place, "source") == 1
    _write(tmp_path, far="N = 2\n")
    assert digest_of(place, "source") != before
    assert load_object(place, "source") == 2
    _write(tmp_path, far="N = 1\n", not_it="changed = True\n")
    assert digest_of(place, "source") == before
    assert str(tmp_path) not in sys.path


def test_files_beside_two_files_may_have_one_name(tmp_path: Path) -> None:
    places = [_write(tmp_path / n, mine="from twin import VALUE\n", twin=f"VALUE = {n!r}\n") for n in "ab"]
    assert [load_object(place, "source") for place in places] == ["a", "b"]
    assert Path(sys.modules["twin"].__file__ or "").parent.name == "a"  # whoever imported it first still has it


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("mine.py:VALUE", "ImportError: .*, line 1.; it runs alone: import the files beside it by their names"),
        ("mine:VALUE", "can be imported .No module named 'mine'.; a file of your own is named by its path"),
        ("mine.txt:VALUE", "a file of your own is named by its path"),
        ("./mine:VALUE", "must be 'path/to/file.py:NAME' or 'package.module:NAME'"),
    ],
)
def test_what_is_no_file_alone_is_told_how_it_is_named(
    place: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, mine="from .near import VALUE\n", near="VALUE = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    with pytest.raises(ConfigError, match=line):
        load_object(place, "source")


def test_a_digest_knows_no_folder(tmp_path: Path) -> None:
    texts = {"mine": "import near\nVALUE = 1\n", "near": ""}
    assert digest_of(_write(tmp_path / "a", **texts), "source") == digest_of(_write(tmp_path / "b", **texts), "source")


def test_an_installed_package_is_known_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "rich.table:Table"
    assert source_files(place, "source") == ()
    before = digest_of(place, "source")
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.0.1")
    assert digest_of(place, "source") != before
    assert load_object(place, "source").__name__ == "Table"


def test_a_loaded_class_has_the_place_that_it_came_from(tmp_path: Path) -> None:
    place = _write(tmp_path, mine="class VALUE:\n    pass\n")
    assert source_of(load_object(place, "source"), "model", tmp_path) == place
    from rich.table import Table

    assert source_of(Table, "model", tmp_path) == "rich.table:Table"


@pytest.mark.parametrize("place", ["mine.py", "mine.py:", ":VALUE", "mine.py:a b", "mine.py:1"])
def test_a_place_has_two_parts(place: str) -> None:
    with pytest.raises(ConfigError, match=r"source: must be 'path/to/file\.py:NAME' or 'package\.module:NAME'"):
        load_object(place, "source")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("VALUE = (\n", r"must be a Python file \(mine\.py: '\(' was never closed"),
        ("x = 1\nVALUE = 1 / 0\n", r"must be a file that runs \(ZeroDivisionError: division by zero, line 2\)"),
        ("import no_such_module\n", r"must be a file that runs \(ModuleNotFoundError: .*, line 1\)"),
        ("raise SystemExit('bye')\n", r"must be a file that runs \(SystemExit: bye, line 1\)"),
        ("OTHER = 1\n", r"must name something that .*mine\.py defines; got"),
        ("class Value: pass\n", r"must name something that .*mine\.py defines \(did you mean 'Value'\?\)"),
    ],
)
def test_a_file_that_is_no_use_is_named_with_its_own_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_object(_write(tmp_path, mine=text), "model.source")


def test_what_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must name a file that exists"):
        load_object(f"{tmp_path / 'none.py'}:VALUE", "source")
    with pytest.raises(ConfigError, match="must name a module that can be imported"):
        digest_of("no_such_package.at_all:VALUE", "source")


def test_what_has_no_name_has_no_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must have a name at the top of its file or of the notebook"):
        source_of(lambda x: x, "model", tmp_path)
    with pytest.raises(ConfigError, match="must be a class or a function"):
        source_of(3, "model", tmp_path)


def test_what_was_imported_before_keeps_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imported a class trains it twice: the first time loads its file."""
    place = _write(tmp_path, imported_before="class VALUE: pass\n").replace("mine.py", "imported_before.py")
    monkeypatch.syspath_prepend(tmp_path)
    value = __import__("imported_before").VALUE
    assert source_of(value, "model", tmp_path) == place
    load_object(place, "model")
    assert source_of(value, "model", tmp_path) == place


def test_a_method_of_a_notebook_is_no_function_at_its_top(tmp_path: Path) -> None:
    def go() -> None: ...

    go.__module__, go.__qualname__ = "__main__", "Rule.go"
    with pytest.raises(ConfigError, match=r"model: must have a name at the top of its file .*; got 'Rule\.go'"):
        source_of(go, "model", tmp_path)


def test_a_library_of_models_that_is_absent_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ConfigError, match=r"pip install 'regimen\[trees\]'"):
        load_object("lightgbm:LGBMClassifier", "--model")
