"""Figures of a run as PNG files: from arrays to a file, in the report's colours, without matplotlib's global state."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regimen.files import write_bytes
from regimen.metrics import expected_calibration_error, reliability, wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[Any]

_PAPER, _INK, _QUIET, _GRID, _AXIS = "#fdfdfc", "#1b1f24", "#5d6670", "#e9ebee", "#aeb5bd"
_POLICY, _OTHER, _NEUTRAL = "#1d4f91", "#b3611a", "#6f7a86"
_CLASSES = (("SELL", _OTHER), ("HOLD", _NEUTRAL), ("BUY", _POLICY))
_DPI = 144
_MOST_POINTS, _MOST_SPANS = 4000, 500
_MOST_HEADS = 8
_Z = 1.959964
"""Normal quantile of a 95 % interval."""


def attention_heatmap(weights: Numbers, path: Path, title: str = "Attention") -> None:
    """Draws where attention looks; of maps each weight is drawn as a multiple of equal attention to all it may look at.

    Args:
        weights: (head, time, time) or (time, time), row t says where step t looks, rows sum to 1; or (time,) or
            (head, time), the weights of one reading of the whole window. Time runs to the window's last bar.
        path: of the PNG file.
        title: above the figure.

    Raises:
        ValueError: another shape, or a number that is not finite.
    """
    weights = _finite(weights, "weights")
    if weights.ndim == 1 or (weights.ndim == 2 and weights.shape[0] != weights.shape[1]):
        _attention_bars(np.atleast_2d(weights), path, title)
        return
    if weights.ndim == 2:
        weights = weights[None]
    if weights.ndim != 3 or weights.shape[1] != weights.shape[2]:
        raise ValueError(f"weights must be (head, time, time) or (time,), not {weights.shape}")
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    shades = LinearSegmentedColormap.from_list("policy", [_PAPER, "#b9cbe2", _POLICY, "#0c2447"])
    shown = weights[:_MOST_HEADS]
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    figure = _figure(1.1 + 2.2 * columns, 0.9 + 2.3 * rows)
    # the first bars of a causal attention have few others to look at, so that a large weight of theirs says nothing
    shown = shown * (shown > 0.0).sum(axis=2, keepdims=True)
    scale, last = Normalize(0.0, max(float(shown.max()), 2.0)), weights.shape[1] - 1
    ticks = sorted({0, last // 2, last})
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.ravel()):
        if place >= len(shown):
            axes.set_visible(False)
            continue
        axes.imshow(shown[place], cmap=shades, norm=scale, aspect="equal", interpolation="nearest")
        _plain(axes, grid=False)
        names = [f"−{last - tick}" if tick < last else "0" for tick in ticks]
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names if place % columns == 0 else [])
        if len(weights) > 1:
            axes.set_title(f"head {place + 1}", fontsize=9, color=_QUIET, loc="left")
        if place % columns == 0:
            axes.set_ylabel("bar that looks", fontsize=9, color=_QUIET)
        if place >= len(shown) - columns:
            axes.set_xlabel("bar; 0 is the last", fontsize=9, color=_QUIET)
    bar = figure.colorbar(ScalarMappable(scale, shades), ax=list(grid.ravel()), shrink=0.8, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=_QUIET, length=0)
    note = f", first {_MOST_HEADS} of {len(weights)} heads" if len(weights) > _MOST_HEADS else ""
    _save(figure, path, f"{title}, 1 is equal weights{note}")


def calibration(probabilities: Numbers, y: Numbers, path: Path, title: str = "Calibration") -> None:
    """Draws how often each class came when the model gave it a probability.

    Ten bins of equal count for each class; whiskers are Wilson's 95 % intervals of independent rows, so too narrow
    where labels overlap. ECE is the count-weighted mean |frequency − probability| over all bins and classes.

    Args:
        probabilities: (n, class), rows sum to 1; three classes are SELL, HOLD, BUY.
        y: (n,) classes that came, from 0; negative ones (unknown) are left out.
        path: of the PNG file.
        title: above the figure.

    Raises:
        ValueError: shapes that do not fit, no known row, or a number that is not finite.
    """
    probabilities, y = _finite(probabilities, "probabilities"), np.asarray(y)
    if probabilities.ndim != 2 or y.shape != probabilities.shape[:1]:
        raise ValueError(f"probabilities must be (n, class) and y (n,), not {probabilities.shape} and {y.shape}")
    known = y >= 0
    if not known.any():
        raise ValueError("y must hold at least one class")
    probabilities, y = probabilities[known], y[known].astype(np.int64)
    classes = probabilities.shape[1]
    names = _CLASSES if classes == 3 else [(f"class {k}", shade) for k, shade in enumerate(_shades(classes))]
    figure = _figure(5.6, 5.4)
    axes, below = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    low, high = 1.0, 0.0
    for k, (name, shade) in enumerate(names):
        given, came = probabilities[:, k], y == k
        mean, share, under, over, _ = reliability(given, came)
        axes.vlines(mean, under, over, color=shade, linewidth=1.2, alpha=0.7)
        axes.plot(mean, share, "o-", color=shade, markersize=4.5, linewidth=1.2, label=name)
        below.hist(given, bins=60, histtype="step", color=shade, linewidth=1.2)
        low, high = min(low, given.min(), under.min()), max(high, given.max(), over.max())
    edge = 0.03 * (high - low) + 1e-3
    low, high = max(0.0, low - edge), min(1.0, high + edge)
    axes.plot([low, high], [low, high], color=_AXIS, linewidth=1.2, linestyle=(0, (4, 3)), zorder=0)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set_ylabel("how often it happened", fontsize=9, color=_QUIET)
    axes.legend(frameon=False, fontsize=9, labelcolor=_INK, loc="upper left")
    below.set_xlabel("probability that the model gave", fontsize=9, color=_QUIET)
    below.set_ylabel("rows", fontsize=9, color=_QUIET)
    for each in (axes, below):
        _plain(each)
    gap = expected_calibration_error(probabilities, y)
    _save(figure, path, f"{title} · {len(y):,} rows, ECE {gap:.3f}")


def coverage(pit: Numbers, path: Path, title: str = "Coverage") -> None:
    """Draws whether a forecast's uncertainty is right: PIT histogram, and nominal against observed coverage.

    Args:
        pit: (n,) F_t(y_t), where in its forecast distribution each outcome fell; uniform when the forecast is right.
            NaN rows are left out. For a normal forecast, Φ((y − mean) / sigma).
        path: of the PNG file.
        title: above the figure.

    Raises:
        ValueError: no known row, or a value outside [0, 1].
    """
    pit = np.asarray(pit, dtype=np.float64).ravel()
    pit = pit[~np.isnan(pit)]
    if not len(pit) or pit.min() < 0.0 or pit.max() > 1.0:
        raise ValueError("pit must hold numbers between 0 and 1")
    nominal = np.linspace(0.0, 1.0, 41)
    observed = np.searchsorted(np.sort(np.abs(2.0 * pit - 1.0)), nominal, side="right") / len(pit)
    under, over = wilson(nominal, np.full(len(nominal), len(pit)))
    figure = _figure(8.6, 4.2)
    left, right = figure.subplots(1, 2)
    bins = 20
    wobble = _Z * np.sqrt((1 - 1 / bins) * bins / len(pit))
    left.axhspan(max(0.0, 1 - wobble), 1 + wobble, color=_GRID, zorder=0)
    left.axhline(1.0, color=_AXIS, linewidth=1.2, linestyle=(0, (4, 3)))
    left.hist(pit, bins=bins, range=(0.0, 1.0), density=True, color=_POLICY, alpha=0.8, rwidth=0.9)
    left.set_xlabel("where the outcome fell in its forecast (PIT)", fontsize=9, color=_QUIET)
    left.set_ylabel("density; band: 95 % when right", fontsize=9, color=_QUIET)
    left.set_xlim(0.0, 1.0)
    right.fill_between(nominal, under, over, color=_GRID, zorder=0)
    right.plot([0, 1], [0, 1], color=_AXIS, linewidth=1.2, linestyle=(0, (4, 3)))
    right.plot(nominal, observed, color=_POLICY, linewidth=2)
    for level in (0.5, 0.9):
        share = float((np.abs(2.0 * pit - 1.0) <= level).mean())
        right.plot([level], [share], "o", color=_POLICY, markersize=5)
        right.annotate(
            f"{level:.0%} → {share:.1%}", (level, share), (8, -12), textcoords="offset points", fontsize=9, color=_INK
        )
    right.set(xlim=(0, 1.18), ylim=(0, 1.02), xticks=np.linspace(0, 1, 6))
    right.set_xlabel("nominal coverage of the central interval", fontsize=9, color=_QUIET)
    right.set_ylabel("observed", fontsize=9, color=_QUIET)
    for axes in (left, right):
        _plain(axes)
    _save(figure, path, f"{title} · {len(pit):,} forecasts")


def exposure(time: Numbers, exposures: Numbers, price: Numbers | None, path: Path, title: str = "Exposure") -> None:
    """Draws a policy's exposure under the price that it traded.

    Args:
        time: (time,) timestamps.
        exposures: (time,) or (time, symbol) targets as shares of equity; NaN holds the last one. Of several symbols the
            sum is drawn, and the sum of sizes as a line. A long series is drawn as means of spans, over a band from the
            lowest to the highest in each.
        price: (time,), or None to leave the price out, as for a panel.
        path: of the PNG file.
        title: above the figure.

    Raises:
        ValueError: lengths that differ.
    """
    time, targets = np.asarray(time), np.asarray(exposures, dtype=np.float64)
    targets = targets[:, None] if targets.ndim == 1 else targets
    if len(time) != len(targets) or (price is not None and len(price) != len(time)):
        raise ValueError("time, exposures and price must be of one length")
    targets = _hold_last(targets)
    keep = np.unique(np.linspace(0, len(time) - 1, min(len(time), _MOST_POINTS)).astype(np.int64))
    spans = np.unique(np.linspace(0, len(time), min(len(time), _MOST_SPANS), endpoint=False).astype(np.int64))
    net, gross = targets.sum(axis=1), np.abs(targets).sum(axis=1)
    title = f"{title} · mean {net.mean():+.2f}, mean size {gross.mean():.2f}".replace("-", "−")
    low, high = np.minimum.reduceat(net, spans), np.maximum.reduceat(net, spans)
    many = np.diff(np.append(spans, len(time)))
    net, gross = np.add.reduceat(net, spans) / many, np.add.reduceat(gross, spans) / many
    when = time[spans]
    figure = _figure(8.6, 4.6 if price is not None else 2.8)
    if price is None:
        below = figure.subplots()
    else:
        above, below = figure.subplots(2, 1, height_ratios=[3, 2], sharex=True)
        above.plot(time[keep], np.asarray(price, dtype=np.float64)[keep], color=_INK, linewidth=1.1)
        above.yaxis.set_major_formatter("{x:,g}")
        above.set_ylabel("price", fontsize=9, color=_QUIET)
        _plain(above)
    whole = len(spans) == len(time)
    under, over = (np.minimum(low, 0.0), np.maximum(high, 0.0)) if whole else (low, high)
    below.fill_between(when, under, over, step="post", color=_POLICY, alpha=0.2, linewidth=0)
    below.step(when, net, where="post", color=_POLICY, linewidth=0.9, label="net")
    if targets.shape[1] > 1:
        below.step(when, gross, where="post", color=_OTHER, linewidth=0.9, label="gross")
        below.legend(frameon=False, fontsize=9, labelcolor=_INK, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    below.axhline(0.0, color=_AXIS, linewidth=1.0)
    below.set_ylabel("exposure", fontsize=9, color=_QUIET)
    below.margins(x=0.0)
    _plain(below)
    _save(figure, path, title)


def _attention_bars(weights: Numbers, path: Path, title: str) -> None:
    """Draws the weights (head, time) of one reading of a window; the mean of several heads as bars, each as a line."""
    figure = _figure(6.4, 3.0)
    axes = figure.subplots()
    when = np.arange(weights.shape[1]) - (weights.shape[1] - 1)
    axes.bar(when, weights.mean(axis=0), width=0.9, color=_POLICY, alpha=0.8)
    if len(weights) > 1:
        for head in weights:
            axes.plot(when, head, color=_NEUTRAL, linewidth=0.8, alpha=0.8)
    axes.axhline(1.0 / weights.shape[1], color=_AXIS, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.set_xlabel("bar; 0 is the last", fontsize=9, color=_QUIET)
    axes.set_ylabel("weight; dashed: equal", fontsize=9, color=_QUIET)
    _plain(axes)
    _save(figure, path, title)


def _figure(width: float, height: float) -> Figure:
    """Returns an empty figure, in inches; its canvas is Agg, which needs no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=_PAPER)
    FigureCanvasAgg(figure)
    return figure


def _plain(axes: Axes, grid: bool = True) -> None:
    """Gives axes the look of the report's charts: pale grid, no frame, quiet numbers."""
    axes.set_facecolor(_PAPER)
    for side, spine in axes.spines.items():
        spine.set_visible(grid and side == "bottom")
        spine.set_color(_AXIS)
    axes.tick_params(length=0, labelsize=8.5, colors=_QUIET)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis="y", color=_GRID, linewidth=0.9)


def _save(figure: Figure, path: Path, title: str) -> None:
    """Writes the PNG file, whole or not at all; equal arrays give equal bytes with one version of matplotlib."""
    figure.suptitle(title, x=0.012, ha="left", fontsize=11, fontweight="bold", color=_INK)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=_DPI, facecolor=_PAPER, metadata={"Software": None})
    write_bytes(path, content.getvalue())


def _hold_last(targets: Numbers) -> Numbers:
    """Replaces NaN by the last known value of its column, 0 before the first."""
    known = ~np.isnan(targets)
    last = np.maximum.accumulate(np.where(known, np.arange(len(targets))[:, None], -1), axis=0)
    values = np.take_along_axis(targets, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, values, 0.0)


def _shades(number: int) -> list[str]:
    shades = ("#1d4f91", "#5b9bb5", "#c98a3c", "#8a5a83", "#7b8794", "#74863c")
    return [shades[k % len(shades)] for k in range(number)]


def _finite(values: Numbers, name: str) -> Numbers:
    values = np.asarray(values, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite numbers, at least one")
    return values
