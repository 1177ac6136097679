"""Every example config trains on the data that it names, shortened: two windows, one seed, a little learning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import SHARED_DATA

from regimen.predictors.trees import TreeSettings
from regimen.records import EnsembleConfig, RunDirectory, load_config
from regimen.records.choice import choose_model
from regimen.records.config import read_yaml, unread_by
from regimen.records.models import model_config, model_configs, model_names
from regimen.runs import start
from regimen.simulators import Quotes, RegimeMarketConfig

EXAMPLES = Path(__file__).parents[2] / "examples"
BITCOIN, PANEL = "crypto/btcusdt-1h-binance-spot.parquet", "panel/sp500-daily-panel-2001-2021.parquet"
FILES = sorted(path.name for path in EXAMPLES.glob("*.yaml") if not path.name.startswith("compare"))
SHORT = ["seeds=1", "judge.bootstrap_draws=100", "judge.random_controls=20", "tracking=none"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of real data, or one of simulated markets under the same names."""
    if SHARED_DATA.is_dir():
        return SHARED_DATA
    folder = tmp_path_factory.mktemp("simulated")
    coin = RegimeMarketConfig(quotes=Quotes(price=4_000.0)).simulate(54_000, 1).bars
    days = Quotes(bar_length="1d", price=40.0)
    stocks = RegimeMarketConfig(symbols=tuple("ABCDE"), quotes=days).simulate(8_100, 2).bars  # from 2000 to 2022
    for name, bars in ((BITCOIN, coin), (PANEL, stocks)):
        (folder / name).parent.mkdir()
        bars.write(folder / name)
    return folder


def _shortened(path: Path) -> list[str]:
    """Returns overrides that leave two windows and little learning."""
    config = load_config(path)
    words = list(SHORT)
    if "training" in config.model.sections():
        recipes, epochs = [recipe.model_dump(mode="json") for recipe in config.training.recipes], 1
        for recipe in recipes:
            if recipe.get("stages"):
                epochs = len(recipe["stages"])
                recipe["stages"] = [1] * epochs
            if "steps" in recipe:
                recipe["steps"] = 1
        words += [f"training.epochs={epochs}", "training.patience=null", f"training.recipes={json.dumps(recipes)}"]
    for section in ("preprocess", "augment"):
        if steps := [step.model_dump(mode="json") for step in getattr(config, section)]:
            fewer = [step | {name: 1 for name in ("factor", "steps") if name in step} for step in steps]
            words.append(f"{section}={json.dumps(fewer)}")
    if isinstance(config.model, TreeSettings):
        words.append("model.n_estimators=5")
    if isinstance(config.model, EnsembleConfig) and config.model.combine.kind == "stack":
        words.append("model.combine={kind: stack, folds: 2}")
    if "environment" in config.model.sections():
        words += ["environment.steps=2048", "environment.n_envs=33", "environment.evaluations=1"]
        if wrappers := [wrapper.model_dump(mode="json") for wrapper in config.environment.wrappers]:
            fewer = [each | {name: 1024 for name in ("steps",) if name in each} for each in wrappers]
            words.append(f"environment.wrappers={json.dumps(fewer)}")
        if hasattr(config.model, "updates"):
            words.append("model.updates=20")
        if hasattr(config.model, "population"):
            words.append("model.population=8")
    return words


def _data(name: str, folder: Path) -> list[str]:
    if "panel" in name:
        return [f"data.path={folder / PANEL}", "data.start=2012-01-01", "splits.train=4y", "splits.test=3y"]
    return [f"data.path={folder / BITCOIN}", "splits.train=2y", "splits.test=2y"]


def test_there_is_an_example_for_every_model() -> None:
    kinds = {load_config(EXAMPLES / name).model.kind for name in FILES}
    assert {config.model_fields["kind"].default for config in model_configs().values()} == kinds


@pytest.mark.parametrize("file", ["compare-btc-1h.yaml", "compare-sp500-panel.yaml"])
@pytest.mark.parametrize("name", [name for name in model_names() if name not in ("analytic", "sb3")])
def test_one_file_serves_every_model(name: str, file: str) -> None:
    chosen = choose_model(name, EXAMPLES / file)
    values = read_yaml(EXAMPLES / file)
    given = {f"{section}.{field}" for section, part in values.items() if isinstance(part, dict) for field in part}
    assert set(chosen.left_out) == set(unread_by(model_config(name))) & (given | values.keys())


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_an_example_runs(name: str, folder: Path, tmp_path: Path) -> None:
    if name.startswith(("sb3", "rl-ensemble")):
        pytest.importorskip("stable_baselines3")
    path = EXAMPLES / name
    config = load_config(path, [*_data(name, folder), *_shortened(path)])
    directory, judgement = start(config, tmp_path / "runs", lambda *_: None)
    assert judgement["verdict"]["level"]
    assert RunDirectory.open(directory.path).manifest()["status"] == "finished"
