"""What a policy does, whatever it earns: its exposures, its bets, and how often its direction is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.judging.document import read
from regimen.reprs import many, short

Values = NDArray[np.float64]

_HALF = 10  # bins on each side of the flat one


@dataclass(frozen=True)
class Conduct:
    """The action histogram and what follows from it. Shares are of (bar, symbol) pairs that have a bar.

    Attributes:
        trades: bars in which anything was traded.
        positions: stretches of one sign of the target, over all symbols.
        changes: changes of the target's histogram bin, per symbol.
        modal_exposure: mean target inside the most frequent bin.
        modal_share: share of the time that each symbol spends in its own most frequent bin: 1 is a constant.
        action_entropy: H(A) of the histogram, nats: of each symbol's own one, weighted by its bars. 0 is a
            constant, ln 21 = 3.04 the most there can be.
        long_share, short_share, flat_share: by the sign of the target in force.
        centres: (21,) bin centres, from − to + the largest absolute target.
        histogram: (21,) shares.
        directional_accuracy: share of moves (open to close of a bar, zero moves left out) in the direction of
            the exposure held through them; NaN when nothing was held.
        chance_accuracy: what the same share of longs would get right without any timing.
        directional_bars: moves that were counted.
    """

    trades: int
    positions: int
    changes: float
    modal_exposure: float
    modal_share: float
    action_entropy: float
    long_share: float
    short_share: float
    flat_share: float
    centres: tuple[float, ...]
    histogram: tuple[float, ...]
    directional_accuracy: float
    chance_accuracy: float
    directional_bars: int

    def __repr__(self) -> str:
        sides = f"long {self.long_share:.0%}, short {self.short_share:.0%}, flat {self.flat_share:.0%}"
        return short(self, f"{many(self.trades, 'trade')}, {many(self.positions, 'position')}: {sides} of the time")

    @classmethod
    def from_dict(cls, values: Mapping[str, object], at: str) -> Conduct:
        """Reads what `to_dict` wrote; raises `RunError` for another shape."""
        bins = values.get("histogram")
        bins = bins if isinstance(bins, Mapping) else {}
        return read(cls, {**values, "centres": bins.get("centres"), "histogram": bins.get("share")}, at)

    def to_dict(self) -> dict[str, object]:
        """Returns plain values; NaN stays."""
        return {
            "trades": self.trades,
            "positions": self.positions,
            "modal_exposure": self.modal_exposure,
            "modal_share": self.modal_share,
            "changes": self.changes,
            "action_entropy": self.action_entropy,
            "long_share": self.long_share,
            "short_share": self.short_share,
            "flat_share": self.flat_share,
            "histogram": {"centres": list(self.centres), "share": list(self.histogram)},
            "directional_accuracy": self.directional_accuracy,
            "chance_accuracy": self.chance_accuracy,
            "directional_bars": self.directional_bars,
        }


def direction(exposure: Values, opens: Values, close: Values) -> tuple[float, float, int]:
    """Returns the share of moves in the direction of what was held, what chance gets right, and how many moves.

    Fills happen at the open, so what is held after bar t is what met its move from open to close. See `Conduct`.

    Args:
        exposure: (time, symbol) held after each bar.
        opens, close: (time, symbol) prices, NaN where there is no bar.
    """
    moves = np.sign(close - opens)
    sides = np.sign(exposure)
    counted = np.isfinite(moves) & (moves != 0) & np.isfinite(sides) & (sides != 0)
    moves, sides = moves[counted], sides[counted]
    if len(moves) == 0:
        return float("nan"), float("nan"), 0
    up, long = float(np.mean(moves > 0)), float(np.mean(sides > 0))
    return float(np.mean(moves == sides)), up * long + (1.0 - up) * (1.0 - long), len(moves)


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else 0.0


def _entropy(counts: Values) -> float:
    """Mean over symbols, weighted by their counts, of the entropy of each (symbol, bin) histogram, nats."""
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    each = -np.sum(shares * np.log(np.where(shares > 0, shares, 1.0)), axis=1)
    return abs(float(each @ total[:, 0]) / max(1.0, float(total.sum())))


def behaviour(
    targets: Values,
    exposure: Values,
    turnover: Values,
    opens: Values,
    close: Values,
    present: NDArray[np.bool_],
) -> tuple[Conduct, Values]:
    """Describes what a policy did.

    Args:
        targets: (time, symbol) the targets in force, without NaN.
        exposure: (time, symbol) held after each bar, and so from its open, where it was filled, to its close.
        turnover: (time,) traded notional / equity.
        opens, close: (time, symbol) prices, NaN where there is no bar.
        present: (time, symbol) whether there is a bar.

    Returns:
        The description, and (symbol,) the mean target of each symbol in its own most frequent bin.
    """
    largest = float(np.max(np.abs(targets))) if targets.size else 0.0
    bins = np.rint(targets / (largest or 1.0) * _HALF).astype(np.int64) + _HALF
    cells = max(1, int(present.sum()))
    by_symbol = np.zeros((targets.shape[1], 2 * _HALF + 1))
    for symbol in range(targets.shape[1]):
        by_symbol[symbol] = np.bincount(bins[present[:, symbol], symbol], minlength=2 * _HALF + 1)
    modes = by_symbol.argmax(axis=1)
    pooled = by_symbol.sum(axis=0)
    modal = int(np.argmax(pooled))
    signs = np.sign(targets)
    begun = (signs != 0) & (signs != np.vstack((np.zeros((1, signs.shape[1])), signs[:-1])))
    accuracy, chance, counted = direction(exposure, opens, close)
    modal_targets = [_mean(targets[present[:, s] & (bins[:, s] == modes[s]), s]) for s in range(len(modes))]
    conduct = Conduct(
        trades=int(np.count_nonzero(turnover > 0)),
        positions=int(begun.sum()),
        changes=float(np.count_nonzero(np.diff(bins, axis=0))) / targets.shape[1],
        modal_exposure=_mean(targets[(bins == modal) & present]),
        modal_share=float(by_symbol.max(axis=1).sum()) / cells,
        action_entropy=_entropy(by_symbol),
        long_share=float((signs > 0)[present].sum()) / cells,
        short_share=float((signs < 0)[present].sum()) / cells,
        flat_share=float((signs == 0)[present].sum()) / cells,
        centres=tuple(float(k) / _HALF * (largest or 1.0) for k in range(-_HALF, _HALF + 1)),
        histogram=tuple(float(share) for share in pooled / cells),
        directional_accuracy=accuracy,
        chance_accuracy=chance,
        directional_bars=counted,
    )
    return conduct, np.array(modal_targets)
