"""The templates beside the real crises that they were measured on, and crises spliced into real bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.markets import bars_of

from regimen.augment.crises import TEMPLATES, Template
from regimen.augment.crises.falls import deepest_fall, jumps_of
from regimen.augment.crises.splice import spliced
from regimen.seeding import generator

REAL = {
    "covid-2020": ("crypto/btcusdt-1h-binance-spot.parquet", "close", "2020-03-05", "2020-03-17"),
    "luna-2022": ("panel/binance-hourly-close-wide.parquet", "LUNAUSDT", "2022-05-04", "2022-05-12"),
    "ftx-2022": ("crypto/btcusdt-1h-binance-spot.parquet", "close", "2022-11-04", "2022-11-13"),
    "flash-crash": ("crypto/btcusdt-1m-binance-spot.parquet", "close", "2021-12-04 04:00", "2021-12-04 08:00"),
}
"""Where the data of each lies, and between which times its deepest fall is looked for."""
EACH = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)


@EACH
def test_templates_are_what_the_real_crises_were(template: Template, shared_data: Path) -> None:
    file, column, first, end = REAL[template.name]
    frame = pd.read_parquet(shared_data / file, columns=["timestamp", column]).set_index("timestamp")
    start, stop = (int(frame.index.searchsorted(pd.Timestamp(each, tz="UTC"))) for each in (first, end))
    close = frame[column].to_numpy()[start : stop + 500]
    fall = deepest_fall(close, until=stop - start)
    assert fall.steps == template.steps
    assert fall.drawdown == pytest.approx(template.drawdown, abs=6e-5)
    assert fall.volatility == pytest.approx(template.volatility, rel=0.01)
    if template.rebound:
        assert fall.rebound == pytest.approx(template.rebound, abs=0.005)
    jumps = jumps_of(np.diff(np.log(close[fall.peak : fall.trough + 1])))
    np.testing.assert_allclose(template.jumps, jumps, rtol=0.03)


@EACH
def test_bars_with_a_crisis_show_it_as_it_was(template: Template) -> None:
    close = np.full(2 * template.length, 100.0)
    bars = bars_of(close, step=f"{template.step // 60_000_000_000}m", volume=np.ones_like(close))
    start = template.length // 2
    path = spliced(bars, [(start, template)], generator(5))
    fall = deepest_fall(path.close[:, 0])
    assert fall.steps == pytest.approx(template.steps, rel=0.1)
    assert fall.drawdown == pytest.approx(template.drawdown, rel=0.1)
    assert fall.volatility == pytest.approx(template.volatility, rel=0.1)
    within = slice(start, start + template.length)
    money = (path.volume * path.close)[within].mean() / (bars.volume * bars.close)[within].mean()
    assert money == pytest.approx(template.turnover)
    assert (path.high[within] > np.maximum(path.open, path.close)[within]).mean() > 0.3
    assert (path.low[within] < np.minimum(path.open, path.close)[within]).mean() > 0.3
