"""A run's decisions once more at multiples of its costs: what is left of them, and what they can bear."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from regimen import metrics
from regimen.bars import Bars
from regimen.errors import ConfigError, RunError
from regimen.execution import FILL_COSTS, Ledger, MarketConfig
from regimen.learning import AgentSettings
from regimen.readers import load_with_report
from regimen.records import RunConfig, RunDirectory, plain, require_finished, sealed, write_json
from regimen.reprs import short
from regimen.runs.prepare import require_same_data

if TYPE_CHECKING:
    import pandas as pd

MULTIPLES = (0.0, 1.0, 2.0, 5.0)
FILE = "costs.json"
_LARGEST = 1024.0
"""Multiple up to which a break-even is looked for."""
_CLOSE = 1e-3
"""How near, as a share of it, the break-even multiple is found."""


@dataclass(frozen=True)
class Rung:
    """The same decisions at one multiple of the costs. Returns are fractions; NaN: undefined.

    Attributes:
        multiple: of every rate.
        total_return: compounded, after these costs.
        sharpe: annual, after these costs.
        turnover: annual, multiples of equity.
        cost_drag: annual return that all costs took, funding included.
        cost_paid_bps: what was paid for trading, in basis points of what was traded.
        ruined: whether the account was wiped out.
    """

    multiple: float
    total_return: float
    sharpe: float
    turnover: float
    cost_drag: float
    cost_paid_bps: float
    ruined: bool

    @classmethod
    def of(cls, multiple: float, ledger: Ledger) -> Rung:
        """Measures one ledger."""
        periods = ledger.bars.periods_per_year
        before = np.concatenate(([ledger.start_equity], ledger.equity[:-1]))
        trading = np.sum([paid for kind, paid in ledger.costs.items() if kind in FILL_COSTS], axis=0)
        return cls(
            multiple=multiple,
            total_return=metrics.total_return(ledger.returns),
            sharpe=metrics.annual_sharpe(ledger.returns, periods),
            turnover=metrics.annual_turnover(ledger.turnover, periods),
            cost_drag=sum(metrics.cost_drag(paid, before, periods) for paid in ledger.costs.values()),
            cost_paid_bps=metrics.cost_per_trade_bps(trading, before, ledger.turnover),
            ruined=ledger.ruined,
        )


@dataclass(frozen=True)
class CostLadder:
    """What a run's decisions bring at several multiples of its costs.

    Attributes:
        rungs: by multiple, the lowest first.
        break_even: multiple at which the net return is zero; None where there is none.
        sentence: the break-even, for people.
        notes: what is held fixed, and what no multiple scales, for people.
    """

    rungs: tuple[Rung, ...]
    break_even: float | None
    sentence: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return short(self, self.sentence)

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of one row for each multiple."""
        import pandas as pd

        return pd.DataFrame([vars(rung) for rung in self.rungs]).set_index("multiple")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is null."""
        values: dict[str, Any] = plain(asdict(self))
        return values


def cost_ladder(
    directory: RunDirectory, multiples: Sequence[float], advance: Callable[[int, int, str], None]
) -> CostLadder:
    """Trades the decisions of a finished run again at multiples of its costs, and keeps the result in ``costs.json``.

    The targets are those that the run stored, whatever the multiple: nothing is decided or fitted again, so nothing is
    chosen, and no trial is recorded. At 1 the account is the run's own, bit for bit.

    Args:
        directory: of a finished run.
        multiples: 0 or more, of every rate of the run's costs.
        advance: progress.

    Raises:
        ConfigError: a multiple below 0, or one at which a rate is out of its bounds.
        RunError: the run is not finished or damaged, its costs are zero, or its data file has changed since.
    """
    manifest = require_finished(directory)
    directory.require_undamaged("ledger/*")
    config = directory.located_config()
    if config.market.costs.is_free:
        rule = "must have costs to multiply; `regimen backtest RUN market.costs=binance-spot` charges those of a venue"
        raise RunError("run", rule, directory.id)
    wanted = _checked(config.market, multiples)
    advance(0, len(wanted) + 2, "bars")
    bars = load_with_report(config.data).bars
    require_same_data(bars, manifest)
    own = Ledger.read(directory.path / "ledger")
    account = _Retraded(bars, own, config.market, manifest["windows"][0]["test"][0])
    rungs = []
    for number, multiple in enumerate(wanted):
        advance(number + 1, len(wanted) + 2, f"costs × {multiple:g}")
        rungs.append(Rung.of(multiple, account.at(multiple)))
    advance(len(wanted) + 1, len(wanted) + 2, "break-even")
    break_even, sentence = _break_even(account)
    ladder = CostLadder(tuple(rungs), break_even, sentence, (*_fixed(config, bars), *account.notes()))
    write_json(directory.path / FILE, sealed({"config_hash": config.hash, **ladder.to_dict()}))
    return ladder


def _checked(market: MarketConfig, multiples: Sequence[float]) -> list[float]:
    """Returns the multiples in their order, each once."""
    for each in multiples:
        if not (math.isfinite(each) and each >= 0.0):
            raise ConfigError("--at", "must be multiples of the costs, 0 or above", each)
        beyond = _beyond(market, each)
        if beyond is not None:
            raise ConfigError("--at", f"is too high: {beyond}", each)
    return sorted(set(map(float, multiples)))


def _beyond(market: MarketConfig, multiple: float) -> str | None:
    """Returns which rate would be out of its bounds; None if every one is within."""
    try:
        market.costs.times(multiple)
    except ConfigError as error:
        return f"{error.field} {error.rule}"
    return None


class _Retraded:
    """A run's decisions in accounts that differ in their costs alone."""

    def __init__(self, bars: Bars, own: Ledger, market: MarketConfig, begin: int) -> None:
        self.bars, self.own, self.market, self.begin = bars, own, market, begin
        self.targets = np.full(bars.shape, np.nan)
        self.targets[begin : begin + len(own)] = own.targets

    def at(self, multiple: float) -> Ledger:
        """Trades at a multiple of the costs."""
        market = self.market.model_copy(update={"costs": self.market.costs.times(multiple)})
        return market.build().backtest(self.bars, self.targets, self.begin, self.begin + len(self.own))

    def notes(self) -> tuple[str, ...]:
        """Says where the account is no longer what it was when the run was made."""
        if np.array_equal(self.at(1.0).equity, self.own.equity):
            return ()
        return ("At the run's own costs the account is not what the run wrote down: `regimen reproduce` says why.",)


def _break_even(account: _Retraded) -> tuple[float | None, str]:
    """Returns the multiple at which the net return is zero, and what there is to say of it."""

    def earned(multiple: float) -> float:
        return metrics.total_return(account.at(multiple).returns)

    if not account.own.turnover.any():
        return None, "Nothing was traded, so costs change nothing."
    low, high = 0.0, 1.0
    if not (without := earned(0.0)) > 0.0:
        return None, f"No costs are low enough: without any the decisions earned {without:+.1%}."
    while earned(high) > 0.0:
        low, high = high, 2.0 * high
        if high > _LARGEST or _beyond(account.market, high):
            return None, f"The net return is above zero even at {low:g} times the costs."
    while high - low > _CLOSE * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if earned(middle) > 0.0 else (low, middle)
    return high, f"The net return is zero at {high:.2f} times the costs."


def _fixed(config: RunConfig, bars: Bars) -> tuple[str, ...]:
    """What is the same on every rung."""
    decisions = "The decisions are those of the run on every rung."
    if isinstance(config.model, AgentSettings):
        decisions = "The decisions are those of the run on every rung; an agent has an account of its own, and at "
        decisions += "other costs it might have decided otherwise."
    if not (config.market.costs.funding and "funding_rate" in bars.extras):
        return (decisions,)
    return decisions, "Funding is charged as the bars say on every rung, 0 included: it is no rate to multiply."
