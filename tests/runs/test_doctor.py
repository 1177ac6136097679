"""The examination of an installation: what is well, what is missing, what is broken and how it is mended."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from regimen.runs import doctor
from regimen.runs.doctor import Condition, examine

METADATA = ["numpy>=2.4", "typer>=0.29", "mlflow-skinny>=3; extra == 'track'", 'wandb[media]>=0.3; extra == "track"']


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is installed, in place of the libraries of this machine."""
    versions = {"numpy": "2.4.6", "typer": "0.29.2", "mlflow-skinny": "3.17"}

    def version(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr(doctor, "requires", lambda _name: METADATA)
    monkeypatch.setenv("REGIMEN_CACHE", str(tmp_path / "cache"))
    return versions


def parts(root: Path) -> dict[str, Condition]:
    return {each.part: each for each in examine(root)}


def test_an_installation_that_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    conditions = parts(tmp_path / "runs")
    assert conditions["libraries"] == Condition("libraries", "ok", "numpy 2.4.6, typer 0.29.2")
    assert "OMP_NUM_THREADS=3" in conditions["threads"].text
    assert conditions["compiled features"].text == f"{tmp_path / 'cache' / 'scan'}, 0 MB, writable"
    assert conditions["runs"].text.startswith("none yet")
    assert not (tmp_path / "runs").exists()
    assert {each.state for part, each in conditions.items() if part != "GPU"} <= {"ok", "missing"}


def test_an_extra_that_is_not_there_is_named_with_the_line_that_installs_it(
    tmp_path: Path, installed: dict[str, str]
) -> None:
    extra = parts(tmp_path)["[track]"]
    assert (extra.state, extra.cure) == ("missing", "pip install 'regimen[track]'")
    assert extra.text.endswith(": wandb not installed")
    installed["wandb"] = "0.31"
    assert parts(tmp_path)["[track]"].state == "ok"
    assert "[rl]" not in parts(tmp_path)


def test_what_is_for_other_systems_is_not_missed_and_another_build_serves_as_well(
    tmp_path: Path, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["xgboost-cpu>=3.2; sys_platform != 'darwin' and extra == 'trees'"]
    lines += ['xgboost>=3.2; sys_platform == "darwin" and extra == "trees"']
    monkeypatch.setattr(doctor, "requires", lambda _name: [*METADATA, *lines])
    for system, name in (("linux", "xgboost-cpu"), ("darwin", "xgboost")):
        monkeypatch.setattr(doctor.sys, "platform", system)
        assert parts(tmp_path)["[trees]"].text.endswith(f": {name} not installed")
        installed["xgboost"] = "3.2"
        assert parts(tmp_path)["[trees]"].state == "ok"
        del installed["xgboost"]


def test_a_library_that_is_absent_or_does_not_load_is_broken(
    tmp_path: Path, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del installed["typer"]

    def load(name: str) -> None:
        raise ImportError(f"no {name}.so")

    monkeypatch.setattr(doctor, "import_module", load)
    broken = [each for each in examine(tmp_path) if each.state == "broken"]
    assert [(each.text, each.cure) for each in broken] == [
        ("2.4.6 cannot be imported: no numpy.so", "pip install --force-reinstall numpy"),
        ("not installed: typer", "pip install typer"),
    ]


def test_where_regimen_is_not_installed_its_libraries_are_looked_for_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def requires(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", requires)
    assert "numpy 2.4.6" in {each.text for each in examine(tmp_path)}


def test_a_cache_that_is_not_used_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache" / "scan").mkdir(parents=True)
    (tmp_path / "cache" / "scan").chmod(0o777)
    cache = parts(tmp_path)["compiled features"]
    assert cache.state == "beware"
    assert cache.cure.startswith(f"chmod 700 {tmp_path}")
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("")
    assert "cannot be used" in parts(tmp_path)["compiled features"].text
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert "not writable" in parts(tmp_path / "absent")["compiled functions"].text


def test_the_folder_of_runs_and_its_trial_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "runs"
    (root / "abcdefgh").mkdir(parents=True)
    for name in ("manifest.json", "trials.json"):
        (root / "abcdefgh" / name).write_text("{")
    conditions = parts(root)
    assert (conditions["runs"].state, conditions["runs"].text) == ("beware", f"{root}: 1 damaged")
    assert conditions["trial ledger"].state == "beware"  # there is a run that it should tell of
    assert "was missing" in conditions["trial ledger"].text
    (root / "trials.sqlite").write_text("no database")
    assert parts(root)["trial ledger"].state == "broken"
    (root / "leftover").mkdir()
    (root / "leftover" / "config.yaml").write_text("seed: 1")
    assert parts(root)["leftovers"].cure == f"regimen runs clean --remove --runs {root}"
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert parts(root)["runs"].state == "broken"
    (tmp_path / "file").write_text("")
    assert parts(tmp_path / "file")["runs"].state == "broken"
