"""Crises among the bars of a training slice: as many rows as asked for, valid bars, nothing of any other slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from tests.markets import bars_of

from regimen.augment import CrisisConfig
from regimen.augment.crises import TEMPLATES
from regimen.bars import Bars
from regimen.errors import SplitError
from regimen.labels import Labels
from regimen.splits import WalkForwardConfig, Window, walk_forward


def _bars(count: int = 5000, symbols: int = 1, step: str = "1h") -> Bars:
    """Bars of a random walk, some of them missing, with quotes around the close."""
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.004, (count, symbols)), axis=0))
    close[rng.random(close.shape) < 0.03] = np.nan
    close[0] = 100.0
    quotes = {"bid": close * 0.999, "ask": close * 1.001, "funding_rate": rng.normal(0, 1e-4, close.shape)}
    opens = close * np.exp(rng.normal(0, 0.001, close.shape))
    return bars_of(close, opens, step=step, volume=np.exp(rng.normal(3, 0.5, close.shape)), extras=quotes)


def _window(bars: Bars, train: int = 4000) -> Window:
    rng = np.random.default_rng(1)
    t_end = np.minimum(np.arange(len(bars))[:, None] + np.full(bars.shape[1], 3), len(bars) - 1)
    labels = Labels(rng.integers(0, 3, bars.shape).astype(np.int8), t_end, np.zeros(bars.shape), 3)
    return walk_forward(WalkForwardConfig(train=train, test=100), bars, labels)[0]


@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("block", [None, 50.0])
def test_as_many_rows_of_valid_bars_as_asked_for(fraction: float, block: float | None) -> None:
    bars = _bars(symbols=2)
    part = _window(bars).train
    own = bars.window(part.start, part.stop)
    paths = CrisisConfig(fraction=fraction, block=block, hindsight=True).fit(bars, part).paths(7)
    times = np.unique(part.positions[0])
    learned = sum(int(path.learned.sum()) for path in paths if path.learned is not None)
    assert learned / (learned + len(times)) == pytest.approx(fraction, abs=1 / len(times))
    for path, learned_bars in paths:
        assert learned_bars is not None
        assert path.shape == own.shape
        assert np.flatnonzero(learned_bars).min() >= times[0] - part.start
        assert np.flatnonzero(learned_bars).max() < times[-1] - part.start
        there = path.present
        assert (path.high[there] >= np.maximum(path.open, path.close)[there]).all()
        assert (path.low[there] <= np.minimum(path.open, path.close)[there]).all()
        assert (path.low[there] > 0).all()
        assert (path.volume[there] > 0).all()
        np.testing.assert_allclose((path.extras["ask"] / path.close)[there], 1.001)
        if block is None:
            np.testing.assert_array_equal(there, own.present)
            before = slice(0, int(np.flatnonzero(learned_bars)[0]))
            np.testing.assert_allclose(path.close[before], own.close[before])
            np.testing.assert_array_equal(path.extras["funding_rate"], own.extras["funding_rate"])


def test_a_seed_is_a_path_and_every_field_matters() -> None:
    bars = _bars()
    part = _window(bars).train

    def drawn(seed: int = 3, **fields: object) -> list[str]:
        return [path.bars.fingerprint for path in CrisisConfig(hindsight=True, **fields).fit(bars, part).paths(seed)]  # type: ignore[arg-type]

    usual = drawn()
    assert drawn() == usual
    others = [drawn(4), drawn(fraction=0.2), drawn(templates=("luna-2022",)), drawn(block=30.0), drawn(block=60.0)]
    assert all(other != usual for other in others)
    assert others[3] != others[4]


def test_daily_bars_have_short_crises_and_a_flash_crash_inside_one_bar() -> None:
    bars = _bars(1500, symbols=3, step="1D")
    part = _window(bars, train=1200).train
    (path,) = CrisisConfig(fraction=0.05, templates=("flash-crash",), hindsight=True).fit(bars, part).paths(0)
    assert path.learned is not None
    crashed = np.flatnonzero(path.learned)
    own = bars.window(part.start, part.stop)
    deep = (own.low / own.close)[crashed] > (path.bars.low / np.fmax(path.bars.open, path.bars.close))[crashed] + 0.1
    assert deep[own.present[crashed]].all()  # the low shows what the close does not
    assert TEMPLATES["covid-2020"].bars(own.bar_length) == 15


def test_without_hindsight_there_are_no_crises_that_had_not_happened() -> None:
    bars = _bars(1500, step="1D")  # 2020-01-01 to 2024-02-08
    for train, known in (
        (60, set()),
        (120, {"covid-2020"}),
        (900, {"covid-2020", "flash-crash"}),
        (1300, {*TEMPLATES}),
    ):
        part = _window(bars, train=train).train
        crises = CrisisConfig().fit(bars, part)
        assert {template.name for template in crises.templates} == known
        assert bool(crises.paths(0)) == bool(known)
    assert all(template.known > np.datetime64("2020-01-01") for template in TEMPLATES.values())


def test_no_bar_outside_the_training_slice_is_read() -> None:
    bars = _bars()
    window = _window(bars)
    poisoned = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in poisoned.values():
        values[window.train.stop :] *= 7.0
    other = replace(bars, **poisoned)
    ours, theirs = (CrisisConfig(hindsight=True).fit(each, window.train).paths(0) for each in (bars, other))
    assert [path.bars.fingerprint for path in ours] == [path.bars.fingerprint for path in theirs]
    for part in (window.validation, window.test):
        with pytest.raises(SplitError, match=r"^augment.fit: must see the training slice only; got '"):
            CrisisConfig(hindsight=True).fit(bars, part)


def test_what_cannot_be_done_is_refused() -> None:
    bars = _bars(500)
    part = _window(bars, train=350).train
    rule = r"^augment.templates: needs 348 bars from the first row whose .* to the last for covid-2020; got"
    with pytest.raises(SplitError, match=rule):
        CrisisConfig(hindsight=True).fit(bars, part)
    assert CrisisConfig(templates=("flash-crash",), hindsight=True).fit(bars, part).paths(0)
    for fields in ({"fraction": 0.0}, {"fraction": 1.0}, {"templates": ("tulips",)}, {"templates": ()}, {"block": 1.0}):
        with pytest.raises(ValidationError):
            CrisisConfig(**fields)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="must name each template only once"):
        CrisisConfig(templates=("luna-2022", "luna-2022"))
