"""The model of a run, fitted and traded anew on what a control experiment gives it, in a few windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from regimen.execution import Ledger
from regimen.policies import targets
from regimen.runs.guarding import confidence_of, trade
from regimen.runs.prepare import Prepared
from regimen.runs.window import fit_model
from regimen.splits import Window

Stretch = tuple[Window, int]
"""A window that is fitted, and the bar up to which its model decides."""


def stretches(prepared: Prepared, most: int) -> list[Stretch]:
    """Returns the windows that a control is fitted in: all, or so many, each of which decides up to the next one."""
    windows = prepared.windows
    parts = np.array_split(np.arange(len(windows)), min(most, len(windows)))
    return [(windows[part[0]], windows[part[-1]].test.stop) for part in parts]


def traded_again(
    prepared: Prepared, seed: int, most: int, given: Callable[[Stretch], Prepared], tell: Callable[[str], None]
) -> Ledger:
    """Fits each stretch's window on what it is given, decides its bars, and trades them all in one account.

    Args:
        prepared: whose bars and windows these are.
        seed: decides everything random.
        most: see `stretches`.
        given: the run as it is in a stretch.
        tell: progress in words.
    """
    exposures, sure = (np.full(prepared.bars.shape, np.nan) for _ in range(2))
    asked = prepared.config.safeguards is not None and prepared.config.safeguards.confidence is not None
    parts = stretches(prepared, most)
    for number, (window, stop) in enumerate(parts, start=1):
        title = f"window {number}/{len(parts)}"
        tell(title)

        def report(_done: int, _of: int, message: str, _numbers: Mapping[str, float], title: str = title) -> None:
            tell(f"{title}, {message}")

        now = given((window, stop))
        policy = fit_model(now, window, seed, tell=report).policy
        exposures[window.test.start : stop] = targets(policy, now.history, window.test.start, stop)
        if asked:
            sure[window.test.start : stop] = confidence_of(policy, now.history, window.test.start, stop)
    return trade(prepared.config, prepared.bars, exposures, *prepared.span, sure)
