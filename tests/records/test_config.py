"""The config loader: round trip, overrides, and one line for every mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from regimen.agents import PPOConfig
from regimen.errors import ConfigError, RegimenError
from regimen.nets import MLP
from regimen.predictors import BaselineConfig
from regimen.records import RunConfig, choose_model, load_config
from regimen.records.config import resolve, unread_by
from regimen.records.directory import located
from regimen.records.models import model_configs
from regimen.settings import ModelSettings, apply_overrides, validated

CHANGED: dict[str, Any] = {
    "labels.weights": {"half_life": 5},
    "preprocess": [{"kind": "running"}],
    "augment": [{"kind": "block_bootstrap"}],
    "scaler": {"clip": 4.0},
    "environment": {"steps": 5},
    "training": {"epochs": 3},
    "calibration": {"kind": "vector"},
    "exposure": {"scale": 2.0},
}


def changed(place: str) -> dict[str, Any]:
    """A section, or a field of one, that is not at its default."""
    section, _, field = place.partition(".")
    return {section: {field: CHANGED[place]} if field else CHANGED[place]}


MINIMAL = "data: {sample: sp500}\nsplits: {train: 500, test: 100}\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return path


def test_a_resolved_config_loads_as_itself(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, MINIMAL), ["training.epochs=3", "labels.kind=triple_barrier"])
    again = load_config(written(tmp_path, config.to_yaml()))
    assert again == config
    assert again.hash == config.hash


def test_overrides_reach_every_depth(tmp_path: Path) -> None:
    config = load_config(
        written(tmp_path, MINIMAL),
        ["training.epochs=5", "market.costs.commission_bps=2.5", "model.hidden=[8, 4]", "splits.train=2y"],
    )
    assert (config.training.epochs, config.market.costs.commission_bps) == (5, 2.5)
    assert (config.model.hidden, config.splits.train) == ((8, 4), "2y")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.epoch=5", r"training.epoch: is not a known key \(did you mean 'epochs'\?\); got 5"),
        ("training.epochs=0", "training.epochs: .*; got 0"),
        ("training.epochs=many", "training.epochs: .*; got 'many'"),
        ("market.costs.commission_bps=-1", "costs.commission_bps: .*; got -1"),
        ("model.kind=transformer", "model.*'transformer'"),
        ("trainning.epochs=5", r"trainning: is not a known key \(did you mean 'training'\?\)"),
        ("seed", "override: must look like key=value"),
        ("seed.deep.er=5", "seed"),
        ("name=../evil", "name: .*'../evil'"),
    ],
)
def test_each_mistake_is_one_line_that_names_field_rule_and_value(tmp_path: Path, override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(written(tmp_path, MINIMAL), [override])
    assert "\n" not in str(caught.value)


def test_the_hash_follows_what_changes_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, MINIMAL)
    plain = load_config(path).hash
    assert load_config(path, ["name=other", "seed=3", "judge.bootstrap_draws=500"]).hash == plain
    for change in (
        "training.epochs=7",
        "labels.horizon=9",
        "market.costs.half_spread_bps=3",
        "scaler.clip=null",
        "training.recipes=[{kind: jitter, sigma: .1}]",
        "training.recipes=[{kind: jitter, sigma: .2}]",
        "labels.weights.uniqueness=true",
        "labels.weights={returns: attributed}",
        "labels.weights={half_life: 90d}",
    ):
        assert load_config(path, [change]).hash != plain, change
    without = load_config(path, ["training.recipes=[]", "labels.weights.half_life=null"])
    assert without.hash == plain  # a run without them is the trial that it was before there were any


@pytest.mark.parametrize("text", ["[1, 2]", "a: b: c", "\x00", "1: 2", "&a [*a]", "just words"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load_config(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config: cannot be read .*absent\.yaml"):
        load_config(tmp_path / "absent.yaml")


def outcome(attempt: Callable[[], Any]) -> tuple[Any, str]:
    """What an attempt returned, or the line that a user would see; any other exception escapes and fails."""
    try:
        return attempt(), ""
    except RegimenError as error:
        return None, str(error)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
keys = st.sampled_from(list(RunConfig.model_fields)) | st.text(max_size=8)


@given(st.dictionaries(keys, values, max_size=6))
def test_any_mapping_is_a_config_or_one_line(mapping: dict[str, object]) -> None:
    config, line = outcome(lambda: validated(RunConfig, mapping))
    assert "\n" not in line
    assert config is None or yaml.safe_load(config.to_yaml())["seed"] == config.seed


@given(st.lists(st.text(max_size=20), max_size=4))
def test_any_override_is_applied_or_one_line(overrides: list[str]) -> None:
    result, line = outcome(lambda: apply_overrides({"a": 1}, overrides))
    assert "\n" not in line
    assert line or isinstance(result, dict)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_config_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(RegimenError) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\nname: b\n", "line 2: the key 'name' is written twice"),
        ("data: {path: a, path: b}\n", "line 1: the key 'path' is written twice"),
        ("data:\n\tpath: x\n", "line 2: found character '\\t'"),
        ("1: x\n", "must have text as keys, not 1 (line 1; put it in quotes)"),
    ],
)
def test_what_yaml_would_hide_is_said(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_merged_keys_may_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("splits: &s {train: 9, test: 3}\ndata: {path: a}\n")
    path.write_text(path.read_text().replace("&s {train: 9, test: 3}", "\n  <<: {train: 9, test: 3}\n  test: 4"))
    assert load_config(path).splits.test == 4


def test_the_hash_leaves_out_where_files_lie(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("splits: {train: 9, test: 3}\ndata: {path: a, extras: {funding_rate: f.csv}, adjust: x/adj.csv}\n")
    moved = load_config(path, ["data.path=b", "data.extras.funding_rate=/far/f.csv", "data.adjust=/far/adj.csv"])
    assert moved.hash == load_config(path).hash
    assert load_config(path, ["data.adjust=adj_close"]).hash != moved.hash


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("splits.test=0", "splits.test: must be greater than or equal to 1; got 0"),
        ("model.kind=unknown", "model.kind: must be one of 'logistic', 'baseline', "),
        (
            "preprocess=[{kind: running_scaler}]",
            "preprocess.0.kind: must be one of 'consensus', 'kalman', 'running', 'standard' (did you mean 'running'?); "
            "got 'running_scaler'",
        ),
        (
            "preprocess=[{kind: standard_scaler}]",
            "preprocess.0.kind: must be one of 'consensus', 'kalman', 'running', 'standard' (did you mean 'standard'?)",
        ),
        (
            "labels.kind=Triple-Barrier",
            "labels.kind: must be one of 'fixed_horizon', 'triple_barrier', 'own' (did you mean 'triple_barrier'?)",
        ),
        (
            "training.recipes=[{kind: mixup_loss}]",
            "training.recipes.0.kind: must be one of 'balanced', 'block_shift', 'curriculum', 'fgsm', 'jitter', "
            "'label_smoothing', 'maml', 'mixup', 'pgd', 'self_paced', 'sharpe_loss', 'trades', 'trading_loss' "
            "(did you mean 'mixup'?); got 'mixup_loss'",
        ),
        ("data=[1, 2]", "data: must be a mapping of keys to values; got [1, 2]"),
        ("training.recipes={kind: jitter}", "training.recipes: must be a list: [..., ...]; got {'kind': 'jitter'}"),
        (
            "training.recipes=[{kind: curriculum, stages: [1, 1]}]",
            "training: stages of curriculum must sum to epochs, 50; got [1, 1], which sum to 2",
        ),
        (
            "training.recipes=[{kind: sharpe_loss}, {kind: mixup}]",
            "training.recipes: must not hold sharpe_loss and mixup: a row that is mixed of two is of no one bar",
        ),
        (
            "training.recipes=[{kind: jitter}, {kind: block_shift}]",
            "config: training.recipes.1.kind must not be block_shift with a model that sees single rows",
        ),
        (
            "model={kind: tft}",
            "features.calendar: must be [0, 1, 4, 24], 0 and the horizons of the model, as the last columns; got []",
        ),
        (
            "model={kind: ensemble, members: [{kind: logistic}, {kind: tft, symbol: 2}]}",
            "features.symbol: must be 2, as model.symbol is; got 0",
        ),
        ("features=5", "features: must be a mapping of keys to values; got 5"),
        ("market.costs.commission_bps=-1", "market.costs.commission_bps: must be greater than or equal to 0; got -1"),
        ("market.costs.comission_bps=1", "market.costs.comission_bps: is not a known key (did you mean"),
        ("model.hidden=[0]", "model.hidden.0: must be greater than or equal to 1; got 0"),
        ("labels.horizn=3", "labels.horizn: is not a known key (did you mean 'horizon'?); got 3"),
        ("data.repairs.sorted=true", "data.repairs.sorted: is not a known key (did you mean 'sort'?); got True"),
    ],
)
def test_the_line_speaks_of_what_was_written(tmp_path: Path, override: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, MINIMAL), [override])
    assert str(caught.value).startswith(line)
    assert not str(caught.value).removeprefix(line).startswith("; got {")  # not a whole section


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("labels=my.py:L", "labels: must be a mapping of keys to values (did you mean {kind: own, source: my.py:L}?)"),
        ("splits=my.py:S", "splits: must be a mapping of keys to values (did you mean {kind: own, source: my.py:S}?)"),
        (
            "features=my.py:F",
            "features: must be a mapping of keys to values (did you mean {kind: custom, features: [my.py:F]}?)",
        ),
        ("features=indicator", "features: must be a mapping of keys to values (did you mean {kind: indicators}?)"),
        ("model=my.py:M", "model: must be a mapping of keys to values (did you mean --model my.py:M?)"),
        ("model=Extra-Trees", "model: must be a mapping of keys to values (did you mean {kind: extra_trees}?)"),
        ("exposure=kelly", "exposure: must be a mapping of keys to values (did you mean {kind: kelly}?)"),
        ("exposure=my.py:E", "exposure: must be a mapping of keys to values; got 'my.py:E'"),
        (
            "policy=my.py:P",
            "policy: is not a known key: what decides is the model, here --model with its name, or FILE",
        ),
    ],
)
def test_a_bare_name_or_place_says_how_a_section_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, line: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, MINIMAL), [override])
    assert str(caught.value).startswith(line)
    assert str(caught.value).endswith(f"; got {override.partition('=')[2]!r}")
    hint = str(caught.value).partition("(did you mean ")[2].partition("?)")[0]
    (tmp_path / "my.py").write_text("def L(bars): ...\ndef S(bars): ...\n")
    monkeypatch.chdir(tmp_path)
    if hint.startswith("{"):  # it cures
        load_config(written(tmp_path, MINIMAL), [f"{override.partition('=')[0]}={hint}"])


def test_a_duration_that_is_none_says_what_is_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'^splits.train: must be a number of bars or a duration: "2y"'):
        load_config(written(tmp_path, MINIMAL), ["splits.train=2 fortnights"])


def test_files_folders_and_patterns_are_found_from_where_a_run_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, elsewhere = tmp_path / "began", tmp_path / "elsewhere"
    (began / "prices").mkdir(parents=True)
    elsewhere.mkdir()
    (began / "prices" / "A.csv").write_text("")
    monkeypatch.chdir(elsewhere)
    for path in ("prices", "prices/*.csv", "prices/A.csv"):
        config = resolve({"name": "t", "data": {"path": path}, "model": {"kind": "logistic"}})
        assert located(config, began).data.path == str(began / path)
        assert located(config, elsewhere).data.path == path
    config = resolve({"name": "t", "data": {"path": "other/*.csv"}, "model": {"kind": "logistic"}})
    assert located(config, began).data.path == "other/*.csv"


class Narrow(BaselineConfig):
    """A user's own network under the name of one that is built in."""

    def module(self, inputs: int, classes: int) -> MLP:
        """Returns another network than its parent."""
        return MLP(inputs, classes, (2,))


class Patient(PPOConfig):
    """A user's own agent under the name of one that is built in."""


@pytest.mark.parametrize("model", [Narrow(), Patient()], ids=["predictor", "agent"])
def test_a_subclass_of_a_model_is_refused(model: ModelSettings) -> None:
    """It would be counted as its parent, since its hash is the parent's, and read back as its parent."""
    parent = type(model).__mro__[1].__name__
    with pytest.raises(ConfigError) as caught:
        resolve({"data": {"sample": "sp500"}, "model": model})
    assert str(caught.value) == f"model: must be a {parent} itself, not a subclass; got {type(model).__name__}"
    assert resolve({"data": {"sample": "sp500"}, "model": BaselineConfig()}).model == BaselineConfig()


@pytest.mark.parametrize("name", model_configs())
def test_only_what_a_model_reads_changes_its_hash(name: str) -> None:
    """Every family says what it reads, and no torch is needed to know it."""
    kind = model_configs()[name]
    model = kind(**({"algorithm": "dqn"} if name == "sb3" else {}))
    assert set(model.reads) | set(unread_by(model)) == set(CHANGED)
    features = dict(model.usual().get("features", {}))
    plain = RunConfig(data={"sample": "sp500"}, model=model, features=features)
    for section in unread_by(model):
        with pytest.raises(ValueError, match=f"{section} is not read by a model of kind"):
            RunConfig(data={"sample": "sp500"}, model=model, features=features, **changed(section))
    for section in model.reads:
        other = RunConfig(data={"sample": "sp500"}, model=model, features=features, **changed(section))
        assert other.hash != plain.hash


def test_calibration_is_named_or_none() -> None:
    def calibration(**words: Any) -> object:
        return resolve({"data": {"sample": "sp500"}, **words}).as_dict()["calibration"]

    assert calibration() == calibration(calibration="temperature") == calibration(calibration={"fit_on": "validation"})
    assert calibration(calibration="vector")["kind"] == "vector"  # type: ignore[index]
    assert calibration(calibration={"fit_on": "out_of_fold", "folds": 3})["kind"] == "temperature"  # type: ignore[index]
    assert calibration(calibration="none") is calibration(calibration=None) is None
    assert calibration(calibration=None, model={"kind": "ppo"}) is None  # true of a model that is not calibrated
    with pytest.raises(ConfigError, match=r"^calibration\.kind: must be one of 'temperature', 'vector', 'isotonic'"):
        calibration(calibration="platt")
    paths = {"augment": [{"kind": "block_bootstrap"}], "calibration": {"fit_on": "out_of_fold"}}
    with pytest.raises(ConfigError, match=r"^config: calibration\.fit_on must be validation beside augment"):
        calibration(**paths)


def test_none_is_the_trial_that_there_was_before_calibration() -> None:
    usual, none = (resolve({"data": {"sample": "sp500"}, **words}) for words in ({}, {"calibration": None}))
    assert usual.hash != none.hash
    assert resolve(yaml.safe_load(none.to_yaml())) == none


@pytest.mark.parametrize(
    ("section", "kind"), [("band", "no_trade"), ("intervals", "conformal"), ("novelty", "mahalanobis")]
)
def test_a_section_around_the_policy_may_be_named_by_its_kind(section: str, kind: str) -> None:
    model = ["data.sample=sp500"]
    assert getattr(choose_model("logistic", None, [*model, f"{section}=none"]).config, section) is None
    alone = choose_model("logistic", None, [*model, f"{section}={kind}"]).config
    assert alone == choose_model("logistic", None, [*model, f"{section}={{kind: {kind}}}"]).config
    assert getattr(alone, section).kind == kind
