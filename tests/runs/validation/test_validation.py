"""A run on every choice of folds: paths, ledger, a kill at any moment, the report, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.runs.conftest import silent, simulated

from regimen.errors import ConfigError, RegimenError, RunError, SplitError
from regimen.metrics import annual_sharpe, total_return
from regimen.nets import torch_threads
from regimen.policies import targets
from regimen.records import RunDirectory, load_config, read_exhibits, read_json
from regimen.runs import Validation, start, validate_run
from regimen.runs.prepare import prepare
from regimen.runs.validation.fits import path_targets
from regimen.runs.validation.plan import ValidationPlan
from regimen.runs.window import fit_model
from regimen.work import Compute

YAML = """
seed: 3
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d, volatility_20d]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 200, test: 150, embargo: 6}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
"""
BASELINE = (
    "model={kind: baseline, hidden: [8]}",
    "training={epochs: 2, batch_size: 64, patience: null}",
    "exposure={dead_band: 0.0}",
)
Validated = tuple[RunDirectory, Validation]


def made(folder: Path, *overrides: str) -> RunDirectory:
    """A finished run on 500 bars, by default of a small perceptron."""
    simulated(500).to_parquet(folder / "coin.parquet")
    (folder / "small.yaml").write_text(YAML.format(path=folder / "coin.parquet"))
    return start(
        load_config(folder / "small.yaml", [*(overrides or BASELINE), "tracking=none"]), folder / "runs", silent
    )[0]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return made(tmp_path_factory.mktemp("validation"))


@pytest.fixture(scope="module")
def validated(run: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Validated:
    """Four folds, two of them held out, two seeds: 6 splits, 3 paths."""
    copy = RunDirectory(Path(shutil.copytree(run.home, tmp_path_factory.mktemp("again") / "runs")) / run.id)
    return copy, validate_run(copy, silent, folds=4, tested=2, seeds=2)


def files(run: RunDirectory) -> dict[str, bytes]:
    """The result and all decisions, by their path in the run."""
    paths = [run.path / "validation.json", *(run.path / "validation").rglob("*.npy")]
    return {path.relative_to(run.path).as_posix(): path.read_bytes() for path in paths}


def test_a_path_is_what_models_decide_that_did_not_learn_from_its_folds(validated: Validated) -> None:
    run, validation = validated
    prepared = prepare(run.located_config())
    plan = ValidationPlan(str(run.path), 4, 2, (3, 4))
    splits = plan.splits(prepared)
    assert splits.choices == ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    assert splits.embargo == 6
    # the second path: fold 0 by the second split that holds it out, and so on
    decided = path_targets(plan, splits, prepared, 4, 1)
    window = splits.window(1, 0.15)
    with torch_threads(1):
        policy = fit_model(prepared, window, 4).policy
    np.testing.assert_array_equal(decided[slice(*splits.spans[0])], targets(policy, prepared.history, *splits.spans[0]))
    assert splits.paths[1].tolist() == [1, 3, 3, 4]
    begin, end = splits.span
    assert np.isnan(decided[:begin]).all()
    assert np.isfinite(decided[begin:end]).all()
    ledger = prepared.config.market.build().backtest(prepared.bars, decided, begin, end)
    path = next(each for each in validation.paths if (each.seed, each.path) == (4, 1))
    assert path.total_return == total_return(ledger.returns)
    assert path.sharpe == annual_sharpe(ledger.returns, prepared.bars.periods_per_year)


def test_the_result_is_a_distribution_over_paths_and_seeds(validated: Validated) -> None:
    run, validation = validated
    assert (validation.splits, len(validation.paths), validation.seeds) == (6, 6, (3, 4))
    sharpes = [each.sharpe for each in validation.paths]
    assert validation.sharpe.median == float(np.median(sharpes))
    assert (validation.sharpe.low, validation.sharpe.high) == tuple(np.quantile(sharpes, [0.05, 0.95]))
    assert validation.sharpe.iqm_low <= validation.sharpe.iqm <= validation.sharpe.iqm_high
    assert validation.loss == np.mean([each.total_return < 0 for each in validation.paths])
    middle = next(each for each in validation.paths if (each.seed, each.path) == validation.middle)
    assert sorted(sharpes)[2] == middle.sharpe
    assert validation.level == middle.level
    judged = read_json(run.path / "judgement.json")
    assert validation.walk_forward == next(row for row in judged["rows"] if row["name"] == "policy")["sharpe"]
    frame = validation.to_frame()
    assert list(frame.index) == [(seed, path) for seed in (3, 4) for path in range(3)]
    assert read_json(run.path / "validation.json")["trials"] == validation.trials
    assert "no track record" in validation.notes[0]


def test_what_the_middle_path_earned_adds_up_over_the_states_of_its_market(validated: Validated) -> None:
    run, validation = validated
    middle = next(each for each in validation.paths if (each.seed, each.path) == validation.middle)
    assert {each.kind for each in validation.regimes} >= {"hidden_markov", "volatility"}
    for regimes in validation.regimes:
        if regimes.kind != "episodes":
            assert sum(row.pnl for row in regimes.rows) == pytest.approx(middle.total_return, abs=1e-12)
    assert len(read_json(run.path / "validation.json")["regimes"]) == len(validation.regimes)
    assert validation.selection is None  # three weeks are too few days
    keys = [exhibit.key for exhibit in read_exhibits(run)]
    assert [f"validation-{each.kind}" for each in validation.regimes] == keys[-len(validation.regimes) :]


def test_every_seed_is_one_more_trial_and_each_fit_and_path_a_line(run: RunDirectory, validated: Validated) -> None:
    copy, validation = validated
    before, after = (each.trials.to_frame() for each in (run, copy))
    assert isinstance(before, pd.DataFrame)
    new = after.iloc[len(before) :]
    assert new["kind"].value_counts().to_dict() == {"fit": 12, "evaluation": 6}
    assert set(new["run"]) == {f"{run.id}/validation"}
    assert set(new["seed"]) == {3, 4}
    assert len(set(new["config"]) | set(before["config"])) == 2
    last = [rows.iloc[-1] for _, rows in new[new["kind"] == "evaluation"].groupby("seed")]
    for row in last:  # it stands for the seed wherever trials are compared
        own = sorted(each.sharpe for each in validation.paths if each.seed == row["seed"])
        assert row["sharpe"] == own[1]
    count = run.trials.trials(before["source"][0], 8766.0).count
    assert validation.trials == count + 2


@pytest.mark.slow
def test_what_is_stopped_goes_on_and_ends_with_the_same_bytes(
    run: RunDirectory, validated: Validated, tmp_path: Path
) -> None:
    whole = files(validated[0])
    copy = RunDirectory(Path(shutil.copytree(run.home, tmp_path / "runs")) / run.id)

    def stop_fitting(done: int, _total: int, _message: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    def stop_judging(_done: int, _total: int, message: str) -> None:
        if message.startswith("judging path 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        validate_run(copy, stop_fitting, folds=4, tested=2, seeds=2)
    assert len(files_of_decisions(copy)) == 5
    with pytest.raises(KeyboardInterrupt):
        validate_run(copy, stop_judging, folds=4, tested=2, seeds=2)
    lines = len(copy.trials.rows())
    validate_run(copy, silent, folds=4, tested=2, seeds=2)
    assert len(copy.trials.rows()) == lines
    # the last of it in two processes, from splits of which some were fitted here
    for name in ("00001.npy", "00004.npy"):
        (copy.path / "validation" / "4-2" / "4" / name).unlink()
    validate_run(copy, silent, folds=4, tested=2, seeds=2, compute=Compute.parse("processes:2"))
    assert len(copy.trials.rows()) == lines
    again = files(copy)
    assert again == whole


def files_of_decisions(run: RunDirectory) -> list[Path]:
    return list((run.path / "validation").rglob("*.npy"))


def test_the_report_shows_the_fan_and_every_path(validated: Validated) -> None:
    run, validation = validated
    shown = {exhibit.key: exhibit for exhibit in read_exhibits(run)}
    fan, paths = shown["validation"], shown["validation-paths"]
    assert fan.sentences[0] == validation.sentence
    median = fan.drawings[0].curves[0]
    assert len(median.low) == len(median.y) == len(median.x)
    assert all(low <= middle <= high for low, middle, high in zip(median.low, median.y, median.high, strict=True))
    assert [row[0] for row in paths.rows] == ["1", "2", "3"]
    assert fan.figures


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ({"folds": 1}, SplitError, "folds: must be at least 2; got 1"),
        ({"folds": 1000}, SplitError, "the bars whose features are known; got 1000"),
        ({"folds": 4, "tested": 4}, SplitError, "tested: must be at least 1 and less than the 4 folds; got 4"),
        ({"seeds": 0}, ConfigError, "seeds: must be at least 1; got 0"),
    ],
)
def test_what_cannot_be_validated_is_one_error(
    run: RunDirectory, wanted: dict[str, int], error: type[RegimenError], words: str
) -> None:
    with pytest.raises(error) as caught:
        validate_run(run, silent, **wanted)
    assert words in str(caught.value)
    assert not (run.path / "validation").exists()


def test_an_embargo_that_empties_a_split_is_found_before_anything_is_fitted(tmp_path: Path) -> None:
    run = made(tmp_path, *BASELINE, "splits.embargo=60")
    with pytest.raises(SplitError, match=r"split \d+ of 252.*: must keep rows, after .* embargo of 60"):
        validate_run(run, silent, folds=10, tested=5)
    assert not (run.path / "validation").exists()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model={kind: momentum}"], "model: must learn: a rule decides the same whatever it is trained on"),
        ([*BASELINE, "augment=[{kind: block_bootstrap}]"], "augment: must make no paths to be trained on folds"),
    ],
)
def test_what_folds_teach_nothing_is_refused(tmp_path: Path, overrides: list[str], words: str) -> None:
    run = made(tmp_path, *overrides)
    with pytest.raises(ConfigError) as caught:
        validate_run(run, silent, folds=4)
    assert words in str(caught.value)


def test_a_damaged_file_of_decisions_is_named(validated: Validated, tmp_path: Path) -> None:
    run = validated[0]
    copy = RunDirectory(Path(shutil.copytree(run.home, tmp_path / "runs")) / run.id)
    path = copy.path / "validation" / "4-2" / "3" / "00002.npy"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(RunError, match="holds a damaged file of exposures"):
        validate_run(copy, silent, folds=4, tested=2, seeds=2)


@pytest.mark.parametrize(
    "overrides",
    [
        ["model={kind: logistic}"],
        ["model={kind: ensemble, members: [{kind: logistic}, {kind: baseline, hidden: [4]}]}"],
        [
            "model={kind: ppo, hidden: [4], rollout_steps: 8, minibatch_size: 64}",
            "environment={steps: 512, n_envs: 8, episode_length: 20, evaluations: 1}",
        ],
    ],
    ids=["logistic", "ensemble", "ppo"],
)
def test_every_family_that_learns_from_parts_is_validated(tmp_path: Path, overrides: list[str]) -> None:
    run = made(tmp_path, *overrides)
    validation = validate_run(run, silent, folds=3, tested=2)
    assert len(validation.paths) == 2
    assert all(np.isfinite(each.total_return) for each in validation.paths)


@pytest.mark.slow
@pytest.mark.parametrize(("persistence", "finds"), [(0.0, False), (0.6, True)], ids=["martingale", "planted"])
def test_a_planted_edge_is_on_every_path_and_none_on_a_martingale(
    tmp_path: Path, persistence: float, finds: bool
) -> None:
    noise = np.random.default_rng(5).normal(0.0, 0.01, 1500)
    steps = noise.copy()
    for t in range(1, len(steps)):
        steps[t] += persistence * steps[t - 1]
    frame = simulated(1500).assign(close=100.0 * np.exp(np.cumsum(steps)))
    frame["open"] = frame["close"].shift(1, fill_value=100.0)
    frame["high"], frame["low"] = frame[["open", "close"]].max(axis=1), frame[["open", "close"]].min(axis=1)
    frame.to_parquet(tmp_path / "coin.parquet")
    text = YAML.replace("horizon: 4", "horizon: 1").format(path=tmp_path / "coin.parquet")
    (tmp_path / "small.yaml").write_text(text)
    config = load_config(tmp_path / "small.yaml", ["model={kind: logistic}", "splits.train=600", "tracking=none"])
    run = start(config, tmp_path / "runs", silent)[0]
    validation = validate_run(run, silent, folds=6, tested=2)
    assert (min(each.sharpe for each in validation.paths) > 3.0) == finds
    assert (validation.loss == 0.0) == finds
