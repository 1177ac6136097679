"""The comparison's words and pictures on made-up runs: verdicts of now, many runs, unknown numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from regimen.charts.figure import tick_number
from regimen.charts.frame import Words
from regimen.reporting.comparison.chart import IntervalRow, interval_rows
from regimen.reporting.comparison.comparison import Comparison, Contender, Reference, markdown, spread, table
from regimen.reporting.comparison.page import render, style_of

UNKNOWN = (math.nan, math.nan)
TIME = np.linspace(1.5e18, 1.6e18, 50)


def contender(label: str, seeds: Sequence[float] = (0.2, 0.4, 0.1), verdict: str = "no evidence") -> Contender:
    by_seed = dict(enumerate(seeds))
    iqm, interval = spread(by_seed)
    return Contender(
        label=label,
        model=label,
        run=f"study-{label}",
        seeds=by_seed,
        sharpe=seeds[0],
        sharpe_interval=(seeds[0] - 1.0, seeds[0] + 1.0),
        iqm=iqm,
        iqm_interval=interval,
        total_return=0.1,
        max_drawdown=0.2,
        turnover=12.5,
        dsr=0.4,
        dsr_then=0.5,
        verdict=verdict,
        verdict_then=verdict,
        better_than_hold=0.25,
        better_than_first=0.5,
        parameters=87_955_971.0,
        trainable=2_938_371.0,
        seconds=12.3,
        time=TIME,
        equity=np.linspace(1.0, 1.1, 50),
    )


def compared(*contenders: Contender, **more: object) -> Comparison:
    held = Reference(0.3, (-0.7, 1.3), 0.5, 0.3, 0.1, TIME, np.linspace(1.0, 1.5, 50))
    values: dict[str, object] = {"trials": 12, "facts": [("Data", "coin.csv"), ("Costs", "none")], **more}
    return Comparison(contenders, held, **values)  # type: ignore[arg-type]


def test_the_sentence_counts_what_is_evidence() -> None:
    none = compared(contender("a"), contender("b"))
    assert none.sentence == (
        "None of the 2 is evidence of an edge after costs and 12 trials. "
        "The highest Sharpe ratio over seeds is 0.22 (a); buying and holding has 0.30."
    )
    both = compared(contender("a", verdict="evidence"), contender("b", (0.9, 0.8), verdict="evidence"))
    assert both.sentence.startswith("2 of 2 are evidence of an edge after costs and 12 trials: a, b. ")
    alone = compared(contender("a"), trials=1).sentence
    assert alone.startswith("a: no evidence of an edge after costs and 1 trial. ")


def test_the_interquartile_mean_of_four_seeds_is_that_of_the_middle_two() -> None:
    iqm, (low, high) = spread({0: 9.0, 1: 1.0, 2: 2.0, 3: -5.0})
    assert iqm == 1.5
    assert -5.0 <= low < iqm < high <= 9.0


def test_twenty_runs_have_different_styles_and_the_page_is_well_formed() -> None:
    many = compared(*(contender(f"m-{k}") for k in range(20)), differences=("x <y> z",))
    assert len({style_of(k) for k in range(16)}) == 16
    page = render(many)
    assert page.count("<strong>Not comparable.</strong> x &lt;y&gt; z.") == 1
    for picture in re.findall(r"<svg viewBox.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(picture.replace("&#8239;", ""))
    identifiers = re.findall(r' id="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert "87,955,971" in page
    assert "2,938,371 train" in page


def test_numbers_that_are_not_known_are_dashes() -> None:
    odd = contender("a", (math.nan,))
    for broken in (compared(odd), compared(odd, contender("b"))):
        assert table(broken)[0]["IQM [95 %]"] == "–"
        assert "nan" not in render(broken).lower().replace("finance", "")
        assert "nan" not in markdown(broken)
    assert compared(odd).to_dict()["runs"][0]["iqm"] is None


def places(picture: str, kind: str) -> list[float]:
    return [float(each) for each in re.findall(rf'<circle class="{kind} [^"]*" cx="([^"]+)"', picture)]


@pytest.mark.parametrize("width", [350, 640, 1000])
def test_interval_rows_share_one_scale(width: int) -> None:
    rows = [
        IntervalRow("first", "m1", 0.5, (0.25, 0.75), (-1.0, 2.0), (0.0, 1.0)),
        IntervalRow("a second, longer", "m2", 1.0, UNKNOWN, UNKNOWN),
    ]
    words = Words("t", "title", "sentence")
    picture = interval_rows(words, rows, width, write=tick_number, mark=(1.0, "hold"))
    ElementTree.fromstring(picture)
    zero, one = places(picture, "seed")
    middle, second = places(picture, "dot")
    assert middle == pytest.approx((zero + one) / 2, abs=0.11)
    assert second == pytest.approx(one, abs=0.11)
    ((start, end),) = re.findall(r'class="whisker m1" d="M([\d.]+) [\d.]+H([\d.]+)', picture)
    assert float(end) - float(start) == pytest.approx((one - zero) / 2, abs=0.21)
    ((left, size),) = re.findall(r'<rect class="reach m1" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', picture)
    assert float(size) == pytest.approx(3 * (one - zero), abs=0.21)
    assert 0.0 <= float(left) < float(left) + float(size) <= width
    assert f'class="line hold upright" d="M{one:g} ' in picture


def test_a_dsr_of_fewer_trials_is_marked_as_stale() -> None:
    old, fresh = contender("a"), replace(contender("b"), dsr_then=0.4)
    line = "Stale are the DSRs that runs were judged by on their day: 0.50 of a (now 0.40)."
    assert compared(old, fresh).stale == line
    assert compared(fresh).stale == ""
    assert line in render(compared(old, fresh))
    assert "Stale" not in render(compared(fresh))
