"""`export_run`: a bundle goes on where its run ended, and there is none where the graph decides differently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.bundles import exported, trained
from tests.runs.conftest import silent

from regimen.bundle import open_bundle
from regimen.errors import RunError
from regimen.execution import Feed, targets
from regimen.live import Setup
from regimen.monitoring import CollapseConfig, CollapseReference
from regimen.policies import RunningVolatility
from regimen.records import RunDirectory
from regimen.runs import Exported, export_run, load_policy
from regimen.runs.exporting import measured as measuring
from regimen.runs.exporting.classifiers import ClassifierDecision
from regimen.runs.prepare import prepare
from regimen.safeguards import SafeguardsConfig

AIMED = "exposure.volatility_target=0.4"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return trained(tmp_path_factory.mktemp("run"), AIMED)


@pytest.fixture(scope="module")
def bundle(run: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    place, limits = tmp_path_factory.mktemp("bundles") / "b", SafeguardsConfig(daily_loss=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CollapseConfig, "bars", lambda *_: 20)  # the training slice is too short for six months
        return export_run(run, place, silent, safeguards=limits)


def test_the_file_says_where_it_is_from(run: RunDirectory, bundle: Exported) -> None:
    manifest, values = bundle.bundle.manifest, run.manifest()
    assert manifest.origin.run == run.id
    assert manifest.origin.fingerprint == values["fingerprint"]
    assert manifest.columns.hash == values["features_hash"]
    assert manifest.verdict.trials == 1
    assert manifest.verdict.sentence in (bundle.folder / "MODEL.md").read_text()
    assert manifest.safeguards == SafeguardsConfig(daily_loss=0.01)
    assert manifest.volatility_bars == 20
    assert manifest.policy.members[0].observation.volatility
    assert manifest.parity.observations > 600
    assert manifest.parity.exposure <= 1e-5
    assert manifest.parity.same_actions == 1.0
    assert bundle.to_dict()["origin"]["run"] == run.id


def test_it_goes_on_where_the_run_ended(run: RunDirectory, bundle: Exported) -> None:
    prepared, opened = prepare(run.located_config()), bundle.bundle
    bars, start = prepared.bars, opened.start
    assert start.time == int(bars.time[-1].astype(np.int64))
    whole = opened.features.stream(opened.symbols)
    for t in range(len(bars)):
        prices = (float(getattr(bars, name)[t, 0]) for name in ("open", "high", "low", "close", "volume"))
        whole.push(bars.time[t], *prices)
    for name, array in whole.state_dict().items():
        np.testing.assert_array_equal(start.features[name], array)
    running = RunningVolatility(1, 20, bars.periods_per_year)
    for close in bars.close:
        running.push(close)
    for name, array in running.state().items():
        np.testing.assert_array_equal(start.volatility[name], array)
    feed = Feed(1, opened.market.costs)
    feed.replay(bars)
    for name, array in feed.state().items():
        np.testing.assert_array_equal(start.feed[name], array)


def test_its_actions_are_those_of_the_training_slice(run: RunDirectory, bundle: Exported) -> None:
    prepared, actions = prepare(run.located_config()), open_bundle(bundle.folder).actions
    window = prepared.windows[-1]
    policy = load_policy(run.window(window.number), prepared.config, prepared.features.hash)
    wanted = targets(policy, prepared.history, window.train.start, window.train.stop)
    assert actions is not None
    expected = CollapseReference.of(wanted, CollapseConfig(window=20))
    assert (actions.window, actions.threshold) == (20, expected.threshold)
    watch = Setup.of(bundle.bundle).watch
    assert watch is not None
    assert watch.collapse is bundle.bundle.actions


def test_its_decisions_are_those_of_the_run(run: RunDirectory, bundle: Exported) -> None:
    prepared, opened = prepare(run.located_config()), open_bundle(bundle.folder)
    window = prepared.windows[-1].test
    policy = load_policy(run.window(prepared.windows[-1].number), prepared.config, prepared.features.hash)
    expected = targets(policy, prepared.history, window.start, window.stop)
    state = opened.policy.initial_state(1)
    for t in range(window.start, window.stop):
        decided = opened.policy.decided(prepared.history.at(t), state)
        state = decided.state
        np.testing.assert_allclose(decided.exposures, expected[t - window.start], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("model={kind: logistic}",),
        ("model={kind: cnn, context: 16, kernels: [3], dilations: [1, 2]}",),
        ("model={kind: lstm, context: 8, width: 8, heads: 2}", "calibration.kind=vector"),
        ("model={kind: hybrid, context: 8, width: 8, heads: 2, kernels: [3], dilations: [1], members: 2}",),
        ("model={kind: multitask, context: 32, heads: 2}", "calibration.kind=isotonic"),
        ("exposure={kind: kelly, volatility_target: 0.3}",),
        ("model={kind: momentum, lookback: 20}", "calibration=none"),
        ("model={kind: ensemble, members: [{kind: baseline, hidden: [8]}, {kind: cnn, context: 32}]}",),
        (
            "model={kind: ensemble, combine: {kind: stack, folds: 2}, members: [{kind: baseline, hidden: [8]}, "
            "{kind: logistic}]}",
        ),
    ],
)
def test_every_kind_of_model(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    parity = exported(tmp_path, *overrides, observations=10_000).bundle.manifest.parity
    assert parity.same_actions == 1.0
    assert max(parity.exposure, parity.details) <= 1e-5
    assert parity.free_exposure <= 1e-4  # its own memory goes on from what it decided
    assert parity.drift <= 1e-9


@pytest.mark.parametrize(
    "overrides",
    [
        ("preprocess=[{kind: running}]", "intervals={size_by: width, scores: 50}", "novelty={level: 0.1}", "band={}"),
        pytest.param(("preprocess=[{kind: kalman}]", "band={}", "exposure={kind: kelly}"), marks=pytest.mark.slow),
    ],
)
def test_what_stands_around_a_policy_goes_with_it(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    bundle = exported(tmp_path, *overrides, bars=900, observations=10_000).bundle
    manifest = bundle.manifest
    assert manifest.policy.preprocess
    assert [each.section for each in manifest.policy.around] == [
        name for name in ("intervals", "novelty", "band") if name in str(overrides)
    ]
    assert manifest.parity.same_actions == 1.0
    assert manifest.parity.free_exposure <= 1e-5
    assert manifest.parity.drift <= 1e-9
    assert "around.npz" in manifest.files
    assert np.isnan(bundle.start.policy[0, -4:]).all()  # nothing was said yet


@pytest.mark.slow
def test_a_graph_that_decides_otherwise_is_not_written(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ClassifierDecision.forward

    def shifted(self: ClassifierDecision, row: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        exposure, *rest = whole(self, row, state)
        return exposure + 2e-4, *rest

    monkeypatch.setattr(ClassifierDecision, "forward", shifted)
    with pytest.raises(RunError, match="must decide as the policy that was trained in every bar"):
        export_run(run, tmp_path / "b", silent)
    assert not (tmp_path / "b").exists()


def test_a_graph_that_is_off_is_named(run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "TOLERANCE", -1.0)
    with pytest.raises(RunError, match="within -1: the exposure is off by"):
        export_run(run, tmp_path / "b", silent)


def test_a_folder_that_is_there_is_left_alone(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="--out: must not be there yet"):
        export_run(run, tmp_path, silent)


def test_a_run_without_a_verdict_is_one_line(run: RunDirectory, tmp_path: Path) -> None:
    (run.path / "judgement.json").rename(tmp_path / "judgement.json")
    try:
        with pytest.raises(RunError, match="run: must have a verdict: it was never judged"):
            export_run(run, tmp_path / "b", silent)
    finally:
        (tmp_path / "judgement.json").rename(run.path / "judgement.json")


def test_a_function_of_a_whole_frame_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def change(frame):\n    return frame['close'].pct_change()\n")
    run = trained(tmp_path, f"features={{kind: custom, features: ['{tmp_path}/own.py:change']}}")
    with pytest.raises(RunError, match=r"change.*is a function of a whole frame and cannot be served"):
        export_run(run, tmp_path / "b", silent)
