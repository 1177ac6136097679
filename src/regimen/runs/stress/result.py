"""`Stress`: what became of a run's accuracy and of its money where things were made, or were, bad."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from regimen.records import plain
from regimen.reprs import short

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from regimen.charts import Picture


@dataclass(frozen=True)
class Attacked:
    """What one attack left of the accuracy.

    Attributes:
        name: of the attack; ``all`` is a row that withstood every one of them.
        accuracy: share of the rows that are still right, for each ε of the ladder; it never rises with ε, since what
            was found within a smaller ε is within a larger one.
    """

    name: str
    accuracy: tuple[float, ...]


@dataclass(frozen=True)
class Certified:
    """What randomised smoothing proves of the model, asked about noisy copies of each row.

    Attributes:
        sigma: deviation of the noise, in units of the scaled features.
        alpha: for each row, the probability that its radius is larger than it may be.
        rows: that were asked about.
        abstained: share of them of which nothing is said.
        radii: Euclidean lengths of a move, over all features of a row or of a window.
        accuracy: share of the rows whose class is right, and cannot be changed by any move shorter than the radius.
    """

    sigma: float
    alpha: float
    rows: int
    abstained: float
    radii: tuple[float, ...]
    accuracy: tuple[float, ...]


@dataclass(frozen=True)
class Spell:
    """Out of sample bars that have something in common, and what the run earned on them after costs.

    Attributes:
        name: what they have in common.
        bars: their number.
        first, last: day of the first and of the last of them.
        pnl: profit and loss as a share of the equity at the start of the run; over all regimes it adds up to the run's
            total return.
        earned: return of these bars, compounded.
        market: the same of the prices, equal parts of all symbols.
        sharpe: annual, of these bars; NaN where it is not defined.
        drawdown: largest fall of what these bars compound to.
    """

    name: str
    bars: int
    first: str
    last: str
    pnl: float
    earned: float
    market: float
    sharpe: float
    drawdown: float


@dataclass(frozen=True)
class ImaginedCrisis:
    """What a run's models would have earned in a crisis that did not happen, over several paths of it.

    Attributes:
        name: of its template.
        draws: paths.
        bars: of one path.
        earned: return in the crisis after costs, mean of the paths.
        worst: the least of them.
        market: mean return of the prices, equal parts of all symbols.
        drawdown: mean over the paths of the largest fall of the account.
    """

    name: str
    draws: int
    bars: int
    earned: float
    worst: float
    market: float
    drawdown: float


@dataclass(frozen=True)
class Stress:
    """What became of a run where things were made, or were, bad.

    Attributes:
        model: the run's, by name.
        rows: labelled out of sample rows that were attacked; 0 where there is nothing to attack.
        epsilons: the ladder, in units of the scaled features, ascending.
        shares: of ε that the features of a group may be moved by, where it is not all of it.
        clean: accuracy on the rows as they are; NaN without rows.
        constant: accuracy of always saying the class that most of the rows have.
        attacks: the worst together last.
        certified: None where nothing was asked for, or there is nothing to ask.
        regimes: by the volatility before each bar, the calmest first.
        episodes: crises that the run traded through, in time.
        imagined: crises that it did not.
        total_return: of the run.
        sentence: the finding, for people.
        notes: what should be known of it, for people.
    """

    model: str
    rows: int
    epsilons: tuple[float, ...]
    shares: dict[str, float]
    clean: float
    constant: float
    attacks: tuple[Attacked, ...]
    certified: Certified | None
    regimes: tuple[Spell, ...]
    episodes: tuple[Spell, ...]
    imagined: tuple[ImaginedCrisis, ...]
    total_return: float
    sentence: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return short(self, self.sentence)

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of the accuracy, one row for each attack and one column for each ε."""
        import pandas as pd

        rows = {each.name: each.accuracy for each in self.attacks}
        return pd.DataFrame.from_dict(rows, orient="index", columns=[*self.epsilons])

    def plot(self, path: str | Path | None = None) -> Picture:
        """Draws the accuracy under each attack over ε, as the report does.

        Args:
            path: an SVG file to write the picture to.
        """
        from regimen.charts import picture_of
        from regimen.runs.stress.exhibit import exhibits_of_stress

        return picture_of([figure for exhibit in exhibits_of_stress(self) for figure in exhibit.figures], path)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is null."""
        values: dict[str, Any] = plain(asdict(self))
        return values
