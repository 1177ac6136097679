"""What a run's policy holds now: its newest model asked at the last bar of a file, and why it answers so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars, Sketch, shared
from regimen.errors import ConfigError, DataError
from regimen.features import FeatureSet
from regimen.policies import (
    AgentPolicy,
    ClassifierPolicy,
    History,
    Policy,
    Preprocessed,
    RuleSettings,
    innermost,
    realised_volatility,
    targets,
    unwrapped,
)
from regimen.policies.ensemble import Committee, MetaPolicy, Mixture
from regimen.readers import load_with_report
from regimen.records import RunConfig, RunDirectory, model_title, plain, read_json, read_sketch, require_finished
from regimen.records.layout import POLICY
from regimen.reprs import short
from regimen.runs.backtests import bounds_of, with_overrides
from regimen.runs.prepare import history_of, seen
from regimen.runs.signals.forecast import Ahead, quantiles_ahead
from regimen.runs.signals.reasons import Reasons, reasons
from regimen.runs.window import load_policy
from regimen.spans import in_words

Floats = NDArray[np.float64]
_UNNAMED = ("asset",)
"""The symbols of a file that names none."""
_FORTNIGHT = 14 * 24
"""Hours that two series have in common before their moves can tell that they are of two markets."""


@dataclass(frozen=True)
class Holding:
    """What is wanted of one symbol. Targets are signed fractions of the equity.

    Attributes:
        symbol: its name.
        target: at the close of the last bar; None where the symbol has no bar there: what is held is kept.
        before: the same, one bar earlier.
        probabilities: SELL, HOLD, BUY; None for a model that gives none, or sees nothing whole.
        volatility: realised, annual, over `exposure.volatility_bars`; None before there are so many.
        known: whether every feature is known, and the model's whole context.
        missing: bars that the symbol lacks before they can be; 0 where it has enough.
        unknown: features that are not known at the last bar.
        reasons: what stands out in what the model sees; None where nothing is seen.
        ahead: quantiles of the price at each horizon; None for a model that forecasts none, or sees nothing whole.
    """

    symbol: str
    target: float | None
    before: float | None
    probabilities: tuple[float, float, float] | None
    volatility: float | None
    known: bool
    missing: int
    unknown: tuple[str, ...]
    reasons: Reasons | None
    ahead: tuple[Ahead, ...] | None = None

    @property
    def change(self) -> float | None:
        """The target less that of the bar before."""
        return None if self.target is None or self.before is None else self.target - self.before


@dataclass(frozen=True)
class Signal:
    """What a run's policy wants at the close of the last bar, to be filled at the open of the next.

    Attributes:
        bar: start of that bar, UTC; ``close`` its end, by which all that is used was known.
        latency_bars: of the run's market: 1 fills at the next open.
        model: its kind, or the name of one's own.
        window: its number among the run's.
        trained_until: when it began to decide: it was trained on bars before. None for a rule, which is not fitted.
        holdings: one for each symbol.
        notes: what should be known before anybody acts on it, for people.
        verdict: sentence of the run's own verdict.
    """

    bar: str
    close: str
    latency_bars: int
    model: str
    window: int
    trained_until: str | None
    holdings: tuple[Holding, ...]
    notes: tuple[str, ...]
    verdict: str

    def __repr__(self) -> str:
        wanted = ", ".join(
            f"{each.symbol} {'as it is' if each.target is None else f'{each.target:+.2f}'}" for each in self.holdings
        )
        return short(self, f"{self.bar}: {wanted}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = plain(asdict(self))
        for row, holding in zip(values["holdings"], self.holdings, strict=True):
            row["change"] = holding.change
        return values


def signal_of(
    directory: RunDirectory, bars: str | None, overrides: Sequence[str], advance: Callable[[int, int, str], None]
) -> Signal:
    """Asks a finished run's policy at the last bar of a file.

    Timing: decided with bars up to the last one, whole; filled at the open of the next. The targets are those of
    `backtest_run` on the same file, decided by the same model. Nothing is judged, so no trial is recorded.

    Args:
        directory: of a finished run.
        bars: the data file, with enough history for the features; None: the run's own.
        overrides: ``data.*`` only.
        advance: progress.

    Raises:
        DataError: too few bars, or none behind the first model's training.
        RunError: the run is not finished or damaged.
    """
    for override in overrides:
        if not override.startswith("data."):
            raise ConfigError("override", "must begin with data.; the policy is trained already", override)
    manifest = require_finished(directory)
    directory.require_undamaged("data.json", "judgement.json", *(f"windows/*/{part}" for part in POLICY))
    config = with_overrides(directory.located_config(), bars, overrides)
    config = config.model_copy(update={"data": config.data.model_copy(update={"vault": None})})  # nothing is judged
    advance(0, 4, "bars")
    tape = load_with_report(config.data).bars
    config = config.model_copy(update={"market": config.market.at(tape)})
    features = config.features.build()
    needed = _needed(config, features)
    _require(tape, needed)
    bounds = bounds_of(tape, manifest)
    advance(1, 4, "features")
    history = history_of(config, tape, features.compute(seen(tape)))
    advance(2, 4, "decision")
    last = len(tape) - 1
    number = max(k for k, first in enumerate(bounds[:-1]) if first <= last)
    policy = load_policy(directory.window(number), config, features.hash)
    now, memory = _latest(policy, history, bounds[number])
    before = now[-2] if len(now) > 1 else _earlier(directory, config, features, history, bounds, number)
    advance(3, 4, "reasons")
    trained = _training_span(tape, manifest["windows"][number])
    why = reasons(policy, history, features.groups, trained, memory)
    holdings = _holdings(config, history, policy, now[-1], before, needed, why)
    rule = isinstance(config.model, RuleSettings)
    window = manifest["windows"][number]
    advance(4, 4, "done")
    return Signal(
        bar=_stamp(tape.time[last]),
        close=_stamp(tape.time[last] + np.timedelta64(tape.bar_length, "ns")),
        latency_bars=config.market.latency_bars,
        model=model_title(config.model),
        window=number + 1,
        trained_until=None if rule else _stamp(np.datetime64(window["test_from"], "ns")),
        holdings=holdings,
        notes=tuple(_notes(directory, tape, number, len(manifest["windows"]))),
        verdict=read_json(directory.path / "judgement.json")["verdict"]["sentence"],
    )


def _needed(config: RunConfig, features: FeatureSet) -> int:
    """Returns how many bars a symbol must have before its policy sees something whole."""
    context = int(getattr(config.model, "context", 1))
    lookback = int(getattr(config.model, "lookback", 0))
    if "environment" in config.model.sections():
        context = max(context, config.environment.context)
    volatility = config.exposure.volatility_bars if config.exposure.volatility_target is not None else 0
    return max(features.warmup, volatility, lookback) + context


def _require(bars: Bars, needed: int) -> None:
    have = int(bars.present.sum(axis=0).max())
    if have < needed:
        rule = f"must be at least {needed} for the features and what the model sees at once: {needed - have} more "
        raise DataError("bars", f"{rule}are needed before {str(bars.time[0])[:16]}", have)


def _latest(policy: Policy, history: History, first: int) -> tuple[Floats, Floats | None]:
    """Returns the targets of bars from ``first`` on, and for an agent its memory before the last bar.

    An agent that is given a whole series leaves its last bar open, since nothing fills after it, and so does a policy
    that it is a part of. Here the next bar is still to come, so they are asked bar by bar.
    """
    bare = unwrapped(policy)
    if not isinstance(bare.policy if isinstance(bare, Preprocessed) else bare, AgentPolicy | Mixture | MetaPolicy):
        return targets(policy, history, first), None
    from regimen.execution import share

    bars = history.bars
    state = policy.initial_state(len(bars.symbols))
    for t in range(first):
        state = policy.watch(history.at(t), state)
    alone, memory = np.zeros((len(bars) - first, len(bars.symbols))), state
    for t in range(first, len(bars)):
        memory = state
        alone[t - first], state = policy.act(history.at(t), state)
    return share(alone, bars.present[first:], bars.listed[first:]), memory


def _earlier(
    directory: RunDirectory,
    config: RunConfig,
    features: FeatureSet,
    history: History,
    bounds: Sequence[int],
    number: int,
) -> Floats:
    """Returns the targets at the bar before the last where an older model decided it; NaN where none did."""
    if number == 0:
        return np.full(len(history.bars.symbols), np.nan)
    policy = load_policy(directory.window(number - 1), config, features.hash)
    rows: Floats = targets(policy, history, bounds[number - 1], bounds[number])
    return np.asarray(rows[-1])


def _training_span(bars: Bars, window: dict[str, Any]) -> slice:
    """Returns where in these bars the model's training span lies; empty where they do not reach back."""
    edges = [np.datetime64(window[name], "ns") for name in ("train_from", "test_from")]
    first, last = np.searchsorted(bars.time, edges).tolist()
    return slice(first, last)


def _holdings(
    config: RunConfig,
    history: History,
    policy: Policy,
    now: Floats,
    before: Floats,
    needed: int,
    why: Sequence[Reasons | None],
) -> tuple[Holding, ...]:
    bars, last = history.bars, len(history.bars) - 1
    inner, sight = innermost(policy, history)
    classes = inner.probabilities(sight, last, last + 1)[0] if isinstance(inner, ClassifierPolicy | Committee) else None
    volatility = realised_volatility(seen(bars).close, config.exposure.volatility_bars, bars.periods_per_year)[last]
    ahead = quantiles_ahead(policy, history, config.labels.volatility_bars)
    row = history.features[last]
    holdings = []
    for s, symbol in enumerate(bars.symbols):
        unknown = tuple(name for name, value in zip(history.names, row[s], strict=True) if not np.isfinite(value))
        missing = max(0, needed - int(bars.present[:, s].sum()))
        chances = None if classes is None or not np.isfinite(classes[s]).all() else classes[s].tolist()
        known = bool(bars.present[last, s]) and not unknown and (classes is None or chances is not None)
        holdings.append(
            Holding(
                symbol=symbol,
                target=_finite(now[s]),
                before=_finite(before[s]),
                probabilities=None if chances is None else (chances[0], chances[1], chances[2]),
                volatility=_finite(volatility[s]),
                known=known,
                missing=missing,
                unknown=unknown,
                reasons=why[s] if known else None,
                ahead=None if ahead is None else ahead[s],
            )
        )
    return tuple(holdings)


def _notes(directory: RunDirectory, bars: Bars, number: int, windows: int) -> list[str]:
    """What should be known before anybody acts on the signal."""
    notes = []
    data = read_json(directory.path / "data.json")
    if data["bar_length"] != bars.bar_length:
        notes.append(
            f"The policy was trained on bars of {in_words(data['bar_length'])} and decides here on bars of "
            f"{in_words(bars.bar_length)}: its windows and horizons count bars, not time."
        )
    own = tuple(data.get("symbols", ()))
    strange = [symbol for symbol in bars.symbols if symbol not in own]
    if strange and _UNNAMED not in (own, bars.symbols):
        notes.append(f"Not among the run's symbols: {', '.join(strange[:5])}{', …' if len(strange) > 5 else ''}.")
    if _of_another_market(directory, bars):
        notes.append("These bars are of another market than the run's: their days do not move alike.")
    if number + 1 < windows:
        notes.append(f"The bars end before the run's newest model: window {number + 1} of {windows} decides.")
    close = bars.time[-1] + np.timedelta64(bars.bar_length, "ns")
    if close > np.datetime64(datetime.now(UTC).replace(tzinfo=None), "ns"):
        notes.append("The last bar is not over yet: what is decided before its close may change.")
    return notes


def _of_another_market(directory: RunDirectory, bars: Bars) -> bool:
    """Whether the series overlap by two weeks or more and their moves have nothing in common."""
    mine, theirs = read_sketch(directory.path), Sketch.of(bars)
    if mine is None:
        return False
    common = min(mine.span[1], theirs.span[1]) - max(mine.span[0], theirs.span[0])
    return common >= _FORTNIGHT and shared(mine, theirs) == 0.0


def _stamp(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
