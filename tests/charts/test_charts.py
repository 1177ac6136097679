"""Charts: ticks are round, thinning keeps every extreme, pictures are well formed and say what they show."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimen.charts.axes import log_ticks, nice_ticks, stretches, thin, time_ticks
from regimen.charts.frame import Words
from regimen.charts.intervals import IntervalScale
from regimen.charts.plots import Line, Ribbon, bars, line_chart, responsive, step_area

WORDS = Words("x", "A title", "A sentence.")
DAY = 86_400_000_000_000


def write(value: float) -> str:
    return f"{value:g}"


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def shapes(svg: str, style: str) -> list[str]:
    return [path.attrib["d"] for path in parse(svg).iter("path") if path.attrib["class"] == style]


# --- ticks


@given(
    st.floats(-1e9, 1e9),
    st.floats(1e-6, 1e9),
    st.integers(2, 12),
)
def test_ticks_are_round_inside_and_neither_too_few_nor_too_many(low: float, extent: float, about: int) -> None:
    high = low + extent
    if not high - low > 1e-9 * max(abs(low), abs(high)):  # the range is rounding noise
        return
    ticks = nice_ticks(low, high, about)
    assert all(low - 1e-6 * extent <= tick <= high + 1e-6 * extent for tick in ticks)
    # a step is at most 2.5 times the wanted one, and never smaller
    assert about / 2.5 - 1 <= len(ticks) <= about + 1
    if len(ticks) > 1:
        step = (ticks[-1] - ticks[0]) / (len(ticks) - 1)
        leading = step / 10 ** np.floor(np.log10(step) + 1e-9)
        assert min(abs(leading - size) for size in (1, 2, 2.5, 5, 10)) < 1e-3


def test_ticks_of_known_ranges() -> None:
    assert nice_ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert nice_ticks(-0.57, 0, 3) == [-0.4, -0.2, 0]
    assert nice_ticks(3, 3) == [3]
    assert nice_ticks(float("nan"), 1) == []
    assert log_ticks(0.5, 2.6) == [0.5, 0.7, 1, 1.5, 2]
    assert log_ticks(0.9, 1.3) == [0.9, 1.0, 1.1, 1.2, 1.3]
    assert log_ticks(1, 1e6) == [1, 10, 100, 1000, 1e4, 1e5, 1e6]
    assert log_ticks(0, 1) == []


def test_a_negative_zero_is_written_as_zero() -> None:
    assert [f"{tick:g}" for tick in nice_ticks(-1, 1, 2)] == ["-1", "0", "1"]


def nanoseconds(stamp: str) -> int:
    return int(np.datetime64(stamp, "ns").astype(np.int64))


@pytest.mark.parametrize(
    ("low", "high", "about", "labels"),
    [
        ("1999-01-04", "2018-12-31", 5, ["2000", "2005", "2010", "2015"]),
        ("2020-02-03", "2021-05-01", 6, ["Apr", "Jul", "Oct", "2021", "Apr"]),
        ("2024-03-01", "2024-03-29", 5, ["4 Mar", "11 Mar", "18 Mar", "25 Mar"]),
        ("2024-03-01T22:10", "2024-03-02T04:10", 7, ["23:00", "2 Mar", "01:00", "02:00", "03:00", "04:00"]),
    ],
)
def test_time_ticks_fall_on_the_calendar(low: str, high: str, about: int, labels: list[str]) -> None:
    ticks = time_ticks(nanoseconds(low), nanoseconds(high), about)
    assert [label for _, label in ticks] == labels
    assert all(nanoseconds(low) <= at <= nanoseconds(high) for at, _ in ticks)


@given(st.integers(-2 * 10**18, 8 * 10**18), st.integers(0, 10**18))
def test_time_ticks_of_any_range_are_few_and_inside(low: int, extent: int) -> None:
    ticks = time_ticks(low, low + extent, 6)
    assert len(ticks) <= 8
    assert all(low <= at <= low + extent for at, _ in ticks)


# --- thinning


@given(st.integers(0, 10_000), st.integers(4, 200), st.integers(0, 2**32 - 1))
def test_thinning_keeps_the_extremes_the_ends_and_the_order(length: int, points: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.arange(length, dtype=np.float64)
    y = rng.standard_t(2, length)
    y[rng.random(length) < 0.1] = np.nan
    short_x, short_y = thin(x, y, points)
    assert len(short_x) == len(short_y) <= max(points, 4)
    assert (np.diff(short_x) > 0).all()
    if np.isfinite(y).any():
        # the ends may be NaN, every finite extreme stays
        assert np.nanmax(short_y) == np.nanmax(y)
        assert np.nanmin(short_y) == np.nanmin(y)
    if length:
        assert short_x[0] == 0
        assert short_x[-1] == length - 1


def test_thinning_keeps_a_gap_that_is_wider_than_a_stretch() -> None:
    y = np.ones(10_000)
    y[4_000:5_000] = np.nan
    assert np.isnan(thin(np.arange(10_000.0), y, 100)[1]).any()


def test_stretches_are_exact_means_and_bounds() -> None:
    x = np.arange(1_000.0)
    y = np.where(x % 2 == 0, 1.0, -1.0)
    y[:10] = np.nan
    at, mean, low, high = stretches(x, y, 100)
    assert at[1] == 10
    assert np.isnan(mean[0])
    assert np.isnan(low[0])
    np.testing.assert_array_equal(mean[1:], 0)
    np.testing.assert_array_equal(low[1:], -1)
    np.testing.assert_array_equal(high[1:], 1)
    assert all(len(part) == 0 for part in stretches(x[:0], y[:0]))


# --- pictures


def test_a_line_goes_where_its_values_are() -> None:
    x = np.array([0.0, 50.0, 100.0])
    drawn = line_chart(WORDS, [Line("policy", x, np.array([0.0, 1.0, 0.0]))], 400, 200, write=write, is_time=False)
    (path,) = shapes(drawn, "line policy")
    points = [tuple(map(float, pair.split())) for pair in re.split("[ML]", path) if pair]
    assert [point[0] for point in points] == [48, 219, 390]  # left margin 48, right margin 10
    assert points[0][1] == points[2][1] == 172  # zero lies on the floor: 200 − 28
    assert 10 <= points[1][1] < 20  # the peak, with a little room above


def test_a_gap_lifts_the_pen_and_ruin_leaves_a_logarithmic_chart() -> None:
    x = np.arange(5.0)
    gap = line_chart(WORDS, [Line("a", x, np.array([1, 2, np.nan, 2, 1]))], 400, 200, write=write)
    assert shapes(gap, "line a")[0].count("M") == 2
    ruin = line_chart(WORDS, [Line("a", x, np.array([1, 2, 1, 0, -1.0]))], 400, 200, write=write, log=True)
    assert len(re.findall("[ML]", shapes(ruin, "line a")[0])) == 3
    assert "nan" not in ruin


@pytest.mark.parametrize("values", [[], [1.0], [np.nan, np.nan], [2.0, 2.0], [0.0, 0.0], [1e-9, 2e-9], [1e15, -1e15]])
@pytest.mark.parametrize("log", [False, True])
def test_degenerate_series_still_give_a_picture(values: list[float], log: bool) -> None:
    y = np.array(values, dtype=np.float64)
    x = np.arange(len(y), dtype=np.float64) * DAY
    drawn = line_chart(WORDS, [Line("a", x, y)], 350, 200, write=write, log=log, bands=[Ribbon("b", x, y, y)], fill="a")
    for picture in (drawn, step_area(WORDS, "a", x, y, 350, 200, write=write)):
        parse(picture)
        assert "nan" not in picture
        assert "inf" not in picture


def test_a_million_points_stay_small_and_keep_the_spike() -> None:
    y = np.zeros(1_000_000)
    y[654_321] = 1.0
    drawn = line_chart(WORDS, [Line("a", np.arange(1e6), y)], 1000, 300, write=write, is_time=False)
    assert len(drawn) < 40_000
    heights = [float(pair.split()[1]) for pair in re.split("[ML]", shapes(drawn, "line a")[0]) if pair]
    assert min(heights) < 25  # the spike reaches the top
    assert len(heights) <= 1500


def test_stacked_bars_add_up_and_signs_part_at_zero() -> None:
    drawn = bars(WORDS, [(0.5, "a")], [("p", [1.0, -1.0]), ("q", [2.0, np.nan])], 400, 200, write=write)
    ((first, second), (upper,)) = (
        re.findall(r"M\S+ (\S+?)h\S+?V(\S+?)h", d) for d in (*shapes(drawn, "bar p"), *shapes(drawn, "bar q"))
    )
    zero, top = float(first[0]), float(first[1])
    assert float(second[0]) == zero
    assert float(second[1]) > zero > top
    assert float(upper[0]) == top  # the second group stands on the first
    assert float(upper[1]) == pytest.approx(zero - 3 * (zero - top), abs=0.2)


def test_labels_do_not_run_into_each_other() -> None:
    drawn = bars(WORDS, [(k + 0.5, "2026") for k in range(60)], [("p", [1.0] * 60)], 350, 200, write=write)
    places = sorted(float(text.attrib["x"]) for text in parse(drawn).iter("text") if text.text == "2026")
    assert 3 < len(places) < 12
    assert min(np.diff(places)) > 30


def test_an_interval_is_drawn_on_the_shared_scale() -> None:
    scale = IntervalScale.around([-0.5, 1.0, None, float("nan")])
    row = scale.row(WORDS, "policy", (-0.5, 1.0), 0.25)
    dot = next(parse(row).iter("circle"))
    start, stop = map(float, re.match(r"M(\S+) 22H([\d.]+)", shapes(row, "whisker policy")[0]).groups())  # type: ignore[union-attr]
    assert float(dot.attrib["cx"]) == pytest.approx((start + stop) / 2, abs=0.1)
    assert 14 <= start < stop <= scale.width - 14
    empty = scale.row(WORDS, "flat", (None, None), None)
    assert "whisker" not in empty
    assert "circle" not in empty
    assert "0" in {text.text for text in parse(scale.header(WORDS, write)).iter("text")}


def test_every_picture_has_words_that_are_escaped() -> None:
    hostile = Words('x"><script>', "<b>&", "</desc><script>alert(1)</script>")
    drawn = responsive(lambda width: line_chart(hostile, [], width, 200, write=lambda _: "<i>"))
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert "<i>" not in drawn
    root = parse(f"<div>{drawn}</div>")
    pictures = list(root.iter("svg"))
    assert len(pictures) == 3
    names = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(names) == len(set(names)) == 6
    assert pictures[0].find("title") is not None
