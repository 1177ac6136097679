"""Exhibits: what they hold comes back from JSON, is on the page once, escaped, and drawn."""

from __future__ import annotations

import json
import re

import pytest
from tests.judgements import judgement

from regimen.errors import RunError
from regimen.reporting.report import Curve, Drawing, Exhibit, ReportDocument, render

RAW = Curve("raw", (0.1, 0.6), (0.2, 0.5), (0.0, 0.5), (0.2, 0.7))
WEIGHT = Curve("mlp", (0.5, None, 0.7), ("2020-01-01T00:00:00Z", "2020-02-01", "2020-03-01"))
RSI, ATR = Curve("rsi", (0.01,), low=(-0.01,), high=(0.03,)), Curve("atr", (0.0,))
EXHIBIT = Exhibit(
    key="forecasts",
    title="Forecasts <b>",
    sentences=("Calibrated on the validation slice.", "Worst month 88 %."),
    columns=("What", "Raw", "Calibrated"),
    rows=(("Log-loss skill", "67", "99"),),
    drawings=(
        Drawing("lines", "Reliability", "Forecast against outcome.", (RAW,)),
        Drawing("lines", "Weights", "By member.", (WEIGHT,)),
        Drawing("dots", "Importance", "Rise of log loss.", (RSI, ATR)),
    ),
)


def test_an_exhibit_comes_back_from_json() -> None:
    assert Exhibit.from_dict(json.loads(json.dumps(EXHIBIT.to_dict()))) == EXHIBIT


def test_the_page_shows_words_table_and_figures_escaped() -> None:
    document = ReportDocument("title", "run", "2026-01-01T00:00:00Z", judgement(), exhibits=(EXHIBIT,))
    page = render(document)
    assert page.count('id="h-forecasts"') == 1
    assert "Forecasts &lt;b&gt;" in page
    assert "Worst month 88 %." in page
    assert '<th scope="row">Log-loss skill</th><td>67</td><td>99</td>' in page
    assert page.count('class="whisker policy"') >= 1
    for name in ("forecasts-0", "forecasts-1", "forecasts-2"):
        assert f'id="{name}-1000-t"' in page
    assert render(document) == page


def test_a_damaged_exhibit_is_one_line() -> None:
    with pytest.raises(RunError, match="holds an exhibit that this version cannot read"):
        Exhibit.from_dict({"key": "forecasts", "title": "x"})


def test_every_style_of_a_curve_has_a_colour_for_its_band() -> None:
    """Without one a browser fills it in black."""
    styled = tuple(Curve(f"curve {k}", (0.1, 0.6), (0.2, 0.5), (0.0, 0.5), (0.2, 0.7)) for k in range(5))
    exhibit = Exhibit("k", "T", drawings=(Drawing("lines", "A", "", styled),))
    page = render(ReportDocument("title", "run", "2026-01-01T00:00:00Z", judgement(), exhibits=(exhibit,)))
    classes = set(re.findall(r'<path class="fill ([\w-]+)', page))
    assert len(classes) == 5
    for name in classes:
        assert re.search(rf"svg \.fill\.{name} {{[^}}]*fill: var\(", page), name
