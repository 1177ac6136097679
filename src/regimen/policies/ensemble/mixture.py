"""Members' exposures mixed by weights that are learned from what each of them would have earned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.execution import Costs, History, Moment, Policy, alone
from regimen.jit import jit, jit_step
from regimen.observation import ObservationSchema
from regimen.policies.ensemble.config import DiscountedThompsonConfig, HedgeConfig, MeanConfig, MixingConfig
from regimen.policies.ensemble.memory import Memories
from regimen.policies.ensemble.mixing import (
    Words,
    hedge_step,
    thompson_draw,
    thompson_keys,
    thompson_learn,
)
from regimen.reprs import short

Floats = NDArray[np.float64]

WIDTH = 4.0
"""A P&L of so many trailing root mean squares is a loss of 0, and minus so many a loss of 1; beyond that it is cut."""
_ROUNDS, _CLOSE, _SQUARE, _DECISIONS, _CHOSEN, _FIRST = range(6)
"""Columns of the state of one symbol; behind them the exposures in force and the members' totals."""
_EQUAL, _HEDGE, _THOMPSON = range(3)
_MOST_SYMBOLS = 2**20


class MixingRules(NamedTuple):
    """The numbers that the compiled step reads."""

    kind: int
    horizon: int
    every: int
    discount: float
    fading: float
    cost: float
    latency: int


@final
class Mixture:
    """``exposure = Σ_k w_k × exposure_k``, the weights w learned from the members' counterfactual P&L.

    What a member would have earned on a bar is what its own account would have marked, had it traded alone: with its
    exposure f decided ``latency`` bars before, and g one bar earlier,

        ``pnl = g (open / close before − 1) + f (close / open − 1) − cost |f − g| − g × funding``

    and what it lost of the bar is ``l = clip(½ − pnl / (2 WIDTH s), 0, 1)``: s² is the trailing exponential mean of
    the members' mean squared P&L *up to the bar before*, so the scale knows nothing of the bar that it is for. A bar
    before there is a scale, or on which no member holds anything, is no round.

    *Timing:* the weights of the decision at the close of bar t know the P&L of bars up to t. Nothing is learned before
    trading begins: on those bars members were fitted. Weights begin equal with every `initial_state`.

    A member that keeps (NaN) holds what it held. Symbols without a bar are left out. Not counted in the P&L: impact,
    fixed commissions, stamp duty, financing, borrowing.

    Its state (symbol, memory) holds, for each symbol: rounds, the last close, s², decisions, the member drawn last, the
    members' exposures that are in force or pending, their totals, and each member's own memory side by side.

    Args:
        members: any policies.
        combine: how weights are learned; `MeanConfig`: they stay equal.
        costs: of the market; commission and half the spread make ``cost``.
        latency: bars between a decision and its fill.
        seed: of the draws.
        titles: what the members are called.
    """

    def __init__(
        self,
        members: Sequence[Policy],
        combine: MixingConfig | MeanConfig,
        costs: Costs,
        latency: int = 1,
        seed: int = 0,
        titles: Sequence[str] = (),
    ) -> None:
        self.members, self.combine, self.titles = tuple(members), combine, tuple(titles)
        self.seed, self._memories = seed, Memories(self.members)
        self._rules = _rules(combine, costs, latency)
        self._keys = thompson_keys(seed, len(self.members))
        self._own = _FIRST + len(self.members) * (latency + 3)

    def __repr__(self) -> str:
        return short(self, f"{self.combine!r} of {', '.join(self.titles) or len(self.members)}")

    @property
    def schema(self) -> ObservationSchema:
        """What the members observe together."""
        return self._memories.schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns zeros and the members' memories (symbol, memory): no close was seen, nothing is held."""
        return np.concatenate([np.zeros((symbols, self._own)), self._memories.initial(symbols)], axis=1)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the state after a bar on which nothing is decided: the members watch, and no weight changes."""
        return np.concatenate([state[:, : self._own], self._memories.watch(moment, state[:, self._own :])], axis=1)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and the next state; see `Policy.act`."""
        alone, memories = self._memories.act(moment, state[:, self._own :])
        own = state[:, : self._own].copy()
        mixed, weights = self._mixed_at(moment, alone, own)
        del weights
        return mixed, np.concatenate([own, memories], axis=1)

    def members_in_force(self, state: Floats) -> Floats:
        """Returns the exposures (symbol, member) that the members decided last, of the state after a bar."""
        return state[:, _FIRST : _FIRST + len(self.members)]

    def parts(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns what each member decides alone (symbol, member), and the weights of these decisions; as in `act`."""
        alone, _ = self._memories.act(moment, state[:, self._own :])
        return alone, self._mixed_at(moment, alone, state[:, : self._own].copy())[1]

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop), weights equal at the first of them."""
        return self._spanned(history, start, stop)[0]

    def weights(self, history: History, start: int, stop: int) -> Floats:
        """Returns the weights (stop − start, symbol, member) of those decisions; NaN where a symbol has no bar."""
        return self._spanned(history, start, stop)[1]

    def _spanned(self, history: History, start: int, stop: int) -> tuple[Floats, Floats]:
        every = np.stack([alone(member, history, start, stop) for member in self.members], axis=-1)
        tape, symbols = history.tape, len(history.bars.symbols)
        own = np.zeros((symbols, self._own))
        span = slice(start, stop)
        return self._mixed(every, own, tape.opens[span], tape.closes[span], tape.ratios[span], tape.fundings[span])

    def _mixed_at(self, moment: Moment, alone: Floats, own: Floats) -> tuple[Floats, Floats]:
        """Returns exposures (symbol,) and weights (symbol, member) at one bar; changes the state in place."""
        tape = moment.tape
        mixed, weights = self._mixed(
            alone[None], own, tape.opens[-1:], tape.closes[-1:], tape.ratios[-1:], tape.fundings[-1:]
        )
        return mixed[0], weights[0]

    def _mixed(
        self, alone: Floats, own: Floats, opens: Floats, closes: Floats, ratios: Floats, fundings: Floats
    ) -> tuple[Floats, Floats]:
        """Runs the step over exposures (time, symbol, member); changes the state in place."""
        mixed, weights = np.zeros(alone.shape[:2]), np.full(alone.shape, np.nan)
        losses = np.empty(alone.shape[2])
        _scan(alone, opens, closes, ratios, fundings, own, self._rules, self._keys, losses, mixed, weights)
        return mixed, weights


def _rules(combine: MixingConfig | MeanConfig, costs: Costs, latency: int) -> MixingRules:
    cost = (costs.commission_bps + costs.half_spread_bps) * 1e-4
    if isinstance(combine, MeanConfig):
        return MixingRules(_EQUAL, 0, 1, 1.0, 0.5, cost, latency)
    fading = 1.0 - 0.5 ** (1.0 / combine.scale_half_life)
    if isinstance(combine, HedgeConfig):
        return MixingRules(_HEDGE, combine.horizon or 0, 1, 1.0, fading, cost, latency)
    discount = combine.discount if isinstance(combine, DiscountedThompsonConfig) else 1.0
    return MixingRules(_THOMPSON, 0, combine.draw_every, discount, fading, cost, latency)


@jit_step
def _earned(
    start: float, price: float, ratio: float, funding: float, state: Floats, rules: MixingRules, earned: Floats
) -> bool:
    """Writes the P&L (member,) of a bar; returns whether there is one: a close before it, and somebody who holds."""
    members = len(earned)
    holds = False
    if state[_CLOSE] == 0.0:
        return holds
    gap, inside = start * ratio / state[_CLOSE] - 1.0, price / start - 1.0
    paid = 0.0 if math.isnan(funding) else funding
    for k in range(members):
        now = state[_FIRST + (rules.latency - 1) * members + k]
        before = state[_FIRST + rules.latency * members + k]
        earned[k] = before * gap + now * inside - rules.cost * abs(now - before) - before * paid
        holds = holds or now != 0.0 or before != 0.0
    return holds


@jit_step
def _learn(losses: Floats, state: Floats, rules: MixingRules) -> None:
    """Turns the P&L (member,) in ``losses`` into losses where there is a scale, learns from them, moves the scale."""
    members = len(losses)
    square = 0.0
    for k in range(members):
        square += losses[k] * losses[k]
    square /= members
    totals = _FIRST + members * (rules.latency + 1)
    if state[_SQUARE] > 0.0:
        whole = 2.0 * WIDTH * math.sqrt(state[_SQUARE])
        for k in range(members):
            losses[k] = min(max(0.5 - losses[k] / whole, 0.0), 1.0)
        if rules.kind == _HEDGE:
            for k in range(members):
                state[totals + k] += losses[k]
        elif rules.kind == _THOMPSON:
            failures = totals + members
            thompson_learn(state[totals:failures], state[failures : failures + members], losses, -1, rules.discount)
        state[_ROUNDS] += 1.0
        state[_SQUARE] += rules.fading * (square - state[_SQUARE])
    else:
        state[_SQUARE] = square


@jit_step
def _weigh(state: Floats, rules: MixingRules, keys: Words, symbol: int, weights: Floats) -> None:
    """Writes the weights (member,) of the decision that is made now."""
    members = len(weights)
    totals = _FIRST + members * (rules.latency + 1)
    if rules.kind == _HEDGE:
        hedge_step(state[totals : totals + members], int(state[_ROUNDS]), rules.horizon, weights)
    elif rules.kind == _THOMPSON:
        decision = int(state[_DECISIONS])
        if decision % rules.every == 0:
            draw = symbol + _MOST_SYMBOLS * (decision // rules.every)
            failures = totals + members
            state[_CHOSEN] = thompson_draw(state[totals:failures], state[failures : failures + members], keys, 0, draw)
        for k in range(members):
            weights[k] = 1.0 if k == int(state[_CHOSEN]) else 0.0
    else:
        for k in range(members):
            weights[k] = 1.0 / members
    state[_DECISIONS] += 1.0


@jit
def _scan(
    alone: Floats,
    opens: Floats,
    closes: Floats,
    ratios: Floats,
    fundings: Floats,
    states: Floats,
    rules: MixingRules,
    keys: Words,
    losses: Floats,
    mixed: Floats,
    weights: Floats,
) -> None:
    """Takes the bars and the members' exposures (time, symbol, member) into the states, one symbol after the other."""
    members = alone.shape[2]
    for s in range(alone.shape[1]):
        state = states[s]
        for t in range(alone.shape[0]):
            price = closes[t, s]
            if math.isnan(price):
                continue
            ratio = ratios[t, s] if ratios.shape[0] > 0 else 1.0
            funding = fundings[t, s] if fundings.shape[0] > 0 else math.nan
            if _earned(opens[t, s], price, ratio, funding, state, rules, losses):
                _learn(losses, state, rules)
            state[_CLOSE] = price
            _weigh(state, rules, keys, s, weights[t, s])
            for lag in range(rules.latency, 0, -1):
                for k in range(members):
                    state[_FIRST + lag * members + k] = state[_FIRST + (lag - 1) * members + k]
            total, keeps = 0.0, False
            for k in range(members):
                exposure = alone[t, s, k]
                if math.isnan(exposure):
                    keeps = True  # a market that closes: there is no later fill, and what was held is kept
                else:
                    state[_FIRST + k] = exposure
                total += weights[t, s, k] * state[_FIRST + k]
            mixed[t, s] = math.nan if keeps else total
