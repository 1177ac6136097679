"""A run behind its safeguards: judged by what they let through, known by another hash, shown in its report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.runs.conftest import YAML, silent, simulated

from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.metrics import total_return
from regimen.records import RunConfig, RunDirectory, load_config, read_json
from regimen.runs import backtest_run, cost_ladder, reproduce_run, safeguards_of, start
from regimen.runs.guarding import confidences
from regimen.runs.prepare import prepare
from regimen.runs.window import load_policy
from regimen.safeguards import SafeguardsConfig, guarded
from regimen.settings import apply_overrides

LIMITS = "{position: 0.1, daily_loss: 0.001, confidence: 0.002, price_band: 0.02, trades: 4, collapse: null}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("guarded")
    simulated().to_parquet(folder / "coin.parquet")
    (folder / "small.yaml").write_text(YAML.format(path=folder / "coin.parquet") + f"safeguards: {LIMITS}\n")
    return start(load_config(folder / "small.yaml"), folder / "runs", silent)[0]


def wanted(run: RunDirectory, shape: tuple[int, int]) -> np.ndarray:
    rows = np.full(shape, np.nan)
    for window in run.manifest()["windows"]:
        rows[slice(*window["test"])] = np.load(run.window(window["number"]) / "exposures.npy")
    return rows


def test_the_judged_account_trades_what_the_guard_let_through(run: RunDirectory) -> None:
    config = run.located_config()
    prepared = prepare(config)
    sure = confidences(
        config,
        prepared.history,
        prepared.windows,
        lambda window: load_policy(run.window(window.number), config, prepared.features.hash),
    )
    assert sure is not None
    own, targets = Ledger.read(run.path / "ledger"), wanted(run, prepared.bars.shape)
    assert config.safeguards is not None
    expected, record = guarded(
        config.market.build(), prepared.bars, targets, config.safeguards, *prepared.span, confidence=sure
    )
    np.testing.assert_array_equal(own.equity, expected.equity)
    np.testing.assert_array_equal(own.targets, record.allowed)
    assert record.bars("confidence") > 0
    assert record.bars("daily_loss") > 0
    assert np.nanmax(np.abs(own.targets)) <= 0.1 < np.nanmax(np.abs(targets))


def test_a_run_behind_its_safeguards_reproduces_and_trades_other_bars_behind_them(run: RunDirectory) -> None:
    assert reproduce_run(run, silent).differing == ()
    folder, _ = backtest_run(run, None, [], silent)
    own = Ledger.read(run.path / "ledger")
    np.testing.assert_array_equal(Ledger.read(folder / "ledger").equity, own.equity)
    assert cost_ladder(run, [1.0], silent).rungs[0].total_return == total_return(own.returns)


def test_the_report_shows_what_each_limit_cost_and_saved(run: RunDirectory) -> None:
    exhibits = {each["key"]: each for each in read_json(run.path / "exhibits.json")["exhibits"]}
    shown = exhibits["safeguards"]
    assert [row[0] for row in shown["rows"]][:3] == ["trades", "position", "daily loss"]
    assert int(shown["rows"][1][2]) > 0
    assert "Behind all limits the return is" in shown["sentences"][0]
    assert "Safeguards" in (run.path / "report.html").read_text()
    again = safeguards_of(run, [], silent)
    assert again.trained
    assert again.sentence == shown["sentences"][0]
    tighter = safeguards_of(run, ["position=0.01"], silent)
    assert not tighter.trained
    assert abs(tighter.effects.total_return) < abs(again.effects.total_return)


def test_without_the_section_nothing_is_written_or_hashed(tmp_path: Path) -> None:
    values = {"name": "small", "data": {"path": str(tmp_path / "coin.parquet")}}
    plain, none = RunConfig(**values), RunConfig(**values, safeguards="none")
    assert plain == none
    assert plain.safeguards is None
    assert "safeguards" not in plain.as_dict()
    assert "safeguards" not in json.loads(plain.model_dump_json(by_alias=True))
    default = RunConfig(**values, safeguards="default")
    assert default.safeguards == SafeguardsConfig()
    assert default.hash != plain.hash
    assert default.hash != RunConfig(**apply_overrides(values, ["safeguards.position=0.2"])).hash


def test_a_mistake_in_the_section_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(YAML.format(path=tmp_path / "coin.parquet"))
    with pytest.raises(ConfigError, match=r"safeguards\.daily_loss: must be less than 1; got 3"):
        load_config(path, ["safeguards.daily_loss=3"])
    with pytest.raises(ConfigError, match=r"safeguards\.dayly_loss"):
        load_config(path, ["safeguards.dayly_loss=0.1"])
    with pytest.raises(ConfigError, match=r"safeguards"):
        load_config(path, ["safeguards=strict"])
