"""Every kind of model decides one bar after the other, without a finished series, with the targets and money of a run.

Bars come one at a time through the streams of features and volatility, the feed, the policy and an account. What they
give is compared, bit for bit, with the targets that the policy decides on the whole series and their backtest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import VectorMarketConfig
from regimen.execution import Costs, Feed, Ledger, LiveAccount, MarketConfig
from regimen.features import FeatureSet
from regimen.observation import Observation
from regimen.policies import (
    AgentPolicy,
    ClassifierPolicy,
    Constant,
    ExposureConfig,
    History,
    Moment,
    MomentumConfig,
    OwnRule,
    Policy,
    RunningVolatility,
    decide,
    draw,
    realised_volatility,
    share,
    targets,
)
from regimen.policies.ensemble import (
    Committee,
    DiscountedThompsonConfig,
    HedgeConfig,
    MeanConfig,
    MetaPolicy,
    Mixture,
    Stacker,
)
from regimen.predictors import LogisticConfig, LSTMConfig, PredictorConfig, TreesConfig
from regimen.records import load_config
from regimen.runs import start
from regimen.runs.prepare import prepare
from regimen.runs.window import load_policy
from regimen.seeding import generator

from .test_agent_contract import CASES, Case
from .test_predictor_contract import BROUGHT

COLUMNS = ("rsi_14", "rsi_21", "return_5d", "return_20d", "volatility_20d")
MEANS, SCALES = np.array([50.0, 50.0, 0.0, 0.0, 0.02]), np.array([10.0, 10.0, 0.05, 0.1, 0.01])
LENGTH, START, STOP = 150, 60, 140
COSTS = Costs(commission_bps=1.0, half_spread_bps=1.0, impact_coefficient=1.0, borrow_annual=0.1, funding=True)
RULE = ExposureConfig(dead_band=0.0, scale=5.0, volatility_target=0.3, volatility_bars=10)
PREDICTORS = get_args(get_args(PredictorConfig)[0])
TREES = get_args(get_args(TreesConfig)[0])


def panel(symbols: str = "ABC") -> Bars:
    """Hourly bars with a split in A, a hole and a late listing in B, and the end of C; with funding."""
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(0.02 * rng.standard_normal((LENGTH, 3)), axis=0))
    factor = np.ones((LENGTH, 3))
    factor[90:, 0] = 2.0
    close[90:, 0] /= 2.0
    start = close * np.exp(0.005 * rng.standard_normal(close.shape))
    columns = [start, np.maximum(start, close) * 1.01, np.minimum(start, close) * 0.99, close]
    columns += [rng.uniform(1e3, 1e5, close.shape), factor, np.where(rng.random(close.shape) < 0.2, 1e-4, np.nan)]
    for column in columns:
        column[85:88, 1] = column[:38, 1] = column[110:, 2] = np.nan
    kept = ["ABC".index(symbol) for symbol in symbols]
    o, h, lo, c, v, factor, rates = (column[:, kept] for column in columns)
    return Bars.from_arrays(
        np.datetime64("2024-01-01T00", "h") + np.arange(LENGTH), open=o, high=h, low=lo, close=c, volume=v,
        symbols=tuple(symbols), extras={"adjustment": factor, "funding_rate": rates}, checked=False
    )  # fmt: skip


def whole(bars: Bars, config: MarketConfig, features: FeatureSet) -> History:
    """All that is known of the whole series."""
    seen = bars.adjusted()
    risk = realised_volatility(seen.close, RULE.volatility_bars, bars.periods_per_year)
    return config.build().history(bars, features.compute(seen), risk)


def moments(bars: Bars, config: MarketConfig, features: FeatureSet) -> Iterator[Moment]:
    """The same, one bar at a time: nothing of it has seen a later bar."""
    nothing = np.full(bars.shape, np.nan)
    factors, rates = (bars.extras.get(name) for name in ("adjustment", "funding_rate"))
    stream = features.stream(bars.symbols)
    feed = Feed(len(bars.symbols), config.costs, splits=factors is not None, funding=rates is not None)
    volatility = RunningVolatility(len(bars.symbols), RULE.volatility_bars, bars.periods_per_year)
    first = np.full(len(bars.symbols), np.nan)
    for t, stamp in enumerate(bars.time):
        bar = np.stack([getattr(bars, name)[t] for name in ("open", "high", "low", "close", "volume")])
        factor = np.ones(len(bars.symbols)) if factors is None else factors[t]
        present = ~np.isnan(bar[:4]).any(axis=0)
        first = np.where(np.isnan(first), factor, first)
        adjusted = np.concatenate([bar[:4] * (factor / first), bar[4:] / (factor / first)])
        rows = np.full((len(present), len(features.names)), np.nan)
        for s in np.flatnonzero(present):
            o, h, lo, c, v = adjusted[:, s]
            rows[s] = stream.push(stamp, o, h, lo, c, v, symbol=bars.symbols[s])
        risk = volatility.push(np.where(present, adjusted[3], np.nan))
        tape = feed.push(
            int(stamp.astype("datetime64[ns]").astype(np.int64)), bar,
            listed=bars.listed[t], adjustment=factor, funding=(nothing if rates is None else rates)[t],
        )  # fmt: skip
        yield Moment(tape, rows, present, bars.listed[t], risk)


def replayed(policy: Policy, bars: Bars, config: MarketConfig, features: FeatureSet) -> tuple[np.ndarray, np.ndarray]:
    """Returns targets and equity of the bars [START, STOP), one bar after the other."""
    state = policy.initial_state(len(bars.symbols))
    account = LiveAccount(config, len(bars.symbols))
    rows, equity = [], []
    for t, moment in enumerate(moments(bars, config, features)):
        if t < START:
            state = policy.watch(moment, state)
        elif t < STOP:
            before = state.copy()
            row, following = decide(policy, moment, state)
            np.testing.assert_array_equal(state, before)
            assert following.dtype == np.float64
            state = np.frombuffer(following.tobytes()).reshape(following.shape).copy()  # all of it is in these bytes
            account.step(moment.tape)
            account.decide(row)
            rows.append(row)
            equity.append(account.equity)
    return np.array(rows), np.array(equity)


def check(policy: Policy, symbols: str, latency: int, varied: bool = True) -> np.ndarray:
    bars, features = panel(symbols), FeatureSet.indicators().select(COLUMNS)
    config = market(latency)
    history = whole(bars, config, features)
    expected = targets(policy, history, START, STOP)
    ledger = config.build().backtest(
        bars, policy, START, STOP, features=features.compute(bars.adjusted()), volatility=history.volatility
    )
    rows, equity = replayed(policy, bars, config, features)
    np.testing.assert_array_equal(expected, rows)
    np.testing.assert_array_equal(ledger.equity, equity)
    np.testing.assert_array_equal(ledger.targets, rows)
    assert not varied or len(np.unique(rows)) > 5
    assert len(np.unique(equity)) > (40 if varied else 5)
    return rows


def market(latency: int) -> MarketConfig:
    return MarketConfig(costs=COSTS, latency_bars=latency)


class Scaler:
    """A fitted scaler, as a policy knows it."""

    names = COLUMNS

    def transform(self, values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        assert names == self.names
        return (values - MEANS) / SCALES


@pytest.mark.parametrize(("symbols", "latency"), [("A", 1), ("ABC", 2)])
@pytest.mark.parametrize("member", [*PREDICTORS, *TREES], ids=lambda member: member.__name__)
def test_a_classifier(member: Any, symbols: str, latency: int) -> None:
    predictor = member(**BROUGHT.get(member, {})).build(len(COLUMNS), seed=2, schema="s")
    if member in TREES:
        rng = np.random.default_rng(3)
        predictor.fit(rng.normal(size=(900, len(COLUMNS))), rng.integers(0, 3, 900))
    if member.model_fields["kind"].default == "logistic":  # whose first weights are zeros
        state = predictor.state()
        predictor.load_state({name: generator(0, name).normal(size=each.shape) for name, each in state.items()})
    check(ClassifierPolicy(predictor, RULE, Scaler()), symbols, latency)


def advisers() -> list[ClassifierPolicy]:
    """One that sees a row and one that sees a window, whose weights are not zeros."""
    nets = LogisticConfig(zero_start=False), LSTMConfig(context=6, width=4, layers=1, heads=1)
    return [ClassifierPolicy(net.build(len(COLUMNS), 3, seed=2, schema="s"), RULE, Scaler()) for net in nets]


@pytest.mark.parametrize("blend", [None, Stacker(np.array([0.8, 0.4]), np.array([0.1, 0.0, -0.1]))])
@pytest.mark.parametrize(("symbols", "latency"), [("A", 1), ("ABC", 2)])
def test_a_committee(symbols: str, latency: int, blend: Stacker | None) -> None:
    check(Committee(advisers(), RULE, blend), symbols, latency)


@pytest.mark.parametrize("combine", [MeanConfig(), HedgeConfig(), DiscountedThompsonConfig(draw_every=2)])
def test_a_mixture_of_a_net_an_agent_and_a_rule(combine: Any) -> None:
    case = next(each.values[0] for each in CASES if each.id == "ppo-continuous")
    config = lanes(case, 2)
    members = [advisers()[1], AgentPolicy(learned(case, config), config), MomentumConfig(lookback=5).build(RULE)]
    check(Mixture(members, combine, COSTS, latency=2, seed=1), "ABC", 2)


class Beside(Scaler):
    """The same with the exposure of a first model behind the features."""

    names = (*COLUMNS, "primary")  # type: ignore[assignment]

    def transform(self, values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        assert names == self.names
        scaled = (values[..., :-1] - MEANS) / SCALES
        return np.concatenate([scaled, values[..., -1:]], axis=-1)


@pytest.mark.parametrize("window", [False, True])
@pytest.mark.parametrize("primary", ["rule", "agent", "net"])
def test_a_model_and_a_second_one_that_says_whether_to_act(primary: str, window: bool) -> None:
    case = next(each.values[0] for each in CASES if each.id == "ppo-continuous")
    config = lanes(case, 2)
    first: Any = advisers()[1]
    if primary == "agent":
        first = AgentPolicy(learned(case, config), config)
    elif primary == "rule":
        first = MomentumConfig(lookback=5).build(RULE)
    net = LSTMConfig(context=6, width=4, layers=1, heads=1) if window else LogisticConfig(zero_start=False)
    second = ClassifierPolicy(net.build(len(COLUMNS) + 1, 3, seed=3, schema="s"), RULE, Beside())
    check(MetaPolicy(first, second, threshold=0.45, size=True), "ABC", 2)


def lanes(case: Case, latency: int, context: int = 1, **more: Any) -> VectorMarketConfig:
    return VectorMarketConfig(
        n_envs=8, episode_length=11, account_span=11, context=context, actions=case.actions, market=market(latency),
        threads=1, **more,
    )  # fmt: skip


def learned(case: Case, config: VectorMarketConfig) -> Any:
    bars, features = panel("A"), FeatureSet.indicators().select(COLUMNS)
    env = config.build(bars, features.compute(bars.adjusted()))
    agent = case.config.build(env, seed=3)
    agent.learn(env, 8 * 8 * 2)
    return agent


def in_lanes(agent: Any, config: VectorMarketConfig, symbols: str) -> np.ndarray:
    """Returns the targets that an agent decides in lanes like those that it learned in, one of each symbol."""
    bars, features = panel(symbols), FeatureSet.indicators().select(COLUMNS)
    frame = features.compute(bars.adjusted())
    alone = np.zeros((STOP - START, len(symbols)))
    once = {"n_envs": 1, "episode_length": None, "random_start": False, "autoreset": False, "start": START}
    markets, seen, begins = [], [], []
    for s, symbol in enumerate(symbols):
        settings = VectorMarketConfig(**{**dict(config), **once, "stop": STOP + 1})
        markets.append(settings.build(bars.select(symbol), frame.values[:, s : s + 1]))
        observation, info = markets[s].reset(0)
        seen.append(observation)
        begins.append(int(info["bar"][0]))
    acting: list[int] = []
    memory = None
    for t in range(START, STOP):
        acting += [s for s, begin in enumerate(begins) if begin == t]
        if not acting:
            continue
        before = None if memory is None else memory[acting]
        actions, after = agent.predict(np.concatenate([seen[s] for s in acting]), before)
        if after is not None:
            memory = np.zeros((len(symbols), after.shape[1]), np.float32) if memory is None else memory
            memory[acting] = after
        for s, action in zip(tuple(acting), actions, strict=True):
            seen[s], _, ruined, _, _ = markets[s].step(action[None])
            alone[t - START, s] = markets[s].targets[0, 0]
            if ruined[0]:
                acting.remove(s)
    return share(alone, bars.present[START:STOP], bars.listed[START:STOP])


def check_agent(case: Case, config: VectorMarketConfig, symbols: str, varied: bool = True) -> None:
    agent = learned(case, config)
    rows = check(AgentPolicy(agent, config), symbols, config.market.latency_bars, varied)
    np.testing.assert_array_equal(in_lanes(agent, config, symbols), rows)


@pytest.mark.parametrize(("symbols", "latency"), [("A", 2), ("ABC", 1)])
@pytest.mark.parametrize("case", CASES)
def test_an_agent(case: Case, symbols: str, latency: int) -> None:
    check_agent(case, lanes(case, latency), symbols, varied=False)


@pytest.mark.parametrize("actions", ["verbs", {"kind": "continuous", "smoothing": 0.3, "dead_band": 0.01}])
def test_an_agent_with_windows_of_rows_whose_actions_depend_on_the_target_in_force(actions: Any) -> None:
    case = next(each.values[0] for each in CASES if each.id == "ppo-continuous")
    check_agent(case, VectorMarketConfig(**{**dict(lanes(case, 3, context=4)), "actions": actions}), "ABC")


def test_an_agent_that_does_not_see_its_account() -> None:
    case = next(each.values[0] for each in CASES if each.id == "ppo-continuous")
    check_agent(case, lanes(case, 1, show_account=False), "ABC")


def test_an_agent_whose_account_is_ruined_stops() -> None:
    case = next(each.values[0] for each in CASES if each.id == "ppo-continuous")
    config = lanes(case, 1)
    agent = learned(case, config)
    config = VectorMarketConfig(**{**dict(config), "market": config.market.model_copy(update={"initial_cash": 1e-6})})
    costs = COSTS.model_copy(update={"commission_fixed": 1.0})
    config = VectorMarketConfig(**{**dict(config), "market": config.market.model_copy(update={"costs": costs})})
    bars, features = panel(), FeatureSet.indicators().select(COLUMNS)
    rows = targets(AgentPolicy(agent, config), whole(bars, config.market, features), START, STOP)
    np.testing.assert_array_equal(in_lanes(agent, config, "ABC"), rows)
    assert (np.nan_to_num(rows[20:]) == 0.0).all()
    assert (rows[0, 0] != 0.0).all()


def test_a_run_with_drawn_actions_draws_the_same_again() -> None:
    case = next(each.values[0] for each in CASES if each.id == "ppo-continuous")
    config = lanes(case, 1)
    bars, features = panel(), FeatureSet.indicators().select(COLUMNS)
    history = whole(bars, config.market, features)
    first, second = (draw(AgentPolicy(learned(case, config), config), history, START, STOP) for _ in range(2))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.exposures, second.exposures)
    assert (first.action_entropy, first.conditional_entropy) == (second.action_entropy, second.conditional_entropy)
    assert not first.discrete
    assert first.action_entropy >= first.conditional_entropy > 0.0
    assert not np.array_equal(
        first.exposures, targets(AgentPolicy(learned(case, config), config), history, START, STOP)
    )
    assert draw(Constant(1.0), history, START, STOP) is None


def own(observation: Observation) -> np.ndarray:
    """Goes half of the way to what a feature, the volatility and the price say."""
    aim = np.tanh(observation["rsi_14"] - 50.0) * observation["volatility"] * (observation["close"] / 150.0)
    return np.asarray(np.clip(0.5 * observation["target"] + 0.5 * aim, -1.0, 1.0))


@pytest.mark.parametrize(
    "policy",
    [Constant(0.5), MomentumConfig(lookback=5).build(RULE), OwnRule(own, {}, "own.py:own", RULE, COLUMNS)],
    ids=["constant", "momentum", "own"],
)
def test_a_rule(policy: Policy) -> None:
    check(policy, "ABC", 1, varied=isinstance(policy, OwnRule))


RUN = """
name: replayed
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d, volatility_20d]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 200, test: 100}}
judge: {{bootstrap_draws: 200, random_controls: 20}}
tracking: none
"""
PPO = """model: {kind: ppo, hidden: [8], rollout_steps: 8, minibatch_size: 64}
environment: {steps: 1024, n_envs: 16, episode_length: 40, evaluations: 2, actions: continuous}
"""
LSTM = """model: {kind: lstm, context: 12, width: 8, layers: 1, heads: 2}
training: {epochs: 2, patience: null}
exposure: {dead_band: 0.0, volatility_target: 0.3, volatility_bars: 10}
"""


@pytest.mark.parametrize("model", [PPO, LSTM], ids=["ppo", "lstm"])
def test_a_run_on_disk(model: str, tmp_path: Path) -> None:
    """What a finished run wrote, its decisions and its ledger, comes out of its saved policies bar by bar."""
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(520)))
    start_ = np.concatenate([[100.0], close[:-1]])
    Bars.from_arrays(
        np.datetime64("2024-01-01T00", "h") + np.arange(520), open=start_, high=np.maximum(start_, close) * 1.002,
        low=np.minimum(start_, close) * 0.998, close=close, volume=rng.lognormal(3, 0.5, 520), checked=False
    ).write(tmp_path / "coin.parquet")  # fmt: skip
    (tmp_path / "run.yaml").write_text(RUN.format(path=tmp_path / "coin.parquet") + model)
    config = load_config(tmp_path / "run.yaml", ())
    directory, _ = start(config, tmp_path / "runs", lambda *_: None)
    prepared = prepare(config)
    bars, costs = prepared.bars, prepared.config.market
    account, equity = LiveAccount(costs, 1), []
    for window in prepared.windows:
        folder = directory.window(window.number)
        policy = load_policy(folder, prepared.config, prepared.features.hash)
        state, rows = policy.initial_state(1), []
        for t, moment in enumerate(moments(bars, costs, prepared.features)):
            if t < window.test.start:
                state = policy.watch(moment, state)
            elif t < window.test.stop:
                row, state = decide(policy, moment, state)
                account.step(moment.tape)
                account.decide(row)
                rows.append(row)
                equity.append(account.equity)
        written = np.load(folder / "exposures.npy")
        if window.test.stop == len(bars):  # an agent decides nothing at the last bar of a series: nothing fills
            written, rows = written[:-1], rows[:-1]
        np.testing.assert_array_equal(written, rows)
        assert len(np.unique(rows)) > 10
    np.testing.assert_array_equal(Ledger.read(directory.path / "ledger").equity, equity)
