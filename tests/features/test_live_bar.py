"""A live feed's nonsense is refused, and leaves no trace in the stream."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.features import FeatureSet
from regimen.features.live.live_bar import checked, checked_extra, stamp_of
from regimen.seeding import generator

NONSENSE = {
    "infinite open": (inf, 11.0, 9.0, 10.0, 5.0),
    "infinite high": (10.0, inf, 9.0, 10.0, 5.0),
    "infinite low": (10.0, 11.0, -inf, 10.0, 5.0),
    "infinite close": (10.0, 11.0, 9.0, inf, 5.0),
    "infinite volume": (10.0, 11.0, 9.0, 10.0, inf),
    "price that overflowed": (10.0, 1e30, 9.0, 10.0, 5.0),
    "prices that overflowed": (1e300, 1e300, 1e300, 1e300, 5.0),
    "volume that overflowed": (10.0, 11.0, 9.0, 10.0, 1e30),
    "zero": (0.0, 11.0, 0.0, 10.0, 5.0),
    "negative zero": (10.0, 11.0, -0.0, 10.0, 5.0),
    "negative": (10.0, 11.0, -9.0, 10.0, 5.0),
    "all negative": (-10.0, -9.0, -11.0, -10.0, 5.0),
    "negative volume": (10.0, 11.0, 9.0, 10.0, -5.0),
    "high below low": (10.0, 9.0, 11.0, 10.0, 5.0),
    "high below close": (10.0, 11.0, 9.0, 12.0, 5.0),
    "low above open": (8.0, 11.0, 9.0, 10.0, 5.0),
    "infinite beside a hole": (nan, inf, 9.0, 10.0, 5.0),
    "negative beside a hole": (nan, 11.0, 9.0, -10.0, 5.0),
}


def sound(count: int) -> list[tuple[float, ...]]:
    random = generator(4, "live")
    close = 10.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, count)))
    return [(c, c * 1.01, c * 0.99, c, v) for c, v in zip(close.tolist(), random.lognormal(size=count), strict=True)]


@pytest.mark.parametrize("bar", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_one_line_and_leaves_no_trace(bar: tuple[float, ...]) -> None:
    features = FeatureSet.standard()
    spoilt, clean = features.stream(), features.stream()
    for t, row in enumerate(sound(120)):
        if t % 40 == 20:
            before = spoilt.state_dict()
            with pytest.raises(DataError) as caught:
                spoilt.push(t, *bar)
            assert "\n" not in str(caught.value)
            assert all(before[name].tobytes() == array.tobytes() for name, array in spoilt.state_dict().items())
        assert spoilt.push(t, *row).tobytes() == clean.push(t, *row).tobytes()


@pytest.mark.parametrize("name", NONSENSE)
def test_the_reader_refuses_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = sound(40)
    stamps = np.datetime64("2024-01-01", "s") + np.arange(40) * np.timedelta64(3600, "s")

    def read() -> Bars:
        lines = [f"{stamp}Z," + ",".join(map(str, row)) for stamp, row in zip(stamps, rows, strict=True)]
        (tmp_path / "a.csv").write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines))
        return Bars.read(tmp_path / "a.csv")

    assert len(read()) == 40
    rows[30] = NONSENSE[name]
    with pytest.raises(DataError):
        read()


def test_what_is_no_bar_is_passed_over_and_binary_noise_is_none() -> None:
    assert checked(1.0, 1.0, 1.0, 1.0, 0.0) == (1.0, 1.0, 1.0, 1.0, 0.0)
    checked(nan, nan, nan, nan, nan)
    checked(1.0, 1.0 - 1e-12, 1.0 + 1e-12, 1.0, nan)
    with pytest.raises(DataError, match="high: must not be below open"):
        checked(1.0, 1.0 - 1e-6, 0.5, 1.0, nan)


@pytest.mark.parametrize("value", [None, "x", [1.0], 10**400, 1j])
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(DataError, match="bar: must be five numbers"):
        checked(1.0, value, 1.0, 1.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"extras.x: must be a number"):
        checked_extra("x", value)


def test_an_infinite_extra() -> None:
    with pytest.raises(DataError, match=r"extras.funding_rate: must be finite, or NaN"):
        checked_extra("funding_rate", -inf)
    assert np.isnan(checked_extra("funding_rate", nan))


@pytest.mark.parametrize(
    "time",
    [None, 1.5, "2024-01-01", np.datetime64("NaT"), np.datetime64("NaT", "ns"), np.datetime64("9999-01-01"),
     np.datetime64(10**15, "Y"), 2**63, -(2**63), 10**30, np.uint64(2**64 - 1)],
)  # fmt: skip
def test_what_is_no_time(time: object) -> None:
    stream = FeatureSet.indicators().select(["obv"]).stream()
    with pytest.raises(DataError, match="time: must"):
        stream.push(time, 1.0, 1.0, 1.0, 1.0)  # type: ignore[arg-type]


def test_times_that_are_one() -> None:
    assert stamp_of(np.datetime64("2024-01-01")) == stamp_of(np.datetime64("2024-01-01T00", "ns"))
    assert stamp_of(np.int64(-5)) == -5
