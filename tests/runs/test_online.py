"""A model that learns on in a run: each window begins where the last one ended, whatever stopped it in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.execution import targets
from regimen.metrics import class_prior, log_losses
from regimen.records import RunConfig, RunDirectory, load_config, read_json
from regimen.runs import find_run_leaks, live_checks, reproduce_run, resume_run, start
from regimen.runs.prepare import prepare
from regimen.runs.window import load_policy
from regimen.simulators import FlipMarketConfig

from .conftest import silent

Configured = Callable[..., RunConfig]
LOGISTIC = "{kind: online_logistic, learning_rate: 0.1}"
EXAMPLE = Path(__file__).parents[2] / "examples" / "adapting-flip.yaml"


@pytest.fixture
def learning(configured: Configured) -> Configured:
    """The small run with a model that learns on."""

    def make(*more: str, model: str = LOGISTIC) -> RunConfig:
        return configured(f"model={model}", "training={}", *more)

    return make


def decisions(directory: RunDirectory, windows: int) -> np.ndarray:
    return np.concatenate([np.load(directory.window(number) / "exposures.npy") for number in range(windows)])


def test_windows_of_any_length_decide_as_one(learning: Configured, tmp_path: Path) -> None:
    short, _ = start(learning(), tmp_path / "runs", silent)
    long, _ = start(learning("splits={train: 300, test: 360}"), tmp_path / "runs", silent)
    np.testing.assert_array_equal(decisions(short, 5), decisions(long, 2))
    assert np.ptp(decisions(short, 5)) > 0.0


def test_the_report_says_by_year_what_learning_on_was_worth(learning: Configured, tmp_path: Path) -> None:
    config = learning()
    directory, _ = start(config, tmp_path / "runs", silent)
    exhibits = {each["key"]: each for each in read_json(directory.path / "exhibits.json")["exhibits"]}
    rows = {row[0]: row[1:] for row in exhibits["learning"]["rows"]}
    assert set(rows) == {"2021", "all"}
    prepared = prepare(config)
    prior = class_prior(prepared.windows[0].train.take(prepared.labels.y))
    gains, frozen = [], []
    first = load_policy(directory.window(0), prepared.config, prepared.features.hash)
    assert np.abs(first.carried.learner.numbers).max() > 0.0  # it has learned before the first test span
    assert read_json(directory.window(0) / "history.json")["rows"] > 200
    for window in prepared.windows:
        span = slice(window.test.start, window.test.stop)
        _, calibrated = np.load(directory.window(window.number) / "end" / "opinions.npy")
        known, y = prepared.labels.defined[span], prepared.labels.y[span].astype(np.int64)
        worst = log_losses(np.tile(prior, (int(known.sum()), 1)), y[known])
        gains.append(worst - log_losses(calibrated[known], y[known]))
        x = first.scaler.transform(prepared.history.features[span][known], first.scaler.names)
        still = first.carried.calibration(first.carried.learner.predict_proba(x))
        frozen.append(worst - log_losses(still, y[known]))
    on, still = (1e4 * float(np.concatenate(each).mean()) for each in (gains, frozen))
    assert rows["all"][0] == str(sum(map(len, gains)))
    assert float(rows["all"][4].split()[0].replace("−", "-")) == pytest.approx(on, abs=0.051)
    assert float(rows["all"][1].split()[0].replace("−", "-")) == pytest.approx(still, abs=0.051)
    assert float(rows["all"][5].split()[0].replace("−", "-")) == pytest.approx(on - still, abs=0.051)
    assert exhibits["forecasts"]["rows"][2][0] == "calibrated"


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(learning: Configured, tmp_path: Path) -> None:
    def killed(done: int, _total: int, _message: str) -> None:
        if done >= 200:
            raise KeyboardInterrupt

    whole, _ = start(learning(), tmp_path / "whole", silent)
    with pytest.raises(KeyboardInterrupt) as caught:
        start(learning(), tmp_path / "runs", killed)
    directory = RunDirectory.open(Path(str(caught.value)))
    resume_run(directory, silent)
    for window in range(5):
        for name in ("exposures.npy", "history.json", "scaler.json", "model/stream.json", "end/logistic.json"):
            assert (directory.window(window) / name).read_bytes() == (whole.window(window) / name).read_bytes()


def test_it_is_reproduced_and_what_is_around_it_does_not_learn(learning: Configured, tmp_path: Path) -> None:
    config = learning("intervals={size_by: width}", "preprocess=[{kind: kalman}]")
    directory, _ = start(config, tmp_path / "runs", silent)
    assert reproduce_run(directory, silent).differing == ()
    prepared = prepare(config)
    window = prepared.windows[1]
    policy = load_policy(directory.window(1), prepared.config, prepared.features.hash)
    state = policy.initial_state(1)
    for t in range(window.test.start):
        state = policy.watch(prepared.history.at(t), state)
    rows = np.load(directory.window(1) / "exposures.npy")
    for t in range(window.test.start, window.test.start + 30):
        exposure, state = policy.act(prepared.history.at(t), state)
        np.testing.assert_array_equal(exposure, rows[t - window.test.start])


def test_poisoned_future_bars_and_labels_change_nothing(learning: Configured) -> None:
    report = find_run_leaks(learning("splits={train: 500, test: 150}"), silent)
    assert [row.name for row in report.rows if row.verdict == "leak"] == []
    assert {"policy", "model"} <= {row.kind for row in report.rows}


@pytest.mark.slow
def test_replayed_live_it_decides_bit_for_bit_as_in_the_run(learning: Configured, tmp_path: Path) -> None:
    directory, _ = start(learning(), tmp_path / "runs", silent)
    assert all(check.differing == 0 for check in live_checks(directory, silent).checks)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("splits={kind: own, source: '{place}:split'}",), r"splits\.kind must be walk_forward"),
        (("labels={kind: own, source: '{place}:label'}",), r"labels\.kind must be fixed_horizon or triple_barrier"),
        (("calibration.fit_on=out_of_fold",), r"calibration is not read by a model of kind online_logistic"),
        (("training.epochs=3",), r"training is not read by a model of kind online_logistic"),
        (("labels.weights.half_life=100",), r"labels\.weights is not read"),
        (("splits.warm_start=true",), r"splits\.warm_start must be false"),
        (("model={kind: meta, secondary: {kind: online_logistic}}",), r"secondary must be fitted on folds"),
        (
            ("model={kind: ensemble, members: [{kind: logistic}, {kind: online_logistic}], combine: stack}",),
            r"combine must not be stack",
        ),
        (("model={kind: online_logistic, learning_rate: 0}",), r"model\.learning_rate: must be greater than 0"),
        (("labels.horizon=5000",), r"labels\.horizon: plus the entry lag"),
    ],
)
def test_what_does_not_go_with_it_is_refused_in_one_line(
    changes: tuple[str, ...], message: str, learning: Configured, tmp_path: Path
) -> None:
    place = tmp_path / "mine.py"
    place.write_text("def label(bars):\n    return None\n\n\ndef split(bars, labels):\n    return None\n")
    with pytest.raises(ConfigError, match=message):
        prepare(learning(*(each.replace("{place}", str(place)) for each in changes)))


def test_kelly_is_confirmed_by_nothing_that_was_not_learned(learning: Configured, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"exposure\.shrink: must be false"):
        start(learning("exposure={kind: kelly}"), tmp_path / "runs", silent)
    directory, _ = start(learning("exposure={kind: kelly, shrink: false}"), tmp_path / "runs", silent)
    assert np.isfinite(decisions(directory, 5)).all()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fine_tune", "adapt"])
def test_a_net_begins_with_a_training_and_goes_on_from_window_to_window(
    mode: str, configured: Configured, tmp_path: Path
) -> None:
    model = f"{{kind: online_net, start: training, mode: {mode}, net: {{hidden: [8]}}, every: 8, learning_rate: 0.01}}"
    more = () if mode == "fine_tune" else ("training.recipes=[{kind: maml, shots: 8, queries: 8, first_order: true}]",)
    short, _ = start(configured(f"model={model}", *more), tmp_path / "runs", silent)
    long, _ = start(configured(f"model={model}", "splits={train: 300, test: 360}", *more), tmp_path / "runs", silent)
    np.testing.assert_array_equal(decisions(short, 5), decisions(long, 2))
    assert reproduce_run(short, silent).differing == ()
    folders = [short.window(number) / "model" / "net.safetensors" for number in range(5)]
    assert len({folder.read_bytes() for folder in folders}) == 5


def test_in_an_ensemble_it_begins_anew_in_each_window(learning: Configured, tmp_path: Path) -> None:
    model = "{kind: ensemble, members: [{kind: online_logistic}, {kind: momentum, lookback: 20}], combine: hedge}"
    directory, _ = start(learning("splits={train: 500, test: 150}", model=model), tmp_path / "runs", silent)
    assert np.ptp(decisions(directory, 2)) > 0.0
    assert reproduce_run(directory, silent).differing == ()


@pytest.mark.slow
def test_fixed_tuned_and_adapted_members_are_mixed_by_hedge(configured: Configured, tmp_path: Path) -> None:
    net = "net: {hidden: [8]}, every: 8"
    members = (
        f"{{kind: baseline, hidden: [8]}}, {{kind: online_net, start: training, {net}}}, "
        f"{{kind: online_net, start: training, mode: adapt, {net}, learning_rate: 0.05}}, {{kind: online_logistic}}"
    )
    model = f"model={{kind: ensemble, combine: hedge, members: [{members}]}}"
    directory, _ = start(configured(model, "splits={train: 500, test: 150}"), tmp_path / "runs", silent)
    prepared = prepare(configured(model, "splits={train: 500, test: 150}"))
    policy = load_policy(directory.window(1), prepared.config, prepared.features.hash)
    window = prepared.windows[1].test
    alone = [targets(each, prepared.history, window.start, window.stop)[:, 0] for each in policy.members]
    assert len({each.tobytes() for each in alone}) == 4
    mixed = np.load(directory.window(1) / "exposures.npy")[:, 0]
    assert (mixed <= np.max(alone, axis=0) + 1e-12).all()
    assert (mixed >= np.min(alone, axis=0) - 1e-12).all()


@pytest.mark.slow
def test_where_the_rule_flips_hedge_goes_with_the_member_that_adapts(tmp_path: Path) -> None:
    FlipMarketConfig(length=160).simulate(5_000, 4).bars.write(tmp_path / "flip.parquet")
    config = load_config(EXAMPLE, [f"data.path={tmp_path / 'flip.parquet'}", "judge.controls=never"])
    directory, _ = start(config, tmp_path / "runs", silent)
    exhibits = {each["key"]: each for each in read_json(directory.path / "exhibits.json")["exhibits"]}
    sharpe, weight = (
        [float(row[column].replace("−", "-")) for row in exhibits["members"]["rows"][1:]] for column in (2, 5)
    )
    assert sharpe[2] > max(sharpe[:2]) + 5.0
    assert weight[2] > max(weight[:2])
