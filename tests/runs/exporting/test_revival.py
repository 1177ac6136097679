"""What no graph computes goes with its own files, and so does code of the user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.bundles import exported

from regimen.bundle import open_bundle
from regimen.errors import RunError
from regimen.runs import revive

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
