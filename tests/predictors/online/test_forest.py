"""River's forest behind the house's verbs: it says what River says, and is kept without pickle to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.predictors import OnlineForestConfig
from regimen.predictors.online.river_file import from_json, to_json

pytest.importorskip("river")

CONFIG = OnlineForestConfig(n_models=3, grace_period=20, drift_delta=0.05, warning_delta=0.2)


def sample(rows: int, inputs: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows of which the first column tells the class; what it says turns round in the middle."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, inputs))
    side = np.where(np.arange(rows) < rows // 2, 1.0, -1.0)
    return x, np.digitize(side * x[:, 0] + rng.normal(0.0, 0.3, rows), (-0.4, 0.4))


def test_it_says_what_river_says() -> None:
    x, y = sample(600)
    ours, theirs = CONFIG.build(4, seed=5), CONFIG.forest(5)
    for row, came in zip(x, y, strict=True):
        said = ours.predict_proba(row[None])[0]
        own = theirs.predict_proba_one(dict(enumerate(row.tolist())))
        if sum(own.values()) > 0.0:
            np.testing.assert_allclose(said, [own.get(k, 0.0) for k in range(3)], rtol=1e-12)
        else:
            np.testing.assert_array_equal(said, np.full(3, 1 / 3))
        ours.learn(row[None], came[None])
        theirs.learn_one(dict(enumerate(row.tolist())), int(came))
    assert ours.replaced == theirs.n_drifts_detected() > 0
    assert ours.learned == 600


def test_in_blocks_and_from_a_file_it_goes_on_to_the_bit(tmp_path: Path) -> None:
    x, y = sample(700)
    whole = CONFIG.build(4, seed=1, schema="abc")
    whole.learn(x[:400], y[:400])
    whole.save(tmp_path)
    again, other = CONFIG.read(tmp_path, "abc"), whole.copy()
    for model in (again, other):
        for at in range(400, 700, 7):
            model.learn(x[at : min(at + 7, 700)], y[at : min(at + 7, 700)])
    whole.learn(x[400:], y[400:])
    for model in (again, other):
        np.testing.assert_array_equal(model.predict_proba(x), whole.predict_proba(x))
        assert model.learned == whole.learned == 700
    assert to_json(again.forest) == to_json(whole.forest)


def test_a_file_is_data_of_river_alone(tmp_path: Path) -> None:
    x, y = sample(60)
    model = CONFIG.build(4, schema="abc")
    model.learn(x, y)
    model.save(tmp_path)
    content = (tmp_path / "forest.json").read_bytes()
    document = json.loads(content)
    with pytest.raises(RunError, match="features: must have the schema abc"):
        CONFIG.read(tmp_path, "abd")
    for module, name in (("os", "system"), ("subprocess", "Popen"), ("river.utils.random", "poisson")):
        table = [["object", module, name, []] if each[:1] == ["object"] else each for each in document["table"]]
        (tmp_path / "forest.json").write_text(json.dumps({"root": document["root"], "table": table}))
        with pytest.raises(RunError, match="run: holds a damaged file of a forest"):
            CONFIG.read(tmp_path, "abc")
    for damaged in (content[:-20], b"{}", b'{"root": {"#": 0}, "table": [["dict", []]]}'):
        (tmp_path / "forest.json").write_bytes(damaged)
        with pytest.raises(RunError, match="run: holds a"):
            CONFIG.read(tmp_path, "abc")
    with pytest.raises(RunError, match="model: must be made of River's own classes"):
        to_json(object())
    shared = [1.5, float("inf"), b"bytes", {"a": (1, 2)}, {3, 1}]
    twice = from_json(to_json([shared, shared]))
    assert twice[0] is twice[1]
    assert twice[0] == shared


def test_what_it_does_not_know_is_refused() -> None:
    model = CONFIG.build(3)
    with pytest.raises(RunError, match="features: must be rows of 3 columns"):
        model.learn(np.zeros((2, 4)), np.zeros(2, np.int64))
    with pytest.raises(RunError, match="rows: must have one class each"):
        model.learn(np.zeros((2, 3)), np.zeros(3, np.int64))
    with pytest.raises(ConfigError, match=r"labels\.weights: must be left out"):
        model.learn(np.zeros((2, 3)), np.zeros(2, np.int64), np.ones(2))
    with pytest.raises(ConfigError, match="inputs: must be at least 1"):
        CONFIG.build(0)


def test_without_river_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r'needs River: pip install "regimen\[online\]"'):
        CONFIG.require()
