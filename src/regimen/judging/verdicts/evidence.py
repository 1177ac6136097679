"""The numbers that a verdict is made of, and the thresholds that they are held against.

The thresholds are constants, not settings: a bar that can be moved is not a bar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regimen.judging.acting import Information, Modes
from regimen.judging.controls.constants import ConstantExposure
from regimen.judging.controls.experiment import ControlExperiment

if TYPE_CHECKING:
    from regimen.judging.seeds import SeedSummary
    from regimen.judging.timing import TimingMoments

SHORTEST = 100
"""Bars below which no verdict is given: the PSR's normal approximation and the bootstrap need as many."""
SHORTEST_DAYS = 14
"""Days below which none is given either, however many bars they hold: minutes of one afternoon are one market."""
CONFIDENCE = 0.95
"""What PSR and DSR must reach: the one-sided 5 % test that their sources use."""
WORSE = 0.05
"""PSR at or below which a policy is worse than doing nothing: the same 5 % test, one-sided the other way."""
LUCK = 0.05
"""Largest probability that the best of all trials owes its timing to chance."""
FEWEST_POSITIONS = 10
"""Fewer bets than this are an anecdote, whatever the bars in between say."""
CONSTANT = 0.99
"""Share of the time in one exposure from which, with few changes, a policy counts as doing nothing."""
NO_INFORMATION = 0.01
"""I(S;A) in nats below which drawn actions do not depend on the state."""
STALE = 0.05
"""Share of the equity at old prices from which a reader must know of it."""
PROFIT, DEFLATED, TIMING = "profit", "deflated Sharpe ratio", "random timing"
INTERVAL, POSITIONS = "Sharpe interval", "number of positions"
"""Names of the rules that more bars may pass."""
TOO_GOOD_SHARPE = 3.0
TOO_GOOD_ACCURACY = 0.60


@dataclass(frozen=True)
class Evidence:
    """The numbers that the verdict is made of; NaN = undefined, Sharpe ratios annual and after costs.

    Attributes:
        bars: judged bars.
        total_return: of the policy.
        sharpe, sharpe_low, sharpe_high: with its 95 % interval.
        psr: of the policy's returns.
        dsr: of its timing; ``trials`` is the N of the dsr.
        p_random: share of the same positions at other times whose timing is at least as good.
        p_trials: the same for the best of all trials, 1 − (1 − p)^N.
        random_draws: how many were drawn.
        trades: bars with a trade.
        positions: bets taken, over all symbols.
        changes: changes of exposure per symbol.
        modal_exposure, modal_share: the most frequent exposure and the share of the time spent in it.
        directional_accuracy, chance_accuracy, directional_bars: see `regimen.judging.Conduct`.
        buy_and_hold_return: total return of the control.
        late_sharpe: of the same decisions one bar later.
        break_even_extra_bps, cost_paid_bps: per unit of traded notional.
        first_half_sharpe, second_half_sharpe: of the two halves of the sample.
        zero_cost: the market charged nothing.
        ruined: the account was wiped out; ``ruined_at`` says when.
        liquidations: margin calls.
        symbols: how many there are.
        constant: the best constant exposure, and ``modal`` the one that the policy holds most of the time.
        information: what its actions tell of the state.
        modes: the judged actions beside drawn ones, where the policy can draw them.
        seeds: all seeds of the training, where there were several.
        days: length of the sample on the clock.
        not_held: what buy and hold could not buy, and why; empty where it bought everything.
        stale_share: mean share of the equity in symbols without a bar, at their last known prices.
        controls: the control experiments that were made of it.
        timing: moments of the returns that ``dsr`` is taken of; None where they are not known.
        trials_variance: recorded, of the trials' per-bar Sharpe ratios; None where it is not known.
        bars_a_year: of the sample.
    """

    bars: int
    total_return: float
    sharpe: float
    sharpe_low: float
    sharpe_high: float
    psr: float
    dsr: float
    trials: int
    p_random: float
    p_trials: float
    random_draws: int
    trades: int
    positions: int
    changes: float
    modal_exposure: float
    modal_share: float
    directional_accuracy: float
    chance_accuracy: float
    directional_bars: int
    buy_and_hold_return: float
    late_sharpe: float = math.nan
    break_even_extra_bps: float = math.nan
    cost_paid_bps: float = math.nan
    first_half_sharpe: float = math.nan
    second_half_sharpe: float = math.nan
    zero_cost: bool = False
    ruined: bool = False
    ruined_at: str = ""
    liquidations: int = 0
    symbols: int = 1
    constant: ConstantExposure | None = None
    modal: ConstantExposure | None = None
    information: Information | None = None
    modes: Modes | None = None
    seeds: SeedSummary | None = None
    days: float = math.inf
    not_held: str = ""
    stale_share: float = 0.0
    controls: tuple[ControlExperiment, ...] = ()
    timing: TimingMoments | None = None
    trials_variance: float | None = None
    bars_a_year: float = math.nan

    @property
    def when_ruined(self) -> str:
        """The day of the ruin as the end of a sentence, or nothing."""
        return f" on {self.ruined_at[:10]}" if self.ruined_at else ""

    @property
    def unmasked(self) -> tuple[ControlExperiment, ...]:
        """The control experiments that look good as well."""
        return tuple(control for control in self.controls if control.looks_good)


def too_accurate(evidence: Evidence) -> bool:
    """Whether the direction is right suspiciously often: above 60 %, and three standard errors above chance.

    A bet on the side that rises anyway is no foresight, and neither are six right out of ten.
    """
    e = evidence
    if not e.directional_accuracy > TOO_GOOD_ACCURACY:
        return False
    error = math.sqrt(max(e.chance_accuracy * (1.0 - e.chance_accuracy), 1e-12) / e.directional_bars)
    return e.directional_accuracy - e.chance_accuracy > 3.0 * error


def percent(share: float, digits: int = 1) -> str:
    """Returns a share as text, e.g. ``12.3 %``."""
    return f"{100.0 * share:.{digits}f} %"
