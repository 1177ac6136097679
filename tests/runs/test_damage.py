"""A damaged run is one line that names the file, whatever the damage and the command, and hides no other run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from regimen.cli.app import main
from regimen.records import RunDirectory, list_runs, load_config
from regimen.runs import start

from .conftest import YAML, silent, simulated

SHORT = ("splits.test=300", "training.epochs=1", "tracking=none")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def deleted(path: Path) -> None:
    path.unlink()


def reshaped(path: Path) -> None:
    """Valid JSON (and so valid YAML) of another shape: every list and mapping of it is empty."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({key: type(value)() for key, value in values.items()}))
    except (ValueError, AttributeError, TypeError):
        path.write_text("[[1], {}]")


DAMAGES: tuple[Callable[[Path], None], ...] = (flipped, truncated, emptied, deleted, reshaped)
READ_BY = {
    "report": ("config.yaml", "manifest.json", "data.json", "judgement.json", "ledger/", "history.json"),
    "runs show": ("manifest.json", "judgement.json"),
    "runs compare": ("config.yaml", "manifest.json", "data.json", "judgement.json", "fit.json"),
    "backtest": ("config.yaml", "manifest.json", "data.json", "scaler.json", "model/"),
    "reproduce": ("config.yaml", "manifest.json", "data.json", "judgement.json", "ledger/", "windows/"),
}
"""What each command reads of a finished run."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two runs: one finished, one interrupted in its second window."""
    home = tmp_path_factory.mktemp("whole")
    simulated().to_parquet(home / "coin.parquet")
    (home / "small.yaml").write_text(YAML.format(path=home / "coin.parquet"))
    config = load_config(home / "small.yaml", SHORT)
    start(config, home / "runs", silent)

    def stop(_done: int, _total: int, message: str) -> None:
        if message.startswith("window 2/2 · "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(config, home / "runs", stop)
    return home / "runs"


@pytest.fixture
def runs(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "runs"))


def one(runs: Path, status: str) -> RunDirectory:
    (found,) = (row["run"] for row in list_runs(runs) if row["status"] == status)
    return RunDirectory.open(runs / found)


def files_of(run: RunDirectory) -> list[str]:
    found = (path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file())
    return sorted(name for name in found if name != "report.html" and "checkpoint" not in name)


def said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Runs a command; returns its exit code and its complaint, without the lines of progress."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
    assert len(lines) <= 1, lines
    return int(stop.value.code or 0), "".join(lines)


def require_one_line(capsys: pytest.CaptureFixture[str], run: RunDirectory, command: str, name: str) -> None:
    code, line = said(capsys, *command.split(), run.path)
    assert (code, line[:12]) == (2, "error: run: "), (command, name, line)
    assert Path(name).name in line, (command, name, line)


@pytest.mark.parametrize(
    "damage", [pytest.param(each, marks=() if each is flipped else pytest.mark.slow) for each in DAMAGES]
)
def test_every_damage_to_a_finished_run_is_named_by_each_command_that_reads_it(
    runs: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    run = one(runs, "finished")
    names = files_of(run)
    assert len(names) >= 25
    for name in names:
        path = run.path / name
        before = path.read_bytes()
        damage(path)
        for command, read in READ_BY.items():
            if any(part in name for part in read):
                require_one_line(capsys, run, command, name)
        path.write_bytes(before)
    assert said(capsys, "runs", "show", run.path)[0] == 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_to_an_interrupted_run_is_named_by_resume(
    runs: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    run = one(runs, "interrupted")
    names = [name for name in files_of(run) if "windows/001" not in name]
    if damage.__name__ == "deleted":  # what tells of the trials is only read where the ledger is lost, and made again
        names = [name for name in names if name not in ("trials.json", "series.sketch")]
    assert {"config.yaml", "manifest.json", "data.json", "windows/000/exposures.npy"} <= set(names)
    for name in names:
        path = run.path / name
        before = path.read_bytes()
        damage(path)
        require_one_line(capsys, run, "resume", name)
        path.write_bytes(before)
    assert said(capsys, "resume", run.path)[0] == 0


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["manifest.json", "judgement.json"])
def test_a_damaged_run_is_marked_and_hides_no_other(
    runs: Path, damage: Callable[[Path], None], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = one(runs, "finished")
    damage(run.path / name)
    if (damage, name) == (deleted, "manifest.json"):  # a folder without one is no run
        assert [row["status"] for row in list_runs(runs)] == ["interrupted"]
        return
    assert sorted(row["status"] for row in list_runs(runs)) == ["damaged", "interrupted"]
    assert said(capsys, "runs", "list", "--runs", runs) == (0, "")


def test_an_edited_config_is_refused_and_its_fields_named(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for status, command in (("interrupted", "resume"), ("finished", "reproduce"), ("finished", "backtest")):
        run = one(runs, status)
        path = run.path / "config.yaml"
        before = path.read_text()
        path.write_text(before.replace("epochs: 1", "epochs: 2").replace("horizon: 4", "horizon: 5"))
        code, line = said(capsys, command, run.path)
        assert code == 2
        assert "labels.horizon was 4 and is 5; training.epochs was 1 and is 2" in line
        path.write_text("# a remark changes nothing\n" + before)
        assert run.config() == load_config(path)
        path.write_text(before)


def test_a_config_that_lacks_a_section_says_so(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An early run: its config has no such section, and its manifest no config to compare with."""
    from regimen.records.manifest import write_manifest

    run = one(runs, "finished")
    write_manifest(run.path, {**run.manifest(), "config": None})
    text = (run.path / "config.yaml").read_text()
    start, stop = text.index("judge:"), text.index("tracking:")
    (run.path / "config.yaml").write_text((text[:start] + text[stop:]).replace("  latency_bars: 1\n", ""))
    assert run.config().judge.bootstrap_draws == 2000
    assert "whose config had no market.latency_bars, judge; read with the defaults of this version" in caplog.text
    (run.path / "config.yaml").write_text(text + "prophecy: {kind: delphi}\n")
    from regimen.errors import RunError

    with pytest.raises(RunError, match=r"that this version cannot read: prophecy is not a known key"):
        run.config()
