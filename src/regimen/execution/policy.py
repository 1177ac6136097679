"""The one interface of everything that trades: what is known at a bar and a memory in, target exposures out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from regimen.bars import listed
from regimen.errors import RunError
from regimen.execution.moment import History, Moment

if TYPE_CHECKING:
    from regimen.observation import ObservationSchema

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Policy(Protocol):
    """What a trained classifier, an agent and a rule have in common.

    Every symbol is a lane of its own: it is decided as if it traded alone. Sharing the equity among symbols is not a
    policy's business; `decide` and `targets` do it.

    All that a policy remembers is in its state, an array of one row per symbol, so one bar can be decided without the
    bars before it, in this process or in another one. A policy object does not change when it acts.
    """

    @property
    def schema(self) -> ObservationSchema:
        """What it observes of each symbol."""

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar; memory 0: none."""

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided: one before trading begins."""

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns exposures (symbol,) of symbols that each trade alone, and the next state (symbol, memory).

        *Timing:* decided at the close of the moment's bar, filled at the next open or later. Of symbols without a bar
        the exposure means nothing; it is 0 where the bar is there but what is seen is not whole (not warm).

        Args:
            moment: what is known at the close of a bar; bars come one after the other, none left out.
            state: as the last call returned it; not changed in place.
        """


@runtime_checkable
class Spanning(Protocol):
    """A policy that decides many bars faster than one after the other."""

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns what `Policy.watch` before bar ``start`` and `Policy.act` at bars [start, stop) would return.

        Returns:
            (stop − start, symbol) exposures of symbols that each trade alone.
        """


def share(exposures: Floats, present: Flags, listing: Flags | None = None) -> Floats:
    """Divides each bar's exposures by the number of symbols listed at it, so that gross stays below the cap.

    A symbol that is closed for a while keeps its share, and the others theirs: a hole changes no target. One
    that is not listed yet has none; one that has ended gives its share up in the bar after its last one.

    Args:
        exposures: (time, symbol) or (symbol,), each symbol's as if it were alone.
        present: the same shape: the symbol has a bar, warm or not.
        listing: the same shape: the symbol is listed (`Bars.listed`); None: read off ``present``, whose first row
            is then the first of the series and whose last one the last. A single bar cannot show it: there None
            counts the symbols that have a bar.

    Returns:
        Targets of that shape; NaN (keep what is held) where a symbol has no bar, since it cannot be traded.

    Raises:
        RunError: the shapes differ.
    """
    if listing is None:
        listing = listed(present) if present.ndim == 2 else present
    if not exposures.shape == present.shape == listing.shape:
        name, flags = ("present", present) if present.shape != exposures.shape else ("listing", listing)
        raise RunError(name, f"must have shape {exposures.shape}", flags.shape)
    if exposures.ndim == 1:
        targets = np.empty(len(exposures))
        _sharing()(exposures, present, listing, targets)
        return targets
    count = listing.sum(axis=-1, keepdims=True)
    return np.where(present, exposures / np.maximum(count, 1), np.nan)


@cache
def _sharing() -> Callable[[Floats, Flags, Flags, Floats], None]:
    """Returns the compiled step of one bar; whoever shares none needs no compiler."""
    from regimen.execution.orders import share_one_bar

    return share_one_bar


def decide(policy: Policy, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
    """One bar of one account: returns the symbols' target exposures (symbol,) and the policy's next state.

    *Timing:* decided with bars <= t, filled at the open of t+1 or later.

    Returns:
        Targets, 0 where what is seen is not whole, NaN (keep) where there is no bar; and the state.

    Raises:
        RunError: another number of features than the policy observes.
    """
    _check(policy.schema, moment.features.shape[-1], moment.volatility)
    exposures, following = policy.act(moment, state)
    return share(exposures, moment.present, moment.listed), following


def targets(policy: Policy, history: History, start: int = 0, stop: int | None = None) -> Floats:
    """Returns the target exposures (stop − start, symbol) that a policy decides at bars [start, stop).

    They are those of `decide` bar by bar, bit for bit.

    *Timing:* row t uses bars <= t, all of them: what comes before ``start`` is watched, so that the first rows are as
    informed as they would be live.

    Args:
        policy: any policy.
        history: the whole series.
        start, stop: positions of bars; by default all.

    Raises:
        RunError: features that are not those of the policy.
    """
    stop = len(history.bars) if stop is None else stop
    _check(policy.schema, history.features.shape[-1], history.volatility)
    if policy.schema.names and history.names and policy.schema.names != history.names:
        pairs = zip(policy.schema.names, history.names, strict=True)
        position, (mine, theirs) = next((k, pair) for k, pair in enumerate(pairs) if pair[0] != pair[1])
        raise RunError(f"features: column {position}", f"must be {mine!r}, as the policy was trained on", theirs)
    exposures = alone(policy, history, start, stop)
    return share(exposures, history.bars.present[start:stop], history.bars.listed[start:stop])


def alone(policy: Policy, history: History, start: int, stop: int) -> Floats:
    """Returns the exposures (stop − start, symbol) of bars [start, stop), of symbols that each trade alone.

    At once where the policy can (`Spanning`), else bar by bar; what comes before ``start`` is watched.
    """
    if isinstance(policy, Spanning):
        return policy.exposures(history, start, stop)
    state = policy.initial_state(len(history.bars.symbols))
    for t in range(start):
        state = policy.watch(history.at(t), state)
    exposures = np.zeros((stop - start, len(history.bars.symbols)))
    for t in range(start, stop):
        exposures[t - start], state = policy.act(history.at(t), state)
    return exposures


def _check(schema: ObservationSchema, inputs: int, volatility: Floats | None) -> None:
    if schema.inputs not in (0, inputs):
        raise RunError("features", f"must have the {schema.inputs} columns of the policy", inputs)
    if schema.volatility and volatility is None:
        raise RunError("volatility", "must be given to a policy that observes it")
