"""A planted leak is unmasked, an honest planted edge stays evidence, and a market without one calls for no control."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.errors import RunError
from regimen.judging import Judgement
from regimen.records import RunDirectory, load_config, read_json
from regimen.records.choice import choose_model
from regimen.runs import backtest_run, rejudge_run, reproduce_run, resume_run, start
from regimen.runs.controls import experiments as making

NAMES = ["shuffled labels", "reversed features", "shifted signal", "matched martingale"]

LEAK = '''
import numpy as np

def two_hours(frame):
    """The return of the two-hour bar that an hour is in, which is known only at the end of the second hour."""
    pair = np.arange(len(frame)) // 2
    return frame["close"].groupby(pair).transform("last") / frame["open"].groupby(pair).transform("first") - 1.0
'''

YAML = """
name: controlled
data: {{path: {folder}/bars.parquet}}
features: {{columns: [{columns}]{own}}}
labels: {{horizon: 1, volatility_bars: 20, dead_band: 0.25}}
splits: {{train: {train}, test: {test}}}
model: {{kind: logistic}}
training: {{epochs: 20}}
exposure: {{dead_band: 0.0, scale: 20.0}}
market: {{costs: {{commission_bps: 1.0, half_spread_bps: 0.5}}}}
judge: {{bootstrap_draws: 200, random_controls: 20}}
tracking: none
"""


def bars(count: int, phi: float, step: str, seed: int) -> pd.DataFrame:
    """Bars whose log returns are an AR(1)."""
    random = np.random.default_rng(seed)
    noise, moves = random.normal(0.0, 0.01, count), np.zeros(count)
    for t in range(1, count):
        moves[t] = phi * moves[t - 1] + noise[t]
    close = 100.0 * np.exp(np.cumsum(moves))
    opens = np.concatenate([[100.0], close[:-1]])
    wide = np.abs(random.normal(0.0, 0.003, (2, count)))
    return pd.DataFrame(
        {
            "timestamp": pd.date_range("1995-01-01", periods=count, freq=step, tz="UTC"),
            "open": opens,
            "high": np.maximum(opens, close) * (1.0 + wide[0]),
            "low": np.minimum(opens, close) * (1.0 - wide[1]),
            "close": close,
            "volume": random.lognormal(3.0, 0.5, count),
        }
    )


def silent(_done: int, _total: int, _message: str) -> None:
    """Shows nothing."""


def config_of(folder: Path, kind: str, *overrides: str, seed: int = 0) -> Any:
    """A leak on hourly noise, an honest AR(1) of daily bars, or noise of daily bars."""
    phi, step, count = {"leak": (0.0, "h", 2000), "honest": (0.2, "D", 3000), "null": (0.0, "D", 3000)}[kind]
    bars(count, phi, step, seed).to_parquet(folder / "bars.parquet")
    (folder / "leak.py").write_text(LEAK)
    leak = kind == "leak"
    text = YAML.format(
        folder=folder,
        columns="return_1, return_5" + ", two_hours" * leak,
        own=f", features: ['{folder}/leak.py:two_hours']" * leak,
        train=600 if leak else 800,
        test=400 if leak else 800,
    )
    (folder / "run.yaml").write_text(text)
    return load_config(folder / "run.yaml", overrides)


def test_a_feature_that_sees_the_next_bar_is_unmasked_by_the_martingale(tmp_path: Path) -> None:
    """The examination of features does not see it: all of its cuts fall between two pairs of bars."""
    directory, document = start(config_of(tmp_path, "leak"), tmp_path / "runs", silent)
    judgement = Judgement.from_dict(document)
    assert judgement.controls is not None
    assert [control.name for control in judgement.controls] == NAMES
    assert [control.name for control in judgement.controls if control.looks_good] == ["matched martingale"]
    assert judgement.verdict.level == "suspicious"
    assert judgement.verdict.sentence.startswith(
        "Too good to be believed: on a matched martingale, where there is nothing to earn, the same model has a Sharpe"
    )
    assert judgement.verdict.sentence.endswith(": a feature, a label or code of its own looks ahead.")
    assert "Control experiments" in (directory.path / "report.html").read_text()
    assert reproduce_run(directory, silent).differing == ()
    _, dearer = backtest_run(directory, None, ["market.costs.commission_bps=1.5"], silent)
    assert dearer["verdict"]["level"] == "suspicious"
    assert dearer["controls"] == document["controls"]


def test_an_honest_edge_stays_evidence_and_all_of_it_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(tmp_path, "honest")
    shown: list[str] = []
    directory, document = start(config, tmp_path / "runs", lambda _done, _total, message: shown.append(message))
    judgement = Judgement.from_dict(document)
    assert judgement.verdict.level == "evidence"
    assert judgement.controls is not None
    assert [control.looks_good for control in judgement.controls] == [False] * 4
    assert all(control.levels for control in judgement.controls)
    assert any(message.startswith("control: matched martingale · window 1/3") for message in shown)
    trials = directory.trials.rows(read_json(directory.path / "data.json")["source_fingerprint"])
    assert len(trials) == 4  # three fits and their evaluation
    before = {path.name: path.read_bytes() for path in (directory.path / "controls").iterdir()}
    assert len(before) == 4

    def again(*_: Any) -> None:
        raise AssertionError("a control is made once")

    monkeypatch.setattr(making, "judge", again)
    assert rejudge_run(directory, silent) == document
    damaged = directory.path / "controls" / "shifted-signal.json"
    damaged.write_text(
        damaged.read_text().replace("no evidence", "evidence").replace("worse than doing nothing", "evidence")
    )
    with pytest.raises(RunError, match=r"damaged controls/shifted-signal\.json: remove it, and it is made again"):
        rejudge_run(directory, silent)


def test_a_run_that_is_stopped_within_its_controls_ends_with_the_same_bytes(tmp_path: Path) -> None:
    config = config_of(tmp_path, "honest", "judge.controls.windows=1")
    directory, _ = start(config, tmp_path / "runs", silent)

    def stopping(_done: int, _total: int, message: str) -> None:
        if message.startswith("control: shifted signal"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        start(config, tmp_path / "others", stopping)
    other = RunDirectory(Path(str(stopped.value)))
    assert sorted(path.name for path in (other.path / "controls").iterdir()) == [
        "reversed-features.json",
        "shuffled-labels.json",
    ]
    resume_run(other, silent)
    for name in ("judgement.json", "exhibits.json"):
        assert (other.path / name).read_bytes() == (directory.path / name).read_bytes()


def test_noise_calls_for_no_control_unless_they_are_always_wanted(tmp_path: Path) -> None:
    directory, document = start(config_of(tmp_path, "null"), tmp_path / "runs", silent)
    assert document["verdict"]["level"] in ("no evidence", "worse than doing nothing")
    assert "controls" not in document
    assert not (directory.path / "controls").exists()
    _, always = start(config_of(tmp_path, "null", "judge.controls=always"), tmp_path / "runs", silent)
    assert [control["name"] for control in always["controls"]] == NAMES
    assert always["verdict"]["level"] == document["verdict"]["level"]


def test_what_looks_good_and_was_never_controlled_says_so(tmp_path: Path) -> None:
    config = config_of(tmp_path, "honest", "judge.controls=never")
    directory, document = start(config, tmp_path / "runs", silent)
    assert (document["verdict"]["level"], document["controls"]) == ("evidence", [])
    assert "judge.controls is never" in (directory.path / "report.html").read_text()


def test_a_control_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RunError("market", "must be another", "this")

    monkeypatch.setattr(making, "prepare_bars", refuse)
    _, document = start(config_of(tmp_path, "null", "judge.controls=always"), tmp_path / "runs", silent)
    outcome = document["controls"][-1]
    assert (outcome["levels"], outcome["sentence"]) == (
        [],
        "It could not be made: market: must be another; got 'this'.",
    )


def test_a_rule_and_what_does_not_apply_to_it(tmp_path: Path) -> None:
    config_of(tmp_path, "null")
    config = choose_model("momentum", tmp_path / "run.yaml", ["judge.controls=always"]).config
    _, document = start(config, tmp_path / "runs", silent)
    levels = {control["name"]: control["levels"] for control in document["controls"]}
    assert [name for name in NAMES if not levels[name]] == ["shuffled labels", "reversed features"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_how_often_the_controls_are_wrong(tmp_path: Path) -> None:
    """Of ten markets of each kind: leaks that are unmasked, edges that stay evidence, noise that looks good."""
    levels: dict[str, Counter[str]] = {}
    good: dict[str, Counter[str]] = {}
    for kind in ("leak", "honest", "null"):
        levels[kind], good[kind] = Counter(), Counter()
        for seed in range(100, 110):
            folder = tmp_path / f"{kind}-{seed}"
            folder.mkdir()
            document = start(config_of(folder, kind, "judge.controls=always", seed=seed), folder / "runs", silent)[1]
            levels[kind][document["verdict"]["level"]] += 1
            controls = Judgement.from_dict(document).controls or ()
            good[kind].update(control.name for control in controls if control.looks_good)
        print(kind, dict(levels[kind]), dict(good[kind]))
    assert good["leak"]["matched martingale"] == 10
    assert levels["honest"]["evidence"] >= 7
    assert levels["honest"]["suspicious"] <= 1
    assert good["honest"].total() <= 1
    assert good["null"].total() <= 1
