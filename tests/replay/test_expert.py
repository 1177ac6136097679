"""Each vote where it is cast, and what the score does in each kind of actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import VectorMarket, Verb
from regimen.errors import ConfigError
from regimen.features import FeatureFrame, FeatureSet
from regimen.replay import ExpertConfig, LaneRandom, RuleExpert, record
from regimen.replay.expert import COLUMNS

Prices = Callable[..., Bars]


@pytest.fixture(scope="module")
def make_env(make_prices: Prices) -> Callable[..., VectorMarket]:
    """Returns lanes that show the columns of the votes, all zero."""

    def make(symbols: int = 1, **fields: Any) -> VectorMarket:
        bars = make_prices(30, symbols=symbols)
        frame = FeatureFrame(np.zeros((30, symbols, len(COLUMNS))), COLUMNS, bars.time, bars.symbols)
        return VectorMarket(bars, frame, n_envs=1, **fields)

    return make


def shown(env: VectorMarket, **values: float) -> np.ndarray:
    row = np.zeros((1, len(env.columns)), np.float32)
    for name, value in values.items():
        row[0, env.columns.index(name)] = value
    return row


@pytest.mark.parametrize(
    ("values", "votes"),
    [
        ({}, (0, 0, 0, 0, 0)),
        ({"rsi_centred_14": -0.41}, (1, 0, 0, 0, 0)),
        ({"rsi_centred_14": -0.39}, (0, 0, 0, 0, 0)),
        ({"rsi_centred_14": 0.41}, (-1, 0, 0, 0, 0)),
        ({"macd_histogram_26": 0.01}, (0, 1, 0, 0, 0)),
        ({"macd_histogram_26": -3.0}, (0, -1, 0, 0, 0)),
        ({"bollinger_20": -0.61}, (0, 0, 1, 0, 0)),
        ({"bollinger_20": 1.2}, (0, 0, -1, 0, 0)),
        ({"bollinger_20": 0.59}, (0, 0, 0, 0, 0)),
        ({"volume_1_20": 0.21, "return_1": 0.5}, (0, 0, 0, 1, 0)),
        ({"volume_1_20": 0.21, "return_1": -0.5}, (0, 0, 0, -1, 0)),
        ({"volume_1_20": 0.19, "return_1": -0.5}, (0, 0, 0, 0, 0)),
        ({"directional_strength_14": 0.26, "directional_14": 0.1}, (0, 0, 0, 0, 1)),
        ({"directional_strength_14": 0.26, "directional_14": -0.1}, (0, 0, 0, 0, -1)),
        ({"directional_strength_14": 0.24, "directional_14": -0.1}, (0, 0, 0, 0, 0)),
    ],
)
def test_votes(make_env: Callable[..., VectorMarket], values: dict[str, float], votes: tuple[int, ...]) -> None:
    env = make_env()
    assert tuple(RuleExpert(env).votes(shown(env, **values))[0, 0]) == votes


def test_thresholds_are_settings(make_env: Callable[..., VectorMarket]) -> None:
    env = make_env()
    values = {"rsi_centred_14": 0.3, "bollinger_20": 0.4, "volume_1_20": 0.15, "return_1": 1.0}
    row = shown(env, **values, directional_strength_14=0.1, directional_14=1.0)
    for field, value, vote in (
        ("oversold", 40.0, 0),
        ("band", 0.4, 2),
        ("volume_ratio", 1.2, 3),
        ("trend_strength", 5.0, 4),
    ):
        found = RuleExpert(env, ExpertConfig(**{field: value})).votes(row)[0, 0]
        assert np.flatnonzero(found).tolist() == [vote]


def scored(env: VectorMarket, score: int, **more: float) -> np.ndarray:
    sign = float(np.sign(score))
    votes = {"macd_histogram_26": 1.0, "rsi_centred_14": -0.5, "bollinger_20": -1.0}
    names = list(votes)[: abs(score)]
    return shown(env, **{name: sign * votes[name] for name in names}, **more)


@pytest.mark.parametrize(
    ("score", "more", "verb"),
    [
        (3, {}, Verb.BUY_LARGE),
        (2, {}, Verb.BUY_MEDIUM),
        (1, {}, Verb.BUY_SMALL),
        (0, {}, Verb.HOLD),
        (-3, {}, Verb.HOLD),
        (-3, {"target": 0.5}, Verb.SELL_ALL),
        (-2, {"target": 0.5}, Verb.SELL_PARTIAL),
        (-1, {"target": 0.5}, Verb.HOLD),
        (2, {"target": 0.5, "gain": 0.1}, Verb.ADD_TO_WINNER),
        (3, {"target": 0.5, "gain": -0.1}, Verb.HOLD),
        (1, {"target": 0.5, "gain": 0.1}, Verb.HOLD),
    ],
)
def test_scores_become_verbs(
    make_env: Callable[..., VectorMarket], score: int, more: dict[str, float], verb: Verb
) -> None:
    env = make_env(actions="verbs")
    assert RuleExpert(env)(scored(env, score, **more), {}, LaneRandom(0, 1))[0, 0] == verb


def test_scores_become_exposures_and_levels(make_env: Callable[..., VectorMarket]) -> None:
    env, random = make_env(), LaneRandom(0, 1)
    assert [RuleExpert(env)(scored(env, k), {}, random)[0, 0] for k in (-3, 0, 2)] == [-0.6, 0.0, 0.4]
    env = make_env(actions={"kind": "continuous", "long_only": True})
    assert [RuleExpert(env)(scored(env, k), {}, random)[0, 0] for k in (-3, 0, 2)] == [0.0, 0.0, 0.4]
    env = make_env(actions="levels")
    assert [RuleExpert(env)(scored(env, k), {}, random)[0, 0] for k in (-3, -2, 0, 2, 3)] == [0, 1, 1, 1, 2]


def test_symbols_vote_on_their_own_and_the_standard_set_is_read(
    make_env: Callable[..., VectorMarket], make_prices: Prices
) -> None:
    env = make_env(symbols=2)
    row = np.zeros((1, 2, len(env.columns)), np.float32)
    row[0, 1, env.columns.index("macd_histogram_26")] = 1.0
    assert RuleExpert(env)(row.reshape(1, -1), {}, LaneRandom(0, 1)).tolist() == [[0.0, 0.2]]
    bars = make_prices(200)
    names = [name for name in COLUMNS if name in FeatureSet.standard().names]
    assert names == list(COLUMNS)
    env = VectorMarket(bars, FeatureSet.standard().select(COLUMNS), n_envs=3, context=2, episode_length=20)
    played = record(RuleExpert(env), env, 20)
    assert len(np.unique(played.actions)) > 3
    plain = VectorMarket(bars, np.zeros((200, 1)), n_envs=1)
    with pytest.raises(ConfigError, match=r"^expert.columns: must have 'rsi_centred_14' in the observation; got "):
        RuleExpert(plain)
