"""What a policy holds now: the backtest's own decision at the last bar, and reasons that can be computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.runs.conftest import silent, simulated

from regimen.errors import ConfigError, DataError, RunError
from regimen.execution import Ledger
from regimen.policies import ClassifierPolicy, Preprocessed
from regimen.records import RunDirectory, load_config, read_json
from regimen.runs import backtest_run, signal_of, start
from regimen.runs.families.scaling import read_scaler
from regimen.runs.prepare import prepare
from regimen.runs.signals import Signal
from regimen.runs.signals.reasons import _tail
from regimen.runs.window import load_policy

YAML = """
name: signal
data: {{path: {path}}}
features: {{kind: standard, groups: [momentum, volume]}}
labels: {{horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 160}}
model: {model}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""
TRAINED = "training: {epochs: 1, batch_size: 64}\n"
MODELS = {
    "rows": "{kind: logistic}\nexposure: {dead_band: 0.0, scale: 3.0}\n" + TRAINED,
    "contexts": "{kind: cnn, context: 6, width: 4, kernels: [3], dilations: [1]}\npreprocess: [{kind: running}]\n"
    "exposure: {dead_band: 0.0, volatility_target: 0.2}\n" + TRAINED,
    "rule": "{kind: momentum, lookback: 20}\n",
    "agent": "{kind: ppo}\nenvironment: {steps: 2048, n_envs: 16, episode_length: 64, context: 2, evaluations: 0}\n",
    "mean": "{kind: ensemble, seeds: 2, members: [{kind: logistic}]}\nexposure: {dead_band: 0.0}\ncalibration: null\n"
    "preprocess: [{kind: running}]\n" + TRAINED,
    "hedge": "{kind: ensemble, members: [{kind: logistic}, {kind: momentum, lookback: 20}], combine: {kind: hedge}}\n"
    "band: {kind: no_trade, width: 0.0}\n" + TRAINED,
    "meta": "{kind: meta, primary: {kind: momentum, lookback: 20}, secondary: {kind: logistic}, threshold: 0.4}\n"
    + TRAINED,
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunDirectory]:
    """A finished run of each way to decide, on the first 600 of 900 bars; the bars are a panel of two."""
    folder = tmp_path_factory.mktemp("signal")
    market(600).to_parquet(folder / "then.parquet")
    finished = {}
    for name, model in MODELS.items():
        (folder / f"{name}.yaml").write_text(YAML.format(path=folder / "then.parquet", model=model))
        finished[name] = start(load_config(folder / f"{name}.yaml"), folder / "runs", silent)[0]
    return finished


def market(bars: int, symbols: tuple[str, ...] = ("A", "B")) -> pd.DataFrame:
    parts = [simulated(900, seed)[:bars].assign(symbol=symbol) for seed, symbol in enumerate(symbols)]
    return pd.concat(parts)


def asked(run: RunDirectory, frame: pd.DataFrame, folder: Path) -> Signal:
    frame.to_parquet(folder / "now.parquet")
    return signal_of(run, str(folder / "now.parquet"), [], silent)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "agent"])
def test_the_targets_are_those_of_a_backtest_at_the_last_bar(
    name: str, runs: dict[str, RunDirectory], tmp_path: Path
) -> None:
    signal = asked(runs[name], market(700), tmp_path)
    folder, _ = backtest_run(runs[name], str(tmp_path / "now.parquet"), [], silent)
    ledger = Ledger.read(folder / "ledger")
    assert [holding.target for holding in signal.holdings] == ledger.targets[-1].tolist()
    assert [holding.before for holding in signal.holdings] == ledger.targets[-2].tolist()
    assert signal.bar == str(ledger.time[-1])[:16].replace("T", " ")
    assert any(holding.target for holding in signal.holdings)
    assert (signal.trained_until is None) is (name == "rule")


def test_an_agent_is_asked_at_the_last_bar_as_if_the_next_were_there(
    runs: dict[str, RunDirectory], tmp_path: Path
) -> None:
    """In a whole series it leaves its last bar open; one bar more must not change what it decides before."""
    signal = asked(runs["agent"], market(700), tmp_path)
    market(701).to_parquet(tmp_path / "longer.parquet")
    folder, _ = backtest_run(runs["agent"], str(tmp_path / "longer.parquet"), [], silent)
    ledger = Ledger.read(folder / "ledger")
    assert [holding.target for holding in signal.holdings] == ledger.targets[-2].tolist()
    assert [holding.before for holding in signal.holdings] == ledger.targets[-3].tolist()


def test_where_an_older_model_decided_the_bar_before(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    run = runs["rows"]
    first = np.datetime64(run.manifest()["windows"][-1]["test_from"], "ns")
    frame = market(900)
    signal = asked(run, frame[frame["timestamp"].dt.tz_localize(None) <= pd.Timestamp(first)], tmp_path)
    folder, _ = backtest_run(run, str(tmp_path / "now.parquet"), [], silent)
    assert [holding.before for holding in signal.holdings] == Ledger.read(folder / "ledger").targets[-2].tolist()
    assert signal.window == len(run.manifest()["windows"])


def test_reasons_are_what_the_model_says_with_a_group_at_its_mean(
    runs: dict[str, RunDirectory], tmp_path: Path
) -> None:
    run = runs["rows"]
    signal = asked(run, market(700), tmp_path)
    config = load_config(run.path / "config.yaml", [f"data.path={tmp_path / 'now.parquet'}"])
    prepared = prepare(config)
    folder = run.window(signal.window - 1)
    scaler, policy = read_scaler(folder), load_policy(folder, config, prepared.features.hash)
    rows = prepared.frame.values[-1]
    scaled = scaler.transform(rows, scaler.names)
    for s, holding in enumerate(signal.holdings):
        true = policy.classifier.predict_proba(scaled[s : s + 1])[0]
        assert holding.probabilities == pytest.approx(true, abs=1e-12)
        assert holding.reasons is not None
        assert {each.group for each in holding.reasons.effects} == set(prepared.features.groups)
        for each in holding.reasons.effects:
            without = scaled[s : s + 1].copy()
            without[:, [scaler.names.index(name) for name in prepared.features.groups[each.group]]] = 0.0
            other = policy.classifier.predict_proba(without)[0]
            assert each.effect == pytest.approx((true[2] - true[0]) - (other[2] - other[0]), abs=1e-6)
        distances = dict(zip(scaler.names, (rows[s] - scaler.mean) / scaler.scale, strict=True))
        far = sorted(distances, key=lambda name: -abs(distances[name]))[:5]
        assert [each.feature for each in holding.reasons.furthest] == far
        assert [each.deviations for each in holding.reasons.furthest] == [distances[name] for name in far]


def test_the_last_bars_say_as_much_as_the_whole_history(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    """A context reaches back over a symbol's bars, so a symbol that lacks some needs more of the panel's."""
    frame = market(700)
    times = frame["timestamp"].unique()
    asked(runs["contexts"], frame[~((frame["symbol"] == "B") & frame["timestamp"].isin(times[-9:-2]))], tmp_path)
    config = load_config(runs["contexts"].path / "config.yaml", [f"data.path={tmp_path / 'now.parquet'}"])
    prepared = prepare(config)
    policy = load_policy(runs["contexts"].window(0), config, prepared.features.hash)
    assert isinstance(policy, Preprocessed)
    assert isinstance(policy.policy, ClassifierPolicy)
    sight, last = policy.sight(prepared.history), len(prepared.bars) - 1
    tail = _tail(sight, policy.policy.classifier.context)
    assert len(tail.bars) < 20
    of_tail = policy.policy.probabilities(tail, len(tail.bars) - 1, len(tail.bars))
    assert np.array_equal(of_tail, policy.policy.probabilities(sight, last, last + 1))
    assert np.isfinite(of_tail).all()


@pytest.mark.parametrize("name", ["contexts", "agent"])
def test_models_of_contexts_and_agents_give_reasons(name: str, runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    for holding in asked(runs[name], market(700), tmp_path).holdings:
        assert holding.reasons is not None
        assert holding.reasons.parts == ()
        assert len(holding.reasons.furthest) == 5
        assert {each.group for each in holding.reasons.effects} == {"momentum", "volume"}
        assert all(np.isfinite(each.effect) for each in holding.reasons.effects)
    recent = market(900)
    recent = recent[recent["timestamp"] >= recent["timestamp"].unique()[-250]]
    unexplained = [holding.reasons is None for holding in asked(runs[name], recent, tmp_path).holdings]
    assert unexplained == [name == "agent"] * 2  # of its training span nothing is in the file


@pytest.mark.parametrize("name", ["mean", "hedge", "meta"])
def test_several_models_give_reasons_together_and_what_each_says(
    name: str, runs: dict[str, RunDirectory], tmp_path: Path
) -> None:
    """The parts are those of which the whole is made: by their weights, or by the first where the second agrees."""
    for holding in asked(runs[name], market(700), tmp_path).holdings:
        reasons, target = holding.reasons, holding.target
        assert reasons is not None
        assert target is not None
        assert {each.group for each in reasons.effects} == {"momentum", "volume"}
        assert any(each.effect for each in reasons.effects) or name == "meta"
        first, second = reasons.parts
        if name == "meta":
            assert [each.name for each in reasons.parts] == [
                "target of the first model",
                "chance that acting on it pays",
            ]
            assert abs(first.answer) == 1.0
            assert 0.0 < second.answer < 1.0
            assert target == (first.answer / 2.0 if second.answer > 0.4 else 0.0)  # of two symbols
            continue
        together = sum((each.weight or 0.0) * each.answer for each in reasons.parts)
        assert sum(each.weight or 0.0 for each in reasons.parts) == pytest.approx(1.0)
        if name == "mean":
            assert first.answer != second.answer
            assert holding.probabilities is not None
            assert together == pytest.approx(holding.probabilities[2] - holding.probabilities[0], abs=1e-12)
        else:
            assert [each.name for each in reasons.parts] == ["logistic", "momentum"]
            assert first.weight != second.weight
            assert target == pytest.approx(together / 2.0)


def test_a_signal_is_no_trial(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    before = runs["rows"].trials.rows()
    assert asked(runs["rows"], market(700), tmp_path).to_dict()["holdings"][0]["change"] is not None
    assert runs["rows"].trials.rows() == before
    assert signal_of(runs["rows"], None, [], silent).window == len(runs["rows"].manifest()["windows"])


@pytest.mark.parametrize("name", ["rows", "contexts", "agent"])
def test_too_short_a_history_says_how_many_bars_are_missing(
    name: str, runs: dict[str, RunDirectory], tmp_path: Path
) -> None:
    frame = market(900)
    times = frame["timestamp"].unique()
    with pytest.raises(DataError, match=r"bars: must be at least (\d+) .* more are needed before .*; got 40") as short:
        asked(runs[name], frame[frame["timestamp"] >= times[-40]], tmp_path)
    needed = int(str(short.value).split("at least ")[1].split()[0])
    assert f"{needed - 40} more" in str(short.value)
    enough = asked(runs[name], frame[frame["timestamp"] >= times[-needed]], tmp_path)
    assert all(holding.known for holding in enough.holdings)
    with pytest.raises(DataError, match=f"1 more .*; got {needed - 1}"):
        asked(runs[name], frame[frame["timestamp"] >= times[1 - needed]], tmp_path)


def test_a_symbol_without_a_bar_is_kept_and_a_young_one_is_flat(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    frame = market(700)
    times = frame["timestamp"].unique()
    gone = frame[~((frame["symbol"] == "B") & (frame["timestamp"] >= times[-3]))]
    assert asked(runs["rows"], gone, tmp_path).holdings[1].target is None
    young = frame[~((frame["symbol"] == "B") & (frame["timestamp"] < times[-30]))]
    holding = asked(runs["rows"], young, tmp_path).holdings[1]
    assert (holding.target, holding.known, holding.reasons) == (0.0, False, None)
    assert holding.missing > 0
    assert holding.unknown


def test_what_should_be_known_before_anybody_acts_is_said(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    run = runs["rows"]
    assert asked(run, market(900), tmp_path).notes == ()
    early = market(450)
    assert asked(run, early, tmp_path).notes == ("The bars end before the run's newest model: window 1 of 2 decides.",)
    other = pd.concat([simulated(900, seed).assign(symbol=name) for seed, name in ((7, "A"), (8, "C"))])
    strange, moves = asked(run, other, tmp_path).notes
    assert strange == "Not among the run's symbols: C."
    assert "another market" in moves
    longer = market(900)
    longer["timestamp"] += 3 * (longer["timestamp"] - longer["timestamp"].min())
    assert "trained on bars of 1h and decides here on bars of 4h" in asked(run, longer, tmp_path).notes[0]
    ahead = pd.Timestamp.now("UTC").floor("h") - market(900)["timestamp"].max()
    now = asked(run, market(900).assign(timestamp=lambda frame: frame["timestamp"] + ahead), tmp_path)
    assert now.notes == ("The last bar is not over yet: what is decided before its close may change.",)


def test_what_cannot_be_asked_is_refused(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must begin with data\."):
        signal_of(runs["rows"], None, ["market.latency_bars=2"], silent)
    with pytest.raises(DataError, match="when the first model had been trained"):
        asked(runs["rows"], market(250), tmp_path)
    weights = next((runs["contexts"].path / "windows" / "001" / "model").glob("*"))
    weights.write_bytes(b"")
    with pytest.raises(RunError, match="damaged windows/001/model"):
        signal_of(runs["contexts"], None, [], silent)
    assert read_json(runs["rows"].path / "judgement.json")["verdict"]["sentence"]
