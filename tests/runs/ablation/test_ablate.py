"""An ablation of real runs: every run is an ordinary one, is trained once, and is measured from what is on its disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import called
from tests.runs.conftest import YAML, silent, simulated

import regimen as rg
from regimen import metrics
from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.policies import History, Preprocessed, preprocessed
from regimen.records import RunConfig, RunDirectory, TrialLedger, list_runs, load_config, read_json
from regimen.reporting.ablation import Ablation
from regimen.runs.ablation import ablate, robustness
from regimen.runs.ablation import arms as arms_module
from regimen.runs.ablation.measures import measured
from regimen.runs.ablation.scored import Scored
from regimen.runs.families.calibrated_rule import forecasts_of
from regimen.runs.prepare import prepare
from regimen.runs.stress.rows import labelled_rows

QUICK = (
    *("training.epochs=2", "tracking=none", "splits={train: 400, test: 250}"),
    *("training.recipes=[{kind: jitter}, {kind: balanced}]", "judge.bootstrap_draws=100", "judge.random_controls=20"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of bars and a config with two methods."""
    folder = tmp_path_factory.mktemp("ablation")
    simulated().to_parquet(folder / "coin.parquet")
    (folder / "small.yaml").write_text(load_config(_written(folder), QUICK).to_yaml())
    return folder


def _written(folder: Path) -> Path:
    (folder / "first.yaml").write_text(YAML.format(path=folder / "coin.parquet"))
    return folder / "first.yaml"


@pytest.fixture(scope="module")
def config(home: Path) -> RunConfig:
    return load_config(home / "small.yaml")


@pytest.fixture(scope="module")
def ablation(home: Path, config: RunConfig) -> Ablation:
    return ablate(config, home / "runs", silent, seeds=2)


def scored(home: Path, ablation: Ablation, number: int) -> Scored:
    run = RunDirectory.open(home / "runs" / ablation.arms[number].run)
    return Scored(run, prepare(run.config()))


def test_each_arm_is_an_ordinary_run_that_counts_its_trials(home: Path, ablation: Ablation) -> None:
    rows = list_runs(home / "runs")
    names = ["small-base", "small-jitter", "small-balanced", "small-all"]
    assert [row["name"] for row in rows] == names
    assert [row["run"] for row in rows] == [arm.run for arm in ablation.arms]
    assert {row["status"] for row in rows} == {"finished"}
    evaluations = [row for row in TrialLedger(home / "runs" / "trials.sqlite").rows() if row["kind"] == "evaluation"]
    assert ablation.trials == len(evaluations) == 4 * 2


def test_seeds_are_pairs_and_windows_stand_beside_each_other(ablation: Ablation) -> None:
    assert (ablation.seeds, ablation.windows) == (2, 2)
    assert {scores.shape for arm in ablation.arms for scores in arm.scores.values()} == {(2, 2)}
    assert ablation.methods == ("jitter", "balanced")
    alone = ablation.verdicts[0].alone
    ours, base = (ablation.arms[k].scores["skill"] for k in (1, 0))
    assert alone.mean == pytest.approx((ours - base).mean(), rel=1e-12)
    assert np.abs(ours - base).min() > 0.0


def test_forecasts_are_scored_as_the_report_scores_them(home: Path, ablation: Ablation) -> None:
    exhibits = read_json(home / "runs" / ablation.arms[0].run / "exhibits.json")
    (row,) = [row for each in exhibits["exhibits"] for row in each["rows"] if row[0] == "calibrated"]
    shown = float(row[1].split(" ")[0].replace("−", "-"))
    assert ablation.arms[0].scores["skill"][0].mean() == pytest.approx(shown, abs=0.051)


def test_books_are_those_of_the_run(home: Path, ablation: Ablation) -> None:
    one = scored(home, ablation, 1)
    judgement = read_json(one.directory.path / "judgement.json")
    for seed, row in zip((0, 1), judgement["seeds"]["rows"], strict=True):
        ledger: Ledger = one.ledger(seed)
        assert metrics.annual_sharpe(ledger.returns, one.prepared.bars.periods_per_year) == pytest.approx(row["sharpe"])
        parts = [ledger.returns[one.traded(window)] for window in one.prepared.windows]
        np.testing.assert_array_equal(np.concatenate(parts), ledger.returns)


def test_a_gap_is_accuracy_seen_less_accuracy_unseen(home: Path, ablation: Ablation) -> None:
    one = scored(home, ablation, 0)
    window = one.prepared.windows[1]
    shares = []
    for part in (window.train, window.test):
        probabilities, y = one.forecasts(1, window, part)
        shares.append(100.0 * (probabilities.argmax(axis=1) == y).mean())
    scores = ablation.arms[0].scores
    assert scores["accuracy"][1, 1] == pytest.approx(shares[1])
    assert scores["gap"][1, 1] == pytest.approx(shares[0] - shares[1])


def test_seeds_that_share_their_preprocessing_look_at_one_history(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sights: list[object] = []

    def counted(self: Preprocessed, history: History) -> History:
        sights.append(self.chain)
        return preprocessed(history, self.chain)

    config = load_config(home / "small.yaml", ("training.recipes=[]", "preprocess=[{kind: kalman}]", "name=filtered"))
    filtered = ablate(config, home / "filtered", silent, seeds=2)
    run = RunDirectory.open(home / "filtered" / filtered.arms[-1].run)
    one = Scored(run, prepare(run.config()))
    monkeypatch.setattr(Preprocessed, "sight", counted)
    scores = measured(one)
    assert len(sights) == len(one.prepared.windows) == 2
    for column, window in enumerate(one.prepared.windows):
        for row, seed in enumerate((0, 1)):
            policy = one.policy(seed, window)
            said = forecasts_of(policy, one.prepared.history, one.prepared.labels, window.test)
            skill = metrics.log_loss_skill(*said, one.prior(window))
            assert scores["skill"][row, column] == pytest.approx(1e4 * skill, rel=1e-12)


def test_an_attack_of_no_size_changes_nothing_and_a_large_one_leaves_little(
    home: Path, ablation: Ablation, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = scored(home, ablation, 0)
    window = one.prepared.windows[0]
    rows = labelled_rows(one.policy(0, window), one.prepared.history, one.prepared.labels, window.test, 200)
    assert rows is not None
    right = rows.logits(rows.x).argmax(1) == rows.y
    clean = 100.0 * float(right.float().mean())
    shares = []
    for epsilon in (1e-7, 0.1, 3.0):
        monkeypatch.setattr(robustness, "EPSILON", epsilon)
        shares.append(robustness.adversarial_accuracy(one, 0, window))
    assert shares[0] == pytest.approx(clean)
    assert shares[0] >= shares[1] >= shares[2]
    assert shares[2] < clean
    assert ablation.arms[0].scores["adversarial"][0, 0] == shares[1]


def test_nothing_is_certified_farther_than_so_many_copies_can_say(
    home: Path, ablation: Ablation, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = scored(home, ablation, 0)
    window = one.prepared.windows[0]
    shares = []
    for radius in (0.0, 0.125, 10.0):
        monkeypatch.setattr(robustness, "RADIUS", radius)
        shares.append(robustness.certified_accuracy(one, 0, window))
    assert 100.0 >= shares[0] >= shares[1] >= shares[2] == 0.0
    assert shares[0] > 0.0
    assert ablation.arms[0].scores["certified"][0, 0] == shares[1]


def test_what_is_finished_is_not_trained_again(
    home: Path, config: RunConfig, ablation: Ablation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a run was trained again")

    monkeypatch.setattr(arms_module, "start", never)
    monkeypatch.setattr(arms_module, "resume_run", never)
    again = ablate(config, home / "runs", silent, seeds=2)
    assert again.to_dict() == ablation.to_dict()
    with pytest.raises(AssertionError, match="trained again"):  # other seeds are other runs
        ablate(config, home / "runs", silent, seeds=3)


def test_a_run_that_was_stopped_is_gone_on_with_and_gives_the_same(
    config: RunConfig, ablation: Ablation, tmp_path: Path
) -> None:
    class StopError(Exception):
        pass

    def stopping(_done: int, _total: int, message: str) -> None:
        if message.startswith("jitter") and "seed 1, window 2" in message:
            raise StopError

    with pytest.raises(StopError):
        ablate(config, tmp_path / "runs", stopping, seeds=2)
    assert [row["status"] for row in list_runs(tmp_path / "runs")] == ["finished", "interrupted"]
    again = ablate(config, tmp_path / "runs", silent, seeds=2)
    assert len(list_runs(tmp_path / "runs")) == 4
    for name in ("skill", "sharpe", "turnover", "calibration", "gap"):
        for first, second in zip(ablation.arms, again.arms, strict=True):
            np.testing.assert_array_equal(first.scores[name], second.scores[name])


def test_other_data_are_other_runs(home: Path, config: RunConfig, ablation: Ablation, tmp_path: Path) -> None:
    shutil.copytree(home / "runs", tmp_path / "runs")
    simulated(seed=1).to_parquet(tmp_path / "other.parquet")
    other = config.model_copy(update={"data": config.data.model_copy(update={"path": str(tmp_path / "other.parquet")})})
    run = arms_module.run_of(arms_module.plan(other, 2, tmp_path)[0].config, tmp_path / "runs", "elsewhere")
    assert run is None
    assert ablation.arms[0].run == arms_module.run_of(arms_module.plan(config, 2, tmp_path)[0].config, home / "runs").id  # type: ignore[union-attr]


def test_a_rule_is_judged_by_what_it_earns(home: Path, tmp_path: Path) -> None:
    values = load_config(_written(home)).as_dict()
    for unread in ("training", "calibration", "scaler", "environment"):
        values.pop(unread)
    values |= {"model": {"kind": "momentum"}, "band": {"kind": "no_trade", "width": 0.2}, "tracking": None}
    values["exposure"] = {"kind": "lean", "dead_band": 0.0}
    values["judge"] = {"bootstrap_draws": 100, "random_controls": 20}
    ablation = ablate(RunConfig.model_validate(values), tmp_path / "runs", silent, seeds=2)
    assert ablation.by == "sharpe"
    assert not ablation.knows("skill")
    assert ablation.knows("turnover")


@pytest.mark.slow
def test_from_python_and_from_the_command_line(
    home: Path, ablation: Ablation, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = rg.ablate(home / "small.yaml", seeds=2, runs=home / "runs", progress=False)
    assert whole.to_dict() == ablation.to_dict()
    words = ("ablate", home / "small.yaml", "--seeds", "2", "--runs", home / "runs")
    assert called(*words, "--dry-run", "--json") == 0
    planned = json.loads(capsys.readouterr().out)["runs"]
    assert [(row["methods"], row["status"]) for row in planned] == [
        (label, "finished") for label in ("base", "jitter", "balanced", "all")
    ]
    assert called(*words, "--json") == 0
    page = home / "runs" / "ablation-small.html"
    assert json.loads(capsys.readouterr().out) == {**ablation.to_dict(), "page": str(page)}
    assert ablation.verdicts[0].sentence in page.read_text()
    assert called(*words) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert ablation.sentence in shown
    assert str(page) in shown
    assert called(*words, "--markdown") == 0
    assert capsys.readouterr().out.startswith(ablation.sentence)


def test_ctrl_c_names_the_command_that_goes_on_with_all_runs_and_not_with_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt(str(home / "runs" / "abcd2345"))

    monkeypatch.setattr(arms_module, "start", pressed)
    file = home / "small.yaml"
    assert called("ablate", file, "--runs", home / "others") == 130
    last = f"interrupted; `regimen ablate {file} with the same options` continues it"
    assert capsys.readouterr().err.splitlines()[-1] == last


def test_mistakes_are_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("ablate", home / "small.yaml", "--runs", home / "runs")
    for more, line in (
        (["--by", "luck"], "error: by: must be one of skill, accuracy, gap, "),
        (["training.recipes=[]"], "error: config: must have at least one method: "),
        (["--seeds", "0"], "error: command line: "),
    ):
        assert called(*words, *more) == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith(line)
    with pytest.raises(ConfigError, match="ablate: must be given a RunConfig"):
        rg.ablate(3)  # type: ignore[arg-type]
