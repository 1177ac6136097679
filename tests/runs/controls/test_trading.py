"""A control is fitted in few windows, and decides every bar that the run decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from regimen.records import RunConfig
from regimen.runs import start
from regimen.runs.controls.trading import stretches, traded_again
from regimen.runs.prepare import prepare


def test_the_same_bars_are_decided_by_fewer_models(configured: Callable[..., RunConfig]) -> None:
    prepared = prepare(configured("splits.test=60"))
    count = len(prepared.windows)
    assert count > 5
    for most in (1, 2, 4, count, 99):
        parts = stretches(prepared, most)
        assert len(parts) == min(most, count)
        assert parts[0][0].number == 0
        assert [stop for _, stop in parts[:-1]] == [window.test.start for window, _ in parts[1:]]
        assert parts[-1][1] == prepared.span[1]


def test_a_run_that_is_given_itself_is_the_run(configured: Callable[..., RunConfig], tmp_path: Path) -> None:
    config = configured("training.epochs=2")
    directory, document = start(config, tmp_path / "runs", lambda *_: None)
    prepared = prepare(config)
    ledger = traded_again(prepared, config.seed, 99, lambda _: prepared, lambda _: None)
    written = np.concatenate([np.load(directory.window(w.number) / "exposures.npy") for w in prepared.windows])
    np.testing.assert_array_equal(ledger.targets, written)
    assert document["sample"]["bars"] == len(ledger)
