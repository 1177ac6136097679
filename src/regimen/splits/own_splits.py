"""Windows of the user's own: a function names the spans, and the house purges, embargoes and makes the slices."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue

from regimen.bars import Bars
from regimen.errors import ConfigError, RegimenError, SplitError
from regimen.labels import Labels
from regimen.own import OwnSource, require_settings
from regimen.splits.walk_forward import Embargo, Validation, Window, candidate_rows, embargo_bars, make_window


class OwnSplitsConfig(OwnSource):
    """Windows by a function of one's own: ``split(bars, labels, **settings)`` gives (train, test) pairs of ranges."""

    kind: Literal["own"] = "own"
    settings: dict[str, JsonValue] = Field(
        {}, description="What the function is called with besides bars and labels, by name."
    )
    validation: Validation = 0.15
    embargo: Embargo = "auto"

    def function(self) -> Callable[..., object]:
        """Returns the function.

        Raises:
            ConfigError: the code is not what it was, or not there; it is no function, or has other settings.
        """
        function = self.load("splits.source")
        if not inspect.isroutine(function):
            raise ConfigError("splits.source", "must name a function of bars and labels", self.source)
        require_settings(function, "splits", self.settings, {"bars": None, "labels": None})
        return function


def split_own(
    config: OwnSplitsConfig,
    bars: Bars,
    labels: Labels,
    memory: int = 0,
    *,
    usable: NDArray[np.bool_] | None = None,
    until: int | None = None,
) -> tuple[Window, ...]:
    """Asks the user's function for spans, and makes windows of them as `walk_forward` does, with the same arguments.

    A span is a ``range`` or a pair (start, stop) of positions. Training lies before its test span; the test spans
    follow one another without a gap, because one account trades them all.

    Raises:
        ConfigError: see `OwnSplitsConfig.function`; the function fails.
        SplitError: an answer that is no such spans; a window without rows.
    """
    candidates, embargo = candidate_rows(bars, labels, usable), embargo_bars(config.embargo, memory)
    function = config.function()
    try:
        answer = function(bars, labels, **config.settings)
        pairs = list(answer) if isinstance(answer, Iterable) else None
    except RegimenError:
        raise
    except Exception as error:  # the user's code: any error is theirs to read
        rule = f"must run on bars and labels, but {config.name} fails ({type(error).__name__}: {error})"
        raise ConfigError("splits.source", rule, config.source) from error
    if not pairs:
        rule = f"must return at least one pair (train, test) from {config.name}"
        raise SplitError("splits.source", rule, type(answer).__name__ if pairs is None else pairs)
    windows: list[Window] = []
    last: int | None = None
    for number, pair in enumerate(pairs):
        start, stop, test_start, test_stop = _spans(pair, number, len(bars), last)
        last = test_stop
        if until is None or test_start < until:
            span = (start, stop, test_start, test_stop)
            windows.append(make_window(number, span, config.validation, embargo, labels, candidates))
    return tuple(windows)


def _spans(pair: object, number: int, length: int, last: int | None) -> tuple[int, int, int, int]:
    field = f"splits (window {number + 1})"
    parts = tuple(pair) if isinstance(pair, tuple | list) else ()
    if len(parts) != 2:
        raise SplitError(field, "must be a pair of spans (train, test)", pair)
    (start, stop), (test_start, test_stop) = (_span(part, field, length) for part in parts)
    if test_start < stop:
        raise SplitError(field, f"must train before it tests: training ends at {stop}", test_start)
    if last is not None and test_start != last:
        raise SplitError(field, f"must test from {last} on, where the last window's test span ends", test_start)
    return start, stop, test_start, test_stop


def _span(part: object, field: str, length: int) -> tuple[int, int]:
    """Returns start and stop of a range, or of a pair of positions."""
    ends = (part.start, part.stop) if isinstance(part, range) and part.step == 1 else part
    if (
        not isinstance(ends, tuple | list)
        or len(ends) != 2
        or not all(isinstance(each, int | np.integer) for each in ends)
    ):
        raise SplitError(field, "must have spans that are range(start, stop) or (start, stop)", part)
    start, stop = int(ends[0]), int(ends[1])
    if not 0 <= start < stop <= length:
        raise SplitError(field, f"must have spans with 0 <= start < stop <= {length}", (start, stop))
    return start, stop
