"""What no graph computes goes with its own files, and so does code of the user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.bundles import exported, trained
from tests.runs.conftest import silent

from regimen.bundle import open_bundle
from regimen.errors import RunError
from regimen.runs import export_run, revive
from regimen.runs.prepare import prepare

RULE = "def rule(observation):\n    return (observation['rsi_14'] > 50) * 0.5\n"
FEATURE = """
from typing import NamedTuple

import numpy as np

from regimen.features import Bar, Feature
from regimen.jit import jit_uncached


class Before(NamedTuple):
    close: float = np.nan


@jit_uncached
def step(state: Before, bar: Bar):
    return Before(bar.close), bar.close / state.close - 1.0


MOVE = Feature(("move",), "mine", step, Before(), warmup=1, about="Return of one bar.")
"""


def test_a_rule_of_ones_own_is_served_from_its_own_file(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(RULE)
    bundle = exported(tmp_path, f"model={{kind: function, source: '{source}:rule'}}", "calibration=none").bundle
    source.write_text("raise SystemExit  # it is not needed any more\n")
    assert "policy/own/mine.py" in bundle.manifest.files
    assert bundle.manifest.policy.members[0].served == "python"
    with pytest.raises(RunError, match=r"must be opened by `regimen`.*no graph computes; got 'rule'"):
        open_bundle(bundle.folder)
    again = open_bundle(bundle.folder, revive=revive)
    assert again.golden.observations == 0
    assert not list(bundle.folder.rglob("*.pyc"))


@pytest.mark.slow
def test_a_tree_says_its_probabilities(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    bundle = exported(tmp_path, "model={kind: lightgbm, n_estimators: 5}", "band={}").bundle
    assert bundle.manifest.policy.details == ("probability SELL", "probability HOLD", "probability BUY")
    assert bundle.manifest.parity.same_actions == 1.0
    assert "python" in (bundle.folder / "manifest.json").read_text()


@pytest.mark.slow
def test_what_learns_on_learns_on_in_a_bundle(tmp_path: Path) -> None:
    directory = trained(
        tmp_path, "model={kind: online_logistic, learning_rate: 0.1}", "band={}", "preprocess=[{kind: running}]"
    )
    bundle = export_run(directory, tmp_path / "bundle", silent, observations=600).bundle
    assert bundle.manifest.parity.same_actions == 1.0
    assert bundle.manifest.parity.drift == 0.0
    policy = open_bundle(bundle.folder, revive=revive).policy
    prepared = prepare(directory.located_config())
    window = prepared.windows[-1].test
    rows = np.load(directory.window(0) / "exposures.npy")
    state = policy.initial_state(1)
    for t in range(window.start):
        state = policy.watch(prepared.history.at(t), state)
    for t in range(window.start, window.stop - 1):
        decided = policy.decided(prepared.history.at(t), state)
        np.testing.assert_array_equal(decided.exposures, rows[t - window.start])
        state = decided.state
    state = policy.watch(prepared.history.at(len(prepared.bars) - 1), state)
    np.testing.assert_array_equal(bundle.start.policy[:, -104:-4], state[:, -104:-4])  # up to the last bar of the run


@pytest.mark.slow
@pytest.mark.parametrize("model", ["{kind: online_forest, n_models: 2}", "{kind: online_net, net: logistic}"])
def test_what_learns_outside_of_its_memory_is_refused_by_name(tmp_path: Path, model: str) -> None:
    if "forest" in model:
        pytest.importorskip("river")
    for each in (model, f"{{kind: ensemble, combine: hedge, members: [{model}, {{kind: momentum, lookback: 9}}]}}"):
        folder = tmp_path / str(len(each))
        folder.mkdir()
        with pytest.raises(RunError, match=r"export: must be of a model whose knowledge is a row of numbers.*Online"):
            exported(folder, f"model={each}", "training={}", bars=700)


@pytest.mark.slow
def test_features_of_ones_own_go_with_the_bundle(tmp_path: Path) -> None:
    source = tmp_path / "moves.py"
    source.write_text(FEATURE)
    own = f"features={{kind: indicators, columns: [rsi_14, move], features: ['{source}:MOVE']}}"
    bundle = exported(tmp_path, own).bundle
    source.unlink()
    assert "own/moves.py" in bundle.manifest.files
    again = open_bundle(bundle.folder)
    assert again.features.names == ("rsi_14", "move")
    stream = again.features.stream(again.symbols)
    stream.load_state_dict(again.start.features)
    row = stream.push(again.start.time + again.bar_length, 100.0, 101.0, 99.0, 100.0, 1.0)
    assert np.isfinite(row).all()


@pytest.mark.slow
def test_members_that_are_mixed_have_a_graph_each(tmp_path: Path) -> None:
    members = "[{kind: baseline, hidden: [8]}, {kind: momentum, lookback: 20}]"
    bundle = exported(tmp_path, f"model={{kind: ensemble, combine: hedge, members: {members}}}", "band={}").bundle
    manifest = bundle.manifest
    assert [name for name in manifest.files if name.endswith(".onnx")] == ["decision-0.onnx"]
    assert manifest.policy.details == ("exposure baseline", "exposure momentum")
    assert manifest.parity.same_actions == 1.0
    assert manifest.parity.drift <= 1e-9


@pytest.mark.slow
def test_a_member_without_a_graph_leaves_the_others_theirs(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    members = "[{kind: baseline, hidden: [8]}, {kind: lightgbm, n_estimators: 5}, {kind: momentum, lookback: 20}]"
    mixed = f"model={{kind: ensemble, combine: hedge, members: {members}}}"
    bundle = exported(tmp_path, mixed, "preprocess=[{kind: running}]", "band={}").bundle
    manifest = bundle.manifest
    assert [member.served for member in manifest.policy.members] == ["classifier", "python", "rule"]
    assert [name for name in manifest.files if name.endswith(".onnx")] == ["decision-0.onnx"]
    assert {name.split("/")[2] for name in manifest.files if name.startswith("policy/members/")} == {"1-lightgbm"}
    assert manifest.policy.details == ("exposure baseline", "exposure lightgbm", "exposure momentum")
    assert manifest.parity.observations > 100
    assert manifest.parity.same_actions == 1.0
    assert manifest.parity.drift <= 1e-9
    assert "serves them: lightgbm" in (bundle.folder / "MODEL.md").read_text()
    with pytest.raises(RunError, match=r"must be opened by `regimen`.*no graph computes; got 'lightgbm'"):
        open_bundle(bundle.folder)
    assert open_bundle(bundle.folder, revive=revive).golden.observations > 100
