"""Stress of whole runs: nothing is a trial, the same again, kept and shown; what has nothing to attack says so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.runs.conftest import YAML, silent, simulated

from regimen.errors import ConfigError, RunError
from regimen.records import RunDirectory, load_config, read_json, write_report
from regimen.runs import start, stress_of

QUICK: dict[str, Any] = {"rows": 90, "certified": 12, "epsilons": (0.3, 0.05), "draws": 0}


def _run(folder: Path, *overrides: str, without: tuple[str, ...] = ()) -> RunDirectory:
    simulated().to_parquet(folder / "coin.parquet")
    lines = YAML.format(path=folder / "coin.parquet").splitlines()
    (folder / "small.yaml").write_text("\n".join(line for line in lines if not line.startswith(without)))
    return start(load_config(folder / "small.yaml", (*overrides, "tracking=none")), folder / "runs", silent)[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A finished run on a random walk, of a net that was trained under attack."""
    return _run(
        tmp_path_factory.mktemp("stress"),
        "training.recipes=[{kind: pgd, steps: 2, groups: {indicators: 0.3}}]",
        "training.learning_rate=0.02",
    )


def test_it_is_kept_is_no_trial_and_is_the_same_again(made: RunDirectory) -> None:
    trials = made.trials.rows()
    stress = stress_of(made, silent, **QUICK)
    path = made.path / "stress.json"
    written = path.read_bytes()
    assert stress_of(made, silent, **QUICK) == stress
    assert path.read_bytes() == written
    assert made.trials.rows() == trials
    assert stress.epsilons == (0.05, 0.3)
    assert [each.name for each in stress.attacks] == ["FGSM", "PGD", "APGD-CE", "APGD-DLR", "Square", "all"]
    for each in stress.attacks:
        assert stress.clean >= each.accuracy[0] >= each.accuracy[1]
        assert stress.attacks[-1].accuracy <= each.accuracy
    assert stress.rows == 90
    assert stress.certified is not None
    assert stress.certified.rows == 12
    assert list(stress.certified.accuracy) == sorted(stress.certified.accuracy, reverse=True)
    assert stress.certified.radii[-1] < 2.463 * stress.certified.sigma  # which 1,000 samples can reach
    assert sum(spell.pnl for spell in stress.regimes) == pytest.approx(stress.total_return, abs=1e-9)
    assert stress.episodes == ()  # 2021
    assert list(stress.to_frame().columns) == [0.05, 0.3]
    assert "<svg" in stress.plot().svg
    assert "certified" not in stress.sentence


def test_the_report_shows_it_and_says_what_it_is_not(made: RunDirectory) -> None:
    stress_of(made, silent, **QUICK, shares={"indicators": 0.5})
    page = write_report(made)[1].read_text()
    for words in ("Under attack", "Certified radius", "Regimes", "no attack on the series", "indicators by 0.5"):
        assert words in page
    values = read_json(made.path / "stress.json")
    assert [each["key"] for each in values["exhibits"]] == ["stress-attacks", "stress-certificate", "stress-regimes"]


def test_a_changed_file_is_damage(made: RunDirectory, tmp_path: Path) -> None:
    stress_of(made, silent, **QUICK)
    copy = RunDirectory(Path(shutil.copytree(made.path, tmp_path / "runs" / made.id)))
    text = (copy.path / "stress.json").read_text()
    (copy.path / "stress.json").write_text(text.replace('"rows": 90', '"rows": 91', 1))
    with pytest.raises(RunError, match=r"stress\.json"):
        write_report(copy)


def test_a_rule_has_nothing_to_attack_and_its_regimes_all_the_same(tmp_path: Path) -> None:
    stress = stress_of(_run(tmp_path, "model={kind: momentum}", without=("model", "training")), silent, **QUICK)
    assert stress.rows == 0
    assert stress.attacks == ()
    assert stress.certified is None
    assert stress.sentence.startswith("There is nothing to attack")
    assert stress.notes[0].startswith("Not attacked: only a single model")
    assert {spell.name for spell in stress.regimes} <= {"calm", "normal", "turbulent", "not known"}


def test_a_forest_is_attacked_without_a_gradient(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    directory = _run(tmp_path, "model={kind: forest, n_estimators: 5, max_depth: 4}", without=("model", "training"))
    stress = stress_of(directory, silent, rows=30, certified=2, epsilons=(0.3,), draws=0)
    assert [each.name for each in stress.attacks] == ["Square"]
    assert any("no gradient" in note for note in stress.notes)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epsilons": (0.0,)}, "epsilons: must be above 0"),
        ({"epsilons": ()}, "epsilons: must be at least one"),
        ({"rows": 0}, "rows: must be at least 1"),
        ({"certified": -1}, "certified: must not be negative"),
        ({"sigma": 0.0}, "sigma: must be above 0"),
        ({"draws": -1}, "draws: must not be negative"),
        ({"shares": {"indicators": -0.5}}, "groups: indicators: must be a share of epsilon, 0 or above"),
        ({"shares": {"volumes": 0.5}}, "groups: must be among"),
        ({"shares": {"indicators": 0.0}}, "groups: must leave a feature that is moved"),
    ],
)
def test_what_cannot_be_asked_is_one_line(made: RunDirectory, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        stress_of(made, silent, **settings)
