"""Each mistake is one line that names the field, the rule and the value."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from regimen.bars import Bars
from regimen.envs import MarketEnv, MarketVectorEnv, Migrator, VectorMarket, VectorMarketConfig
from regimen.errors import RegimenError
from regimen.settings import validated

MakeBars = Callable[..., Bars]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_envs": 0}, r"^envs\.n_envs: must be greater than or equal to 1; got 0$"),
        ({"episode_length": 300}, r"^envs\.episode_length: must be at most 299, .*; got 300$"),
        ({"episode_length": 295}, r"^features: must be known at some bar from 0 to 4"),
        ({"reward": "sharpe"}, r"^envs\.reward\.kind: must be one of 'log_wealth', .*; got 'sharpe'$"),
        ({"reward": {"kind": "log_wealth", "eta": 1}}, r"^envs\.reward.*eta: is not a known key"),
        ({"actions": "words"}, r"^envs\.actions\.kind: must be one of 'continuous', .*; got 'words'$"),
        ({"actions": {"kind": "levels", "levels": [1.0, 0.0]}}, r"levels must rise"),
        ({"actions": {"kind": "verbs", "small": 0.3}}, r"small, medium and large must rise"),
        ({"stop": 301}, r"^envs\.stop: must be at most the number of bars, 300; got 301$"),
        ({"start": 9, "stop": 9}, r"stop must be above start"),
        ({"start": 298, "stop": 299}, r"^envs\.start/envs\.stop: must leave at least two bars"),
        ({"context": 301}, r"^envs\.context: must be at most the number of bars, 300; got 301$"),
        ({"windows": 3}, r"^envs\.windows: is not a known key \(did you mean 'context'\?\)"),
    ],
)
def test_a_config(fields: dict[str, Any], message: str, make_bars: MakeBars, make_features: Any) -> None:
    bars = make_bars()
    with pytest.raises(RegimenError, match=message) as caught:
        VectorMarket(bars, make_features(bars), **{"n_envs": 2, **fields})
    assert "\n" not in str(caught.value)


def test_features(make_bars: MakeBars, make_features: Any) -> None:
    bars = make_bars()
    good = make_features(bars)
    cases: list[tuple[Any, str]] = [
        (good[:-1], r"must have the shape \(300, 1\) \+ \(feature,\)"),
        ("prices", "must be a frame, a set or numbers"),
        (np.where(good == good[50, 0, 2], np.inf, good), "row 50, symbol A, x2; got inf"),
        (np.where(good == good[50, 0, 2], 1e39, good), "must be finite in float32.*row 50"),
        (np.full((300, 1, 2), np.nan), "x0 never is"),
    ]
    for features, message in cases:
        with pytest.raises(RegimenError, match=message):
            VectorMarket(bars, features, n_envs=2)


def test_features_of_other_bars(make_bars: MakeBars) -> None:
    from regimen.features import FeatureSet

    frame = FeatureSet.indicators().compute(make_bars(200))
    with pytest.raises(RegimenError, match="same times and symbols"):
        VectorMarket(make_bars(), frame, n_envs=2)
    env = VectorMarket(make_bars(200), frame, n_envs=2)
    assert env.columns[: len(frame.names)] == frame.names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n_envs: 0", r"^envs\.n_envs: must be greater than or equal to 1; got 0$"),
        ("n_envs: many", r"^envs\.n_envs: must be a valid integer.*; got 'many'$"),
        ("episode_length: 300", r"^envs\.episode_length: must be at most 299, .*; got 300$"),
        ("episode_length: 1.5", r"^envs\.episode_length: must be a valid integer.*; got 1\.5$"),
        ("reward: sharpe", r"^envs\.reward\.kind: must be one of 'log_wealth', .*; got 'sharpe'$"),
        ("reward: {kind: sharpe}", r"^envs\.reward\.kind: must be one of 'log_wealth', .*; got 'sharpe'$"),
        ("reward: {kind: log_wealth, scale: .nan}", r"^envs\.reward\.scale: must be a finite number; got nan$"),
        ("actions: words", r"^envs\.actions\.kind: must be one of 'continuous', .*; got 'words'$"),
        ("actions: {kind: levels, levels: [0, .inf]}", r"^envs\.actions\.levels\.1: must be a finite number; got inf$"),
        (
            "market: {costs: {commission: 1}}",
            r"costs\.commission: is not a known key \(did you mean 'commission_bps'\?\)",
        ),
        ("colour: red", r"^envs\.colour: is not a known key; got 'red'$"),
        ("[1, 2]", r"^envs: must be a mapping of keys to values$"),
    ],
)
def test_a_config_in_yaml(text: str, message: str, make_bars: MakeBars, make_features: Any) -> None:
    """What a file says wrong is told in the same words as a keyword, when it is read or when it meets the bars."""
    bars = make_bars()
    with pytest.raises(RegimenError, match=message) as caught:
        validated(VectorMarketConfig, yaml.safe_load(text), "envs.").build(bars, make_features(bars))
    assert "\n" not in str(caught.value)


def test_bars_of_another_kind(make_bars: MakeBars) -> None:
    with pytest.raises(RegimenError, match=r"^bars: must be Bars .*; got 'ndarray'$"):
        VectorMarket(make_bars().close)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "actions", "message"),
    [
        ("continuous", [[0.1], [np.nan]], r"^actions: must lie in \[-1, 1\]; lane 1, symbol A; got nan$"),
        ("continuous", [[1.0001], [0.0]], r"lane 0, symbol A; got 1\.0001$"),
        ("continuous", [0.1, 0.2, 0.3], r"^actions: must have the shape \(lane, symbol\) = \(2, 1\); got \(3,\)$"),
        ("continuous", [["a"], ["b"]], r"^actions: must be numbers"),
        ("continuous", [[0.1], [0.2, 0.3]], r"^actions: must have the shape \(lane, symbol\) = \(2, 1\); got \["),
        ("continuous", None, r"^actions: must have the shape \(lane, symbol\) = \(2, 1\); got \(\)$"),
        ("levels", [[3], [0]], r"must lie in \[0, 2\]; lane 0, symbol A; got 3\.0"),
        ("levels", [[0.5], [0.0]], r"must be integers; got 'float64'"),
        ("verbs", [[-1], [0]], r"must lie in \[0, 6\]"),
        ("verbs", [[7], [0]], r"must lie in \[0, 6\]"),
    ],
)
def test_actions(kind: str, actions: Any, message: str, make_bars: MakeBars, make_features: Any) -> None:
    bars = make_bars()
    env = VectorMarket(bars, make_features(bars), n_envs=2, actions=kind)
    env.reset(0)
    before = env.state()
    with pytest.raises(RegimenError, match=message):
        env.step(actions)
    for name, array in env.state().items():
        np.testing.assert_array_equal(array, before[name])  # nothing was stepped


@pytest.mark.parametrize(
    ("kind", "action", "message"),
    [
        ("continuous", [[0.1], [np.nan]], r"^actions: must lie in \[-1, 1\]; lane 1, symbol A; got nan$"),
        ("continuous", [[2.0], [0.0]], r"lane 0, symbol A; got 2\.0$"),
        ("continuous", [[0.1]] * 3, r"^actions: must have the shape"),
        ("levels", [0, 3], r"must lie in \[0, 2\]; lane 1, symbol A; got 3\.0$"),
        ("levels", [0.0, 1.0], r"must be integers; got 'float64'$"),
    ],
)
def test_actions_through_the_adapters(
    kind: str, action: Any, message: str, make_bars: MakeBars, make_features: Any
) -> None:
    bars = make_bars()

    def lanes() -> VectorMarket:
        return VectorMarket(bars, make_features(bars), n_envs=2, actions=kind)

    adapted: list[Any] = [MarketVectorEnv(lanes())]
    if importlib.util.find_spec("stable_baselines3"):
        from regimen.envs import MarketVecEnv

        adapted.append(MarketVecEnv(lanes()))
    for env in adapted:
        env.reset()
        with pytest.raises(RegimenError, match=message) as caught:
            env.step(np.array(action))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("action", [[np.nan], [2.0], [0.0, 0.0], 0.5, None, "buy"])
def test_an_action_of_one_environment(action: Any, make_bars: MakeBars, make_features: Any) -> None:
    bars = make_bars()
    env = MarketEnv(bars, make_features(bars))
    env.reset(seed=1)
    with pytest.raises(RegimenError, match=r"^actions?: must (lie in|have the shape)"):
        env.step(action)


def test_options_of_a_reset(make_bars: MakeBars, make_features: Any) -> None:
    bars = make_bars()
    features = make_features(bars)
    with pytest.raises(RegimenError, match=r"^options\.strt: is not a known option \(there is 'start'\); got 9$"):
        MarketEnv(bars, features).reset(options={"strt": 9})
    with pytest.raises(RegimenError, match=r"^options\.start: is not a known option \(there is 'starts'\)"):
        MarketVectorEnv(VectorMarket(bars, features, n_envs=2)).reset(options={"start": 9})
    with pytest.raises(RegimenError, match="room for an episode; got 9999"):
        MarketEnv(bars, features).reset(options={"start": 9999})


def test_order_of_calls(make_bars: MakeBars, make_features: Any) -> None:
    bars = make_bars()
    env = VectorMarket(bars, make_features(bars), n_envs=2, episode_length=2, autoreset=False)
    with pytest.raises(RegimenError, match="must come after reset"):
        env.step([0.0, 0.0])
    with pytest.raises(RegimenError, match="seed: must not be negative"):
        env.reset(-1)
    for starts, message in (
        ([20], r"shape \(2,\)"),
        ([20, 5], "bars with an observation.*got 5"),
        ([20, 298], "got 298"),
    ):
        with pytest.raises(RegimenError, match=message):
            env.reset(starts=starts)
    env.reset(starts=[20, 21])
    env.step([0.0, 0.0])
    env.step([0.0, 0.0])
    with pytest.raises(RegimenError, match="must not follow the end of an episode"):
        env.step([0.0, 0.0])
    with pytest.raises(RegimenError, match=r"state\.account"):
        env.restore(
            VectorMarket(bars, make_features(bars), n_envs=3).state()
            | {"keys": env.state()["keys"], "targets": env.state()["targets"]}
        )


def test_the_migrator() -> None:
    for call, message in (
        (lambda: Migrator().targets([7]), "verbs: must be integers from 0 to 6"),
        (lambda: Migrator().targets([0.5]), "verbs: must be integers"),
        (lambda: Migrator().verbs([np.nan]), "targets: must be finite"),
        (lambda: Migrator().verbs([0.5], start=2.0), r"start: must be an exposure in \[0, 1\]; got 2.0"),
        (lambda: Migrator().targets([0, 1], [True] * 3), r"winning: must be one flag or 2; got \(3,\)"),
    ):
        with pytest.raises(RegimenError, match=message):
            call()
