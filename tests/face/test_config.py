"""Whatever `regimen.train` is given becomes the config that a file would have said; each mistake is one line."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.markets import random_walk

import regimen as rg
from regimen.errors import ConfigError
from regimen.face.config import run_config, whole_config
from regimen.face.features import features_section

SOURCES = Path("sources")


def config(data: object = "btc-1h.csv", **given: Any) -> rg.RunConfig:
    named = {name: given.pop(name, None) for name in ("model", "costs", "features")}
    return run_config(data, **named, sections=given, sources=SOURCES)


def test_nothing_but_the_data_needs_to_be_said() -> None:
    assert config() == rg.RunConfig.model_validate(
        {"name": "logistic-btc-1h", "data": {"path": "btc-1h.csv"}, "model": {"kind": "logistic"}}
    )
    assert config(Path("btc-1h.csv")) == config()
    assert config(rg.DataConfig(path="btc-1h.csv")) == config()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "baseline"}, {"model": {"kind": "baseline"}}),
        ({"model": rg.BaselineConfig(hidden=(8,))}, {"model": {"kind": "baseline", "hidden": [8]}}),
        ({"model": {"kind": "baseline", "hidden": [8]}}, {"model": {"kind": "baseline", "hidden": [8]}}),
        ({"splits": "2y/3mo"}, {"splits": {"train": "2y", "test": "3mo"}}),
        ({"splits": "1000 / 250"}, {"splits": {"train": 1000, "test": 250}}),
        ({"splits": {"train": 10, "test": 5}}, {"splits": {"train": 10, "test": 5}}),
        ({"splits": rg.WalkForwardConfig(train=10)}, {"splits": {"train": 10}}),
        ({"costs": "binance-spot"}, {"market": {"costs": "binance-spot"}}),
        ({"costs": rg.Costs(commission_bps=2.0)}, {"market": {"costs": {"commission_bps": 2.0}}}),
        ({"costs": {"commission_bps": 2.0}}, {"market": {"costs": {"commission_bps": 2.0}}}),
        (
            {"costs": "coinbase", "market": {"leverage": 2.0}},
            {"market": {"costs": "coinbase", "leverage": 2.0}},
        ),
        ({"labels": "triple_barrier"}, {"labels": {"kind": "triple_barrier"}}),
        ({"labels": rg.FixedHorizonConfig(horizon=7)}, {"labels": {"horizon": 7}}),
        ({"training": {"epochs": 3}}, {"training": {"epochs": 3}}),
        ({"training": rg.TrainingConfig(epochs=3)}, {"training": {"epochs": 3}}),
        ({"training.epochs": 3, "training.patience": 2}, {"training": {"epochs": 3, "patience": 2}}),
        ({"training.epochs": 3, "training": {"patience": 2}}, {"training": {"epochs": 3, "patience": 2}}),
        ({"seed": 4, "seeds": 3, "name": "mine"}, {"seed": 4, "seeds": 3, "name": "mine"}),
        ({"features": "indicators"}, {"features": {"kind": "indicators"}}),
        ({"features": {"groups": ["volume"]}}, {"features": {"groups": ["volume"]}}),
    ],
)
def test_objects_and_words_say_what_a_file_says(given: dict[str, Any], said: dict[str, Any]) -> None:
    written = {"name": "logistic-a", "data": {"path": "a.csv"}, "model": {"kind": "logistic"}, **said}
    made = config("a.csv", **given)
    assert made == rg.RunConfig.model_validate({**written, "name": made.name})
    assert made.hash == rg.RunConfig.model_validate(written).hash


def test_what_a_model_presets_holds_where_nothing_else_is_said() -> None:
    assert config(model="analytic").environment.actions.kind == "continuous"


def test_a_run_is_named_by_its_model_and_its_data() -> None:
    assert config("prices/btc usdt.csv", model="recurrent-ppo").name == "recurrent-ppo-btc-usdt"
    assert config({"sample": "sp500"}).name == "logistic-sp500"


STANDARD = rg.features.standard()


def test_features_may_be_mixed() -> None:
    assert features_section(STANDARD, SOURCES) == rg.FeaturesConfig()
    assert features_section(reversed(STANDARD), SOURCES) == rg.FeaturesConfig()
    momentum = rg.FeatureSet.standard().groups["momentum"]
    assert features_section(["momentum", "volume_1_20"], SOURCES).columns[:-1] == momentum
    assert features_section(STANDARD[0], SOURCES).columns == STANDARD[0].names
    indicators = rg.FeatureSet.indicators()
    assert features_section(["rsi_14", "return_5d"], SOURCES) == rg.FeaturesConfig(
        kind="indicators", columns=("rsi_14", "return_5d")
    )
    assert features_section(indicators, SOURCES).kind == "indicators"


OWN = """
from typing import NamedTuple
from regimen.features import Bar, Feature, Stateless
from regimen.jit import jit

@jit
def body(state: Stateless, bar: Bar):
    return state, (bar.close - bar.open) / bar.open

BODY = Feature(("own_body",), "own", body, Stateless())
"""


def test_own_features_are_named_by_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_features_here.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    from own_features_here import BODY  # type: ignore[import-not-found]

    place = f"{tmp_path / 'own_features_here.py'}:BODY"
    selected = rg.FeatureSet([*STANDARD, BODY]).select(["own_body", "return_1"])
    assert features_section(selected, SOURCES).build().names == ("own_body", "return_1")
    for own in (BODY, place):
        mixed = features_section([*STANDARD, own], SOURCES)
        assert mixed == rg.FeaturesConfig(features=(place,))
        assert mixed.build().names[-1] == "own_body"
        assert features_section([own], SOURCES) == rg.FeaturesConfig(kind="custom", features=(place,))
        assert features_section(["return_1", own], SOURCES).columns == ("return_1", "own_body")
    monkeypatch.chdir(tmp_path)
    assert features_section(BODY, SOURCES).features == ("own_features_here.py:BODY",)


FRAMES = """
from regimen.features import FrameFunction

def body(frame):
    return frame["close"] / frame["open"] - 1.0

def both(frame):
    return frame[["open", "close"]].pct_change()

BOTH = FrameFunction(both, names=("own_open", "own_close"), warmup=1)
"""


def test_functions_of_a_frame_are_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_frames_here.py").write_text(FRAMES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    from own_frames_here import BOTH, body  # type: ignore[import-not-found]

    mixed = features_section(["return_1", body, BOTH], SOURCES)
    assert mixed.features == ("own_frames_here.py:body", "own_frames_here.py:BOTH")
    assert mixed.columns == ("return_1", "body", "own_open", "own_close")
    assert mixed.build().compute(random_walk(300)).names == mixed.columns


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"data": 5}, "data: must be a path, Bars, a data frame, or a DataConfig; got 'int'"),
        ({"data": object}, "data: must be a path"),
        ({"model": "logstic"}, r"model: must be one of .*did you mean 'logistic'\?\); got 'logstic'"),
        ({"model": "sb3"}, r"model\.algorithm: is required"),
        ({"model": 5}, "model: must be a class, a function or an estimator.*; got 5"),
        ({"model": "nowhere.py:X"}, r"model\.source: must name a file that exists; got 'nowhere\.py:X'"),
        ({"costs": "binance-spt"}, r"costs: must be one of .*did you mean 'binance-spot'\?\); got 'binance-spt'"),
        ({"costs": "moon"}, "costs: must be one of .*; got 'moon'"),
        ({"costs": "binanse"}, r"did you mean 'binance-spot'\?\); got 'binanse'"),
        ({"costs": 3}, "costs: must be the name of a venue, or Costs; got 'int'"),
        ({"costs": {"comission_bps": 1.0}}, r"costs\.comission_bps: .*did you mean 'commission_bps'"),
        ({"costs": "coinbase", "market": {"costs": "kraken"}}, "costs: must be given once"),
        ({"costs": "coinbase", "market": rg.MarketConfig()}, "costs: must be given once"),
        ({"splits": "2y"}, r"splits: must be the spans of training and test, TRAIN/TEST: '2y/3mo'.*; got '2y'"),
        ({"splits": "2y/"}, "splits: must be the spans"),
        ({"splits": "2y/3mo/1mo"}, "splits: must be the spans"),
        ({"splits": "2y/3moons"}, r"splits\.test: must be a number of bars or a duration.*got '3moons'"),
        ({"splits": 5}, "splits: must be a mapping"),
        ({"cost": "coinbase"}, r"cost: is not a known key \(did you mean 'costs'\?\); got 'coinbase'"),
        ({"model": {"kind": "baseline", "hiden": [8]}}, r"model\.hiden: is not a known key .*'hidden'"),
        ({"model": {"kind": "baselin"}}, r"model: must be one of .*did you mean 'baseline'"),
        ({"epochs": 5}, r"epochs: is not a known key; it is a field of training: training=\{'epochs': ...\}; got 5"),
        ({"data": ""}, "data: must name a file or a folder; got ''"),
        ({"trainig": {"epochs": 5}}, r"trainig: is not a known key \(did you mean 'training'\?\)"),
        ({"training": {"epoch": 5}}, r"training\.epoch: is not a known key \(did you mean 'epochs'\?\)"),
        ({"training": rg.TrainingConfig(), "training.epochs": 5}, r"training\.epochs: training is given whole"),
        ({"model": "momentum", "training": {"epochs": 5}}, "training is not read by a model of kind momentum"),
        ({"features": 5}, "features: must be a list of features, names and functions; got 'int'"),
        ({"features": np.ones((3, 2))}, "features: must be a list of features, names and functions; got 'ndarray'"),
        ({"features": pd.DataFrame({"a": [1.0]})}, "features: must be a list of .*; got 'DataFrame'"),
        ({"features": "standart"}, r"features: must be a set, .*\(did you mean 'standard'\?\); got 'standart'"),
        ({"features": ["rsi"]}, r"features: must be a column .*\(did you mean 'rsi_centred_14'\?\); got 'rsi'"),
        ({"features": ["momentun"]}, r"features: must be a column or a group .*did you mean 'momentum'"),
        ({"features": ["rsi_14", "momentum"]}, "features: must be a column or a group of the indicators features"),
        ({"features": ["return_1", "momentum"]}, "features: must name each column once; got 'return_1'"),
        ({"features": ["nowhere.py:X"]}, "features: .*must name a file that exists|must name a file that exists"),
        ({"features": [lambda bars: bars]}, "features: must have a name"),
        ({"seeds": 0}, "seeds: must be greater than or equal to 1"),
    ],
)
def test_a_mistake_is_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        config(**{"data": "a.csv", **given})
    assert "\n" not in str(caught.value)


MODEL = """
class Coin:
    def __init__(self, edge=0.1):
        self.edge = edge

    def get_params(self, deep=True):
        return {"edge": self.edge}

    def set_params(self, **settings):
        return self

    def fit(self, x, y, sample_weight=None):
        return self

    def predict_proba(self, x):
        return [[0.3, 0.4, 0.3]] * len(x)
"""


def test_a_model_of_ones_own_is_named_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "own_model_here.py"
    place.write_text(MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    from own_model_here import Coin  # type: ignore[import-not-found]

    named = config("a.csv", model=f"{place}:Coin")
    assert named.model.kind == "estimator"
    assert named.name == "Coin-a"
    assert config("a.csv", model=Coin).hash == named.hash
    assert config("a.csv", model=Coin(edge=0.2)).hash != named.hash


def test_a_whole_config_stands_alone(tmp_path: Path) -> None:
    made = config("a.csv")
    (tmp_path / "a.yaml").write_text(made.to_yaml())
    assert whole_config(made, {}) is made
    assert whole_config(tmp_path / "a.yaml", {}) == made
    assert whole_config("a.csv", {"seed": 1}) is None
    with pytest.raises(ConfigError, match="seed: must be left out beside a whole config"):
        whole_config(made, {"seed": 1})


def test_bars_and_frames_are_data() -> None:
    bars = random_walk(40)
    assert config(bars).data.bars is bars
    assert config(bars).name == "logistic-memory"
    framed = config(bars.to_frame()).data.bars
    assert framed is not None
    assert framed.fingerprint == bars.fingerprint
    with pytest.raises(rg.DataError, match="close"):
        config(bars.to_frame().drop(columns="close"))


def test_no_part_of_the_message_is_a_traceback() -> None:
    with pytest.raises(ConfigError, match=re.escape("got 'SimpleNamespace'")):
        config(SimpleNamespace(path="a.csv"))
