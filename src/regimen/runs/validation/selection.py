"""What choosing among all trials of a market proves: PBO and SPA over what each of them earned day by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regimen import metrics
from regimen.numerals import count, number

if TYPE_CHECKING:
    from regimen.records import TrialReturns

BLOCKS = 16
"""Of the cross-validation behind the PBO."""
SHORTEST = 2 * BLOCKS
"""Days that all trials must have traded."""


@dataclass(frozen=True)
class Selection:
    """The trials of a market, this validation's among them, as a search of which the best was taken.

    Attributes:
        trials: whose daily returns are compared; a validation's seed stands there with its middle path.
        left_out: evaluated trials that are not: they traded other days, or their returns are not on record.
        effective: clusters of trials that are alike.
        days: that all of them traded.
        pbo: probability of backtest overfitting.
        pbo_low, pbo_high: where 95 % of the PBO of such data lie when no trial is better than another.
        spa: Hansen's consistent p-value that none of the trials earns more than nothing.
        superior: how many of them StepM finds to earn more than nothing.
    """

    trials: int
    left_out: int
    effective: int
    days: int
    pbo: float
    pbo_low: float
    pbo_high: float
    spa: float
    superior: int

    @property
    def sentence(self) -> str:
        """What it says, for people."""
        superior = "none earns" if not self.superior else f"{count(self.superior)} earn"
        return (
            f"Among {count(self.trials)} trials of this market on {count(self.days)} days the probability of backtest "
            f"overfitting is {number(self.pbo)} ({number(self.pbo_low)} to {number(self.pbo_high)} where no trial is "
            f"better than another); that none of them earns more than nothing has a p-value of {number(self.spa, 3)} "
            f"(SPA), and by StepM {superior} more."
        )


def selection_of(returns: TrialReturns, seed: int) -> Selection | None:
    """Compares the trials of a market; None with fewer than two, or too few days that all of them traded.

    Args:
        returns: of the trials, from the trial ledger.
        seed: of the draws.
    """
    days, trials = returns.values.shape
    if trials < 2 or days < SHORTEST:
        return None
    overfitting = metrics.pbo(returns.values, blocks=BLOCKS, seed=seed)
    superiority = metrics.superiority(returns.values, seed=seed)
    return Selection(
        trials=trials,
        left_out=returns.evaluated - trials,
        effective=returns.effective,
        days=days,
        pbo=overfitting.pbo,
        pbo_low=overfitting.null_low,
        pbo_high=overfitting.null_high,
        spa=superiority.p,
        superior=len(superiority.superior),
    )
