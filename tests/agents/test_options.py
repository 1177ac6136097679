"""Options: their discount, their rules, masks, counters, what is learned, what is the same as deciding every bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen.agents import Options, OptionsConfig
from regimen.agents.options.config import CloseConfig, OpenConfig, ScalpConfig, TrendConfig, WaitConfig
from regimen.agents.options.learned import LearnedOptions, OptionSteps
from regimen.agents.options.policy import ELAPSED, LEAN, OPTION
from regimen.agents.options.semi_markov import SemiMarkov
from regimen.agents.options.table import OptionTable
from regimen.envs import EnvSpec
from regimen.errors import ConfigError, RunError
from regimen.proving import KnownMarketEnv, evaluate
from regimen.simulators import OrnsteinUhlenbeckConfig

GAMMA = 0.9
ROOMS = (
    "#############",
    "#.....#.....#",
    "#.....#.....#",
    "#...........#",
    "#.....#.....#",
    "#.....#.....#",
    "##.####.....#",
    "#.....###.###",
    "#.....#.....#",
    "#.....#.....#",
    "#...........#",
    "#.....#.....#",
    "#############",
)
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
SPEC = EnvSpec(columns=("x", "return_1"), choices=3)
FIELDS: dict[str, Any] = {
    **{"rollout_steps": 8, "warmup_steps": 64, "update_ratio": 0.1, "batch_size": 32},
    **{"capacity": 2000, "hidden": (16, 16), "inner_hidden": (8,)},
}


class FourRooms:
    """The four rooms of Sutton, Precup and Singh (1999), with moves that always succeed; the goal pays 1 and ends.

    Options: the four moves for one step, and in each room two ways through its hallways, by the shortest path.
    """

    def __init__(self) -> None:
        self.cells = [(r, c) for r, line in enumerate(ROOMS) for c, mark in enumerate(line) if mark == "."]
        self.place = {cell: k for k, cell in enumerate(self.cells)}
        self.halls = [self.place[cell] for cell in ((3, 6), (6, 2), (7, 9), (10, 6))]
        self.goal = self.place[(8, 9)]
        self.next = np.array(
            [[self.place.get((r + dr, c + dc), k) for dr, dc in MOVES] for k, (r, c) in enumerate(self.cells)]
        )
        self.away = np.array([self._distances(hall) for hall in self.halls])

    def _distances(self, hall: int) -> np.ndarray:
        """Steps to a hallway from the two rooms that it joins; infinite elsewhere, and in the other hallways."""
        away = np.full(len(self.cells), np.inf)
        away[hall], wave = 0.0, [hall]
        while wave:
            here = wave.pop(0)
            if here in self.halls and here != hall:
                continue
            for there in self.next[here]:
                if np.isinf(away[there]):
                    away[there] = away[here] + 1.0
                    wave.append(int(there))
        return away

    @property
    def options(self) -> int:
        return 4 + len(self.halls)

    def may_start(self) -> np.ndarray:
        """(state, option)"""
        through = np.isfinite(self.away.T) & (self.away.T > 0)
        return np.concatenate([np.ones((len(self.cells), 4), np.bool_), through], axis=1)

    def move(self, states: np.ndarray, options: np.ndarray) -> np.ndarray:
        """The primitive move of each lane's option."""
        moves = options.copy()
        for hall in range(len(self.halls)):
            nearer = self.away[hall][self.next[states]].argmin(axis=1)
            moves = np.where(options == 4 + hall, nearer, moves)
        return moves

    def ends(self, states: np.ndarray, options: np.ndarray) -> np.ndarray:
        over = options < 4
        for hall, place in enumerate(self.halls):
            over |= (options == 4 + hall) & ((states == place) | np.isinf(self.away[hall][states]))
        return over


def planned(rooms: FourRooms) -> np.ndarray:
    """Q* (state, option) by value iteration on models of the options, each walked out by itself."""
    states, may = len(rooms.cells), rooms.may_start()
    reward, discount, there = (np.zeros((states, rooms.options)) for _ in range(3))
    for s in range(states):
        for o in np.flatnonzero(may[s]):
            at, factor = s, 1.0
            while True:
                at = int(rooms.next[at, rooms.move(np.array([at]), np.array([o]))[0]])
                reward[s, o] += factor * (at == rooms.goal)
                factor *= GAMMA
                if at == rooms.goal or rooms.ends(np.array([at]), np.array([o]))[0]:
                    break
            discount[s, o], there[s, o] = factor * (at != rooms.goal), at
    q = np.zeros((states, rooms.options))
    for _ in range(300):
        value = np.where(may, q, -np.inf).max(axis=1)
        q = reward + discount * value[there.astype(int)]
    return np.where(may, q, 0.0)


def test_q_learning_over_options_reaches_what_planning_over_them_says() -> None:
    """Four rooms: Σ γⁱ·rᵢ + γᵏ·max Q, of lanes whose options begin and end at different steps."""
    rooms, random, lanes = FourRooms(), np.random.default_rng(0), 1024
    may, q = rooms.may_start(), np.zeros((len(rooms.cells), rooms.options))
    expected, clock = planned(rooms), SemiMarkov(lanes, 2, GAMMA)
    starts = np.array([k for k in range(len(rooms.cells)) if k != rooms.goal])
    state, option, free = random.choice(starts, lanes), np.zeros(lanes, np.int64), np.ones(lanes, np.bool_)
    for _ in range(1500):
        drawn = np.where(may[state], random.random((lanes, rooms.options)), -1.0).argmax(axis=1)
        option = np.where(free, drawn, option)
        clock.begin(free, np.column_stack([state, option]))
        state = rooms.next[state, rooms.move(state, option)]
        done = state == rooms.goal
        clock.add(done.astype(np.float64))
        free = done | rooms.ends(state, option)
        began, chosen = clock.began[free].astype(np.int64).T
        best = np.where(may[state[free]], q[state[free]], -np.inf).max(axis=1)
        q[began, chosen] = clock.paid[free] + clock.discount[free] * np.where(done[free], 0.0, best)
        state = np.where(done, random.choice(starts, lanes), state)
    started = may.copy()
    started[rooms.goal] = False
    assert np.abs(q - expected)[started].max() <= 1e-3
    assert expected[started].min() > 0.0


def table(*options: Any, spec: EnvSpec = SPEC, **fields: Any) -> OptionTable:
    return OptionTable(OptionsConfig(options=options, **{"learned": 0, **fields}), spec)


def test_options_start_act_and_end_as_they_say() -> None:
    every = table(
        OpenConfig(), OpenConfig(side="short"), CloseConfig(), WaitConfig(bars=2), TrendConfig(bars=3),
        ScalpConfig(column="x", threshold=0.5, bars=2),
    )  # fmt: skip
    assert every.names == ("open long", "open short", "close", "wait", "trend", "scalp")
    rows = torch.tensor([[0.2, 1.0], [0.9, -1.0], [-0.9, 0.0]])
    lean = torch.tensor([0.0, 1.0, -1.0])
    assert every.may_start(rows, lean).int().tolist() == [[1, 1, 0, 1, 1, 0], [0, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1]]
    fresh, old = torch.zeros(3), torch.full((3,), 2.0)
    assert every.next_leans(rows, lean, fresh).tolist() == [
        [1, -1, 0, 0, 1, -1],
        [1, -1, 0, 1, -1, -1],
        [1, -1, 0, -1, -1, 1],
    ]
    assert every.next_leans(rows, lean, old)[:, 4:].tolist() == [[0, 0], [1, 1], [-1, -1]]
    ends = every.ends(rows, lean, old).int().tolist()
    assert [row[:4] for row in ends] == [[1, 1, 1, 1]] * 3
    assert [row[4:] for row in ends] == [[1, 1], [1, 1], [1, 1]]
    assert every.ends(torch.tensor([[0.9, -1.0]]), torch.tensor([-1.0]), torch.ones(1)).int().tolist() == [
        [1, 1, 1, 0, 0, 0]
    ]
    wide = table(WaitConfig(), TrendConfig(), spec=EnvSpec(columns=("x",), choices=5), flat=1)
    assert (wide.bottom, wide.top, wide.flat) == (-1.0, 3.0, 1.0)
    bounds = table(WaitConfig(), OpenConfig(), spec=EnvSpec(columns=("x",), low=-0.5, high=2.0))
    assert (bounds.bottom, bounds.top, bounds.leans.tolist()) == (-0.5, 2.0, [-0.5, 0.0, 2.0])


class Bars:
    """A column that counts the bars of an episode, which is cut after seven, and a reward that is the bar's number."""

    def __init__(self, ruin: bool = False) -> None:
        self.n_envs, self.ruin, self.at = 3, ruin, np.zeros(3)
        self.spec = EnvSpec(columns=("x",), choices=3)
        self.acted: list[np.ndarray] = []

    def reset(self, seed: int | None = None, starts: Any = None) -> tuple[Any, dict[str, Any]]:
        del seed, starts
        self.at = np.arange(3.0)  # the lanes' episodes end at different steps
        return self.at[:, None].copy(), {}

    def step(self, actions: np.ndarray) -> Any:
        self.acted.append(actions.copy())
        self.at = self.at + 1.0
        over, final, reward = self.at >= 7.0, self.at[:, None].copy(), self.at.copy()
        self.at = np.where(over, 0.0, self.at)
        flags = (over, np.zeros(3, np.bool_)) if self.ruin else (np.zeros(3, np.bool_), over)
        return self.at[:, None].copy(), reward, *flags, {"final_observation": final}

    def state(self) -> dict[str, np.ndarray]:
        return {"at": self.at.copy()}

    def restore(self, state: Any) -> None:
        self.at = state["at"].copy()


@pytest.mark.parametrize("ruin", [False, True])
def test_a_transition_is_a_whole_option_and_ends_with_its_episode(ruin: bool) -> None:
    """Oracle: from s on the bars pay s + 1, s + 2, ...; waiting lasts three bars or to the episode's end."""
    env = Bars(ruin)
    config = OptionsConfig(options=(WaitConfig(bars=3), OpenConfig()), learned=0, gamma=0.5, **FIELDS)
    agent: Any = config.model_copy(update={"warmup_steps": 2000}).build(env)
    agent.learn(env, 3 * 8 * 6)
    rows = agent.replay.state()["rows"].numpy()
    assert len(rows) > 40
    lengths = set()
    for began, lean, reached, _, option, follows, paid, terminated in rows:
        steps = int(reached - began)
        lengths.add((int(option), steps))
        assert steps == (min(3, 7 - began) if option == 0 else 1)
        assert paid == sum(0.5**k * (began + k + 1) for k in range(steps))
        assert terminated == float(ruin and reached == 7.0)
        assert follows == (0.0 if terminated else 0.5**steps)
        assert option == 0 or lean <= 0.0
    assert lengths >= {(0, 1), (0, 3), (1, 1)}


def test_an_option_that_may_not_start_is_neither_taken_nor_learned_from() -> None:
    env = Bars()
    config = OptionsConfig(options=(WaitConfig(bars=1), OpenConfig(), CloseConfig()), learned=0, **FIELDS)
    agent: Any = config.build(env)
    agent.learn(env, 3 * 8 * 12)
    rows = agent.replay.state()["rows"].numpy()
    lean, option = rows[:, 1], rows[:, 4]
    assert not ((option == 1) & (lean > 0.0)).any()
    assert not ((option == 2) & (lean == 0.0)).any()
    assert {0.0, 1.0, 2.0} == set(option)
    batches = agent._batches(np.random.default_rng(0), 2)
    seen = batches.observations[:, -1] * agent.table.reach
    assert batches.shut is not None
    assert torch.equal(batches.shut[:, 1, 32:], seen > 0.0)
    assert torch.equal(batches.shut[:, 2, 32:], seen == 0.0)


def test_predict_holds_on_to_an_option_and_to_each_lane_its_own() -> None:
    config = OptionsConfig(options=(WaitConfig(bars=3), TrendConfig(bars=5)), learned=1, longest=2, **FIELDS)
    agent: Any = config.build(SPEC, seed=1)
    rows = np.random.default_rng(0).standard_normal((6, 2)).astype(np.float32)
    rows[:, 1] = 1.0
    state, before = None, None
    for _ in range(12):
        actions, state = agent.predict(rows, state)
        assert state.shape == (6, 3)
        np.testing.assert_array_equal(actions, state[:, LEAN] + 1)
        if before is not None:
            going = state[:, ELAPSED] > 1.0
            np.testing.assert_array_equal(state[going, OPTION], before[going, OPTION])
            np.testing.assert_array_equal(state[going, ELAPSED], before[going, ELAPSED] + 1.0)
        before = state
        assert (state[:, ELAPSED] <= np.array([0.0, 3.0, 5.0, 2.0])[state[:, OPTION].astype(int)]).all()
    alone, _ = agent.predict(rows[2], state[2:3])
    assert alone == agent.predict(rows, state)[0][2]


def test_learned_options_move_as_the_theorems_say() -> None:
    """Oracle: autograd of −log π·A − c·H and of β·(Q(x', o) − V(x') + ξ), for the first step of Adam."""
    config = OptionsConfig(learned=3, deliberation=0.1, inner_entropy=0.05, inner_hidden=(8,))
    mine = LearnedOptions(config, 4, 3, seed=0)
    random = torch.Generator().manual_seed(1)
    x, after = torch.randn(4, 30, generator=random), torch.randn(4, 30, generator=random)
    option, action = (torch.randint(0, 3, (30,), generator=random) for _ in range(2))
    reward, here, stay, leave = torch.randn(4, 30, generator=random)
    discount = torch.where(torch.arange(30) % 5 == 0, 0.0, 0.9)
    every = torch.arange(30)
    end = torch.sigmoid(mine.ending(after)[0][option, every])
    loss = torch.where(discount > 0.0, end * (stay - leave + 0.1), 0.0).mean()
    slopes = [each.flatten() for each in torch.autograd.grad(loss, list(mine.ending.parameters()))]
    logits = mine.policy(x)[0].view(3, 3, 30)[option, :, every]
    chance = torch.log_softmax(logits, 1)
    advantage = (reward + discount * ((1 - end) * stay + end * leave) - here).detach()
    entropy = -(chance.exp() * chance).sum(1)
    loss = (-chance[every, action] * advantage - 0.05 * entropy).mean()
    others = [each.flatten() for each in torch.autograd.grad(loss, list(mine.policy.parameters()))]
    with torch.no_grad():
        mine.learn(OptionSteps(x, after, option, action, reward, discount, here, stay, leave))
    torch.testing.assert_close(mine.ending.slope, torch.cat(slopes), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(mine.policy.slope, torch.cat(others), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_mean_reverting_price_is_followed_by_options() -> None:
    market = OrnsteinUhlenbeckConfig()
    env = KnownMarketEnv(market, market.simulate(50_000, seed=1), 32)
    agent = OptionsConfig(gamma=0.95, rollout_steps=8).build(env, seed=0)
    agent.learn(env, 10_000)
    assert evaluate(agent, market, 999, bars=500).score > 0.9


@pytest.mark.parametrize(
    ("fields", "spec", "message"),
    [
        ({"options": (OpenConfig(),), "learned": 0}, SPEC, "must have wait or a learned one among them"),
        ({"options": (WaitConfig(),), "learned": 0}, SPEC, "options must be at least two"),
        (
            {"options": (WaitConfig(), OpenConfig(side="short"))},
            EnvSpec(columns=("x",), choices=2),
            "agents.options.1: can never start: no action is short; leave it out; got 'short'",
        ),
        (
            {"options": (WaitConfig(), TrendConfig(column="luck"))},
            SPEC,
            "agents.options.1.column: must be of columns that lanes show (as x, return_1 are); got 'luck'",
        ),
        ({"flat": 3}, SPEC, "agents.flat: must be one of 3 choices, from 0; got 3"),
        ({}, EnvSpec(columns=("x",), low=0.5, high=1.0), "actions: must have 0 within their bounds for options"),
        ({}, EnvSpec(columns=("x",), size=2), "actions: must be of one symbol for options; got 2"),
        ({"options": ({"kind": "pray"},)}, SPEC, "agents.options.0.kind"),
    ],
)
def test_bad_input_is_one_error(fields: dict[str, Any], spec: EnvSpec, message: str) -> None:
    with pytest.raises((ConfigError, RunError)) as caught:
        OptionsConfig(**fields).build(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_are_refused_where_actions_are_no_exposures(make_lanes: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"environment.actions: must be levels or continuous for options; got 'verbs'"
    ):
        OptionsConfig().wrap(make_lanes("verbs"))
    shifted = make_lanes({"kind": "levels", "levels": (-1.0, -0.5, 0.0)})
    with pytest.raises(
        ConfigError, match=r"model.flat: must be the place of the level 0 among \[-1.0, -0.5, 0.0\]; got 1"
    ):
        OptionsConfig().wrap(shifted)
    assert OptionsConfig(flat=2).wrap(shifted) is shifted


@pytest.fixture
def make_lanes() -> Any:
    from tests.contracts.test_agent_contract import market

    return market


def test_a_saved_agent_is_named_by_its_options(tmp_path: Path) -> None:
    agent: Any = OptionsConfig(**FIELDS).build(SPEC)
    agent.save(tmp_path)
    again = Options.load(tmp_path)
    assert again.table.names == (
        "open long", "close", "trend", "scalp", "wait", "learned 1", "learned 2",
    )  # fmt: skip
