"""A run of every family, with all that may stand around a policy, is the same live and on data that ended earlier."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.runs.conftest import silent, simulated

from regimen.errors import RunError
from regimen.records import RunConfig, RunDirectory, load_config
from regimen.records.layout import EXPOSURES
from regimen.runs import live_checks, start

YAML = """
name: live
data: {{path: {folder}/coin.parquet}}
features: {{kind: indicators, columns: [rsi_14, return_5d, volatility_20d]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 240, test: 100}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""
AGENT = """model: {kind: ppo, hidden: [8], rollout_steps: 8, minibatch_size: 64}
environment: {steps: 512, n_envs: 16, episode_length: 40, evaluations: 1, actions: continuous}
"""
LEAN = "exposure: {dead_band: 0.0, scale: 5.0}\n"
FOREST = "{kind: forest, n_estimators: 5, min_samples_leaf: 3}"
QUICK = ("classifier", "agent", "rule", "mixture")
FAMILIES = {
    "classifier": "model: {kind: logistic}\ntraining: {epochs: 2}\n" + LEAN,
    "sequence": "model: {kind: lstm, context: 8, width: 4, layers: 1, heads: 1}\ntraining: {epochs: 1}\n" + LEAN,
    "tree": f"model: {FOREST}\n" + LEAN,
    "ensemble": f"model: {{kind: ensemble, members: [{{kind: logistic}}, {FOREST}]}}\ntraining: {{epochs: 2}}\n" + LEAN,
    "mixture": "model: {kind: ensemble, combine: hedge, members: [{kind: logistic}, {kind: momentum, lookback: 9}]}\n"
    "training: {epochs: 2}\n",
    "meta": f"model: {{kind: meta, primary: {{kind: momentum, lookback: 9}}, secondary: {FOREST}, threshold: 0.3}}\n",
    "agent": AGENT,
    "rule": "model: {kind: momentum, lookback: 24}\n",
    "wrapped": """model: {kind: baseline, hidden: [4]}
training: {epochs: 3, snapshots: 2}
preprocess: [{kind: running}]
calibration: vector
exposure: {dead_band: 0.0, scale: 5.0, volatility_target: 0.3, volatility_bars: 10}
intervals: {scores: 50, size_by: width, abstain: 0.9}
novelty: {level: 0.1}
band: no_trade
""",
}
FUTURE = '''
import numpy as np

def two_hours(frame):
    """The return of the two-hour bar that an hour is in, which is known only at the end of the second hour."""
    pair = np.arange(len(frame)) // 2
    return frame["close"].groupby(pair).transform("last") / frame["open"].groupby(pair).transform("first") - 1.0
'''


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., RunConfig]:
    """Returns a function that makes a config of what a YAML file says of the model."""

    def make(model: str, *overrides: str) -> RunConfig:
        simulated(480).to_parquet(tmp_path / "coin.parquet")
        (tmp_path / "run.yaml").write_text(YAML.format(folder=tmp_path) + model)
        return load_config(tmp_path / "run.yaml", overrides)

    return make


@pytest.mark.parametrize(
    "family", [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in FAMILIES]
)
def test_a_run_could_have_been_live(family: str, configured: Callable[..., RunConfig], tmp_path: Path) -> None:
    directory, _ = start(configured(FAMILIES[family]), tmp_path / "runs", silent)
    outcome = live_checks(directory, silent)
    assert outcome.failures == ()
    names = [check.name for check in outcome.checks]
    assert names[:4] == [*(f"window {number}, decisions" for number in (1, 2, 3)), "account, equity"]
    for number in (1, 2):
        assert f"window {number}, data that end with it: files" in names
    files = [check.compared for check in outcome.checks if check.name.endswith("files")]
    assert min(files) >= 1
    written = np.load(directory.window(0) / EXPOSURES)
    assert len(np.unique(written)) > 1


def test_a_decision_that_was_not_made_live_is_named(configured: Callable[..., RunConfig], tmp_path: Path) -> None:
    directory, _ = start(configured(FAMILIES["classifier"]), tmp_path / "runs", silent)
    path = directory.window(1) / EXPOSURES
    rows = np.load(path)
    rows[7] += 0.25
    np.save(path, rows)
    forget(directory)
    outcome = live_checks(directory, silent)
    assert [(check.name, check.differing) for check in outcome.failures] == [
        ("window 2, decisions", 1),
        ("window 2, data that end with it: decisions", 1),
    ]
    assert outcome.failures[0].sentence.startswith("window 2, decisions: 1 of 100 differ, the first at 2021-01-")
    assert not json.loads(json.dumps(outcome.to_dict()))["passed"]


def forget(directory: RunDirectory) -> None:
    """Takes the checksums out of a manifest, which would refuse a file that was changed by hand."""
    from regimen.records import write_manifest

    write_manifest(directory.path, {**directory.manifest(), "files": {}})


def test_a_column_that_knows_the_next_bar_is_not_known_in_time(
    configured: Callable[..., RunConfig], tmp_path: Path
) -> None:
    (tmp_path / "leak.py").write_text(FUTURE)
    own = f"features={{kind: indicators, columns: [rsi_14, two_hours], features: ['{tmp_path}/leak.py:two_hours']}}"
    directory, _ = start(configured(FAMILIES["rule"], own), tmp_path / "runs", silent)
    (failure,) = live_checks(directory, silent).failures
    assert failure.name == "functions of a frame"
    assert 20 <= failure.differing <= 44  # the first hour of each pair


def test_labels_of_the_whole_file_change_with_its_end(configured: Callable[..., RunConfig], tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(
        """
import numpy as np

def thirds(bars):
    move = np.full(bars.shape, np.nan)
    move[:-1] = bars.close[1:] / bars.close[:-1] - 1.0
    low, high = np.nanquantile(move, [1 / 3, 2 / 3])  # of all bars that there are
    y = np.where(np.isnan(move), -1, (move > low).astype(int) + (move > high))
    return y, np.where(y < 0, -1, np.arange(len(bars))[:, None] + 1)
"""
    )
    own = f"labels={{kind: own, source: '{tmp_path}/late.py:thirds'}}"
    directory, _ = start(configured(FAMILIES["classifier"], own), tmp_path / "runs", silent)
    failures = live_checks(directory, silent).failures
    assert {check.name for check in failures} >= {"window 1, data that end with it: files"}


def test_a_run_that_is_not_finished_or_has_one_window(configured: Callable[..., RunConfig], tmp_path: Path) -> None:
    directory, _ = start(configured(FAMILIES["rule"], "splits.train=400"), tmp_path / "runs", silent)
    outcome = live_checks(directory, silent)
    assert outcome.passed
    assert outcome.notes == ("The run has one window, behind which no data go on: nothing was cut off.",)
    (directory.path / "manifest.json").write_text(
        (directory.path / "manifest.json").read_text().replace('"finished"', '"running"')
    )
    with pytest.raises(RunError):
        live_checks(directory, silent)
