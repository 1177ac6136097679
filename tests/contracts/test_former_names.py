"""What a config is known by: an example's hash, and the document beside a predictor's weights, as they were written
before fields were renamed. A trial ledger keys by the first, a checkpoint and a served model by the second."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from regimen.errors import ConfigError
from regimen.labels import TripleBarrierConfig, WeightsConfig
from regimen.predictors import LSTMConfig, PredictorConfig
from regimen.records import RunConfig, load_config, resolve
from regimen.records.choice import choose_model
from regimen.records.models import model_config
from regimen.records.stored_config import missing_fields
from regimen.settings import apply_overrides
from regimen.training import TrainingConfig, TrainingData
from regimen.training.checkpoint import identify

EXAMPLES = Path(__file__).parents[2] / "examples"


def not_calibrated(model: str) -> list[str]:
    """The override by which a model that says probabilities is as it was when these hashes were written."""
    later = model == "ensemble"  # there was none before there were calibrations
    return ["calibration=none"] if "calibration" in model_config(model).reads and not later else []


EXAMPLE_HASHES = {
    "analytic-btc-1h.yaml": ("analytic", "e96454f43d10469f"),
    "btc-1h.yaml": ("baseline", "c03c2a2b63e6c9e0"),
    "cgdt-btc-1h.yaml": ("cgdt", "2dc62c4b0f50f13f"),
    "cnn-btc-1h.yaml": ("cnn", "b64cf0e44dcfd22a"),
    "compare-btc-1h.yaml": ("lstm", "4fe88e3ea18903cc"),
    "compare-sp500-panel.yaml": ("lstm", "c4309dcf52148456"),
    "cql-btc-1h.yaml": ("cql", "02df8ad7a7f5d31b"),
    "flag-trader-btc-1h.yaml": ("flag-trader", "e06aa870c2a4d296"),
    "hybrid-btc-1h.yaml": ("hybrid", "77d4becfb8e7e002"),
    "logistic-btc-1h.yaml": ("logistic", "eb6bb69a4217cdec"),
    "lstm-btc-1h.yaml": ("lstm", "faeb89e45544cf56"),
    "momentum-sp500-panel.yaml": ("momentum", "df480f544adcdcb1"),
    "multitask-btc-1h.yaml": ("multitask", "6e45f970c44c8a21"),
    "ppo-btc-1h.yaml": ("ppo", "13bb3797118849c6"),
    "ppo-sp500-panel.yaml": ("ppo", "3a6cc77c833a339a"),
    "recurrent-ppo-btc-1h.yaml": ("recurrent-ppo", "4541344dd8b8c9ff"),
    "rl-ensemble-btc-1h.yaml": ("ensemble", "f2691d0dafdd7843"),
    "sac-btc-1h.yaml": ("sac", "52cb1963f9a936ec"),
    "sac-sp500-panel.yaml": ("sac", "9c57a4a16cc5fc56"),
    "sb3-btc-1h.yaml": ("sb3", "ad7f379f70b93d35"),
    "sp500-panel.yaml": ("baseline", "c8417000416c8f4f"),
    "stack-btc-1h.yaml": ("ensemble", "c03152fd23d834b0"),
    "weighted-labels-btc-1h.yaml": ("logistic", "a375a96a5d90aa0d"),
}
"""By the code before the first rename; `compare` files by the model that is put into them."""

OTHER_NAMES: list[tuple[str, str, list[str]]] = [
    (
        "lstm",
        "b34bc63b349d2f14",
        [
            "model.window=8",
            "labels.volatility_window=30",
            "exposure.volatility_target=0.2",
            "exposure.volatility_window=15",
        ],
    ),
    ("cnn", "5510748c708577f0", ["model.window=40"]),
    ("hybrid", "ba47b49fdc0d4e7e", ["model.window=40"]),
    ("multitask", "9b6bab076a22ac0d", ["model.window=40", "labels.kind=triple_barrier", "labels.volatility_window=31"]),
    ("ppo", "f109d85e8130e695", ["environment.window=3", "environment.reward={kind: rolling_sharpe, window: 20}"]),
    ("momentum", "b4b3bf3df0422518", ["exposure.volatility_window=60"]),
    ("cgdt", "78c7b5fa70907bda", ["model.context=12"]),
    ("flag-trader", "ee9bc491388c950b", ["model.context=12", "environment.window=2"]),
]
"""A model, the hash by the code before the first rename, and overrides in its words."""

WEIGHTED: list[tuple[str, list[str], str]] = [
    ("logistic", [], "b6b2a3daebb4e7ed"),
    ("logistic", ["weights.uniqueness=true", "weights.half_life=50"], "2ba017552d064adc"),
    ("multitask", ["weights.uniqueness=true", "weights.half_life=50"], "6e2cded224d7e01a"),
    ("multitask", ["weights={returns: true}"], "65533ddd3fd38a7d"),
    ("mine.py:Prior", [], "b83c30326b8d6009"),
    ("mine.py:Prior", ["weights.uniqueness=true", "weights.half_life=50"], "6fb07e1cc2fd96ab"),
]
"""A model, overrides of what its rows count, and the hash by the code that had them in ``training``."""

PRIOR = """
class Prior:
    def fit(self, X, y, sample_weight=None):
        return self
    def predict_proba(self, X):
        return X
    classes_ = [0, 1, 2]
    def get_params(self, deep=True):
        return {}
    def set_params(self, **p):
        return self
"""

DOCUMENTS = {
    "cnn": "fb4b42b2c0d30e316d4566d5c44a5ac4d0b9e0c4681a1b5c3326d49ac48ef6f2",
    "lstm": "cc1cefb0c10add8c23b4203f0c411603c87b9dc27bbfb31facc1a6ed6bd57761",
    "hybrid": "49f53344a27cb5b29ac2ff2076fe5dee2fd812080e6f56db10570557b466f579",
    "multitask": "c075f6c92691fa5a633e818cc7751ab5753fa05480158e66d7c43600eadcfe99",
}
"""SHA-256 of ``predictor.json``, by the code before the first rename."""


def test_every_example_of_then_has_its_hash() -> None:
    assert set(EXAMPLE_HASHES) <= {path.name for path in EXAMPLES.glob("*.yaml")}


@pytest.mark.parametrize(("file", "model", "digest"), [(name, *row) for name, row in EXAMPLE_HASHES.items()])
def test_an_example_is_the_trial_that_it_was(file: str, model: str, digest: str) -> None:
    assert choose_model(model, EXAMPLES / file, not_calibrated(model)).config.hash == digest


@pytest.mark.parametrize(("model", "digest", "overrides"), OTHER_NAMES)
def test_a_config_in_former_words_is_the_trial_that_it_was(model: str, digest: str, overrides: list[str]) -> None:
    assert choose_model(model, None, ["data.sample=sp500", *not_calibrated(model), *overrides]).config.hash == digest


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_document_of_a_predictor_is_what_it_was(kind: str, tmp_path: Path) -> None:
    values: dict[str, Any] = {"kind": kind, "window": 30, "heads": 1}
    if kind in ("cnn", "multitask"):
        del values["heads"]
    config: Any = TypeAdapter(PredictorConfig).validate_python(values)
    config.build(6, 3).save(tmp_path)
    assert hashlib.sha256((tmp_path / "predictor.json").read_bytes()).hexdigest() == DOCUMENTS[kind]


def test_a_checkpoint_is_of_the_training_that_it_was_of() -> None:
    predictor = LSTMConfig(context=4, width=4, layers=1, heads=1).build(6, 3)
    data = TrainingData(np.zeros((9, 4, 6), np.float32), np.zeros(9, np.int64))
    written = identify(predictor, data, TrainingConfig(), 0, 0, torch.device("cpu"))["predictor"]
    sizes = {"width": 4, "layers": 1, "bidirectional": False, "heads": 1, "dropout": 0.1}
    assert written == {"kind": "lstm", "window": 4, **sizes}


FORMER_AND_NEW = [
    ("lstm", "model.window", "model.context", "12"),
    ("cnn", "model.window", "model.context", "40"),
    ("hybrid", "model.window", "model.context", "40"),
    ("multitask", "model.window", "model.context", "40"),
    ("ppo", "environment.window", "environment.context", "3"),
    ("baseline", "labels.volatility_window", "labels.volatility_bars", "30"),
    ("momentum", "exposure.volatility_window", "exposure.volatility_bars", "60"),
]


@pytest.mark.parametrize(("model", "former", "new", "value"), FORMER_AND_NEW)
def test_both_names_are_read_and_the_new_one_is_written(model: str, former: str, new: str, value: str) -> None:
    data = "data.sample=sp500"
    then, now = (choose_model(model, None, [data, f"{name}={value}"]).config for name in (former, new))
    assert then == now
    assert then.hash == now.hash
    section, field = new.split(".")
    assert str(then.as_dict()[section][field]) == value
    assert former.split(".")[1] not in then.as_dict()[section]
    assert (
        missing_fields(then, then.model_dump(mode="json", by_alias=True)) == []
    )  # a run of then is read without a word


@pytest.mark.parametrize(("model", "former", "new", "value"), FORMER_AND_NEW)
def test_an_override_wins_whichever_name_the_file_has(model: str, former: str, new: str, value: str) -> None:
    for earlier, later in ((former, new), (new, former)):
        overrides = ["data.sample=sp500", f"{earlier}=7", f"{later}={value}"]
        section, field = new.split(".")
        assert str(choose_model(model, None, overrides).config.as_dict()[section][field]) == value


def test_an_override_leaves_names_of_the_users_own_alone() -> None:
    values = {"data": {"extras": {"window": {"path": "a.csv"}}}}
    both = apply_overrides(values, ["data.extras.context.path=b.csv", "data.extras.context={path: c.csv}"])
    assert both["data"]["extras"] == {"window": {"path": "a.csv"}, "context": {"path": "c.csv"}}


@pytest.mark.parametrize(("model", "former", "new", "value"), FORMER_AND_NEW)
def test_both_names_together_are_one_mistake(model: str, former: str, new: str, value: str, tmp_path: Path) -> None:
    (section, old), (_, field) = former.split("."), new.split(".")
    kind = f"kind: {model}, " if section == "model" else ""
    path = tmp_path / "both.yaml"
    path.write_text(f"data: {{sample: sp500}}\n{section}: {{{kind}{old}: {value}, {field}: {value}}}\n")
    with pytest.raises(ConfigError) as caught:
        choose_model(model, path)
    rule = f"{former}: is what {field!r} was called before: leave one of the two out; got {value}"
    assert str(caught.value) == rule


@pytest.mark.parametrize("name", ["window", "context"])
def test_a_mistake_names_the_field_as_it_is_written(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^model\.{name}: must be greater than or equal to 2; got 1$"):
        choose_model("lstm", None, ["data.sample=sp500", f"model.{name}=1"])


def test_a_model_whose_field_was_never_renamed_has_no_former_name() -> None:
    with pytest.raises(ConfigError, match=r"^model\.window: is not a known key"):
        choose_model("cgdt", None, ["data.sample=sp500", "model.window=12"])


@pytest.mark.parametrize(("model", "words", "digest"), WEIGHTED)
def test_weights_at_their_former_place_are_the_trial_that_they_were(
    model: str, words: list[str], digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(PRIOR.lstrip())
    then, now = (
        choose_model(
            model, None, ["data.sample=sp500", "calibration=none", *(f"{section}.{word}" for word in words)]
        ).config
        for section in ("training", "labels")
    )
    assert then == now
    assert then.hash == now.hash == digest
    values = then.as_dict()
    assert "weights" not in values["training"]
    weights = values["labels"].pop("weights", None)
    stored = {**values, "training": {**values["training"], **({} if weights is None else {"weights": weights})}}
    assert resolve(stored) == then  # as an early run wrote it down
    assert missing_fields(then, stored) == []


def test_an_override_of_weights_wins_whichever_place_the_file_has(tmp_path: Path) -> None:
    path = tmp_path / "weights.yaml"
    for there in ("training", "labels"):
        path.write_text(f"data: {{sample: sp500}}\n{there}: {{weights: {{half_life: 7, uniqueness: true}}}}\n")
        for here in ("training", "labels"):
            config = choose_model("logistic", path, [f"{here}.weights.half_life=9"]).config
            assert config.labels.weights == WeightsConfig(half_life=9, uniqueness=True)
            assert load_config(path, [f"{here}.weights={{returns: true}}"]).labels.weights == WeightsConfig(
                returns=True
            )
    assert choose_model("ppo", path).left_out == ("labels.weights",)


def test_weights_at_both_places_or_wrong_at_the_former_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "both.yaml"
    path.write_text("data: {sample: sp500}\nlabels: {weights: {half_life: 7}}\ntraining: {weights: {half_life: 8}}\n")
    with pytest.raises(
        ConfigError, match=r"^training\.weights: is where labels\.weights was before: leave one of the two"
    ):
        choose_model("logistic", path)
    with pytest.raises(ConfigError, match=r"^labels\.weights\.half_life: must be greater than 0; got -1$"):
        choose_model("logistic", None, ["data.sample=sp500", "training.weights.half_life=-1"])
    for words in ("training.weights.half_life=3", "labels.weights.half_life=3"):
        with pytest.raises(ConfigError, match=r"^labels\.weights\.half_life: is not read by a model of kind ppo"):
            choose_model("ppo", None, ["data.sample=sp500", words])
    with pytest.raises(ConfigError, match=r"labels\.weights is not read by a model of kind momentum: leave it out"):
        resolve({"data": {"sample": "sp500"}, "model": {"kind": "momentum"}, "labels": {"weights": {"half_life": 3}}})


def test_configs_of_python_are_read_at_both_places_too() -> None:
    weights = {"uniqueness": True}
    labels = TripleBarrierConfig(horizon=7)
    then = RunConfig.model_validate({"data": {"sample": "sp500"}, "labels": labels, "training": {"weights": weights}})
    assert then.labels == TripleBarrierConfig(horizon=7, weights=WeightsConfig(uniqueness=True))
