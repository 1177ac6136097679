"""A picture stands alone: well-formed, self-contained, its style its own; a card escapes what it shows."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import Markup

from regimen.charts import Figure, Key, Picture, card, equity_figure, exposure_figures, html_table, picture_of
from regimen.errors import ConfigError

TIME = (np.datetime64("2020-01-01", "ns") + np.arange(50) * np.timedelta64(1, "D")).astype(np.float64)


def picture() -> Picture:
    rising = np.linspace(1.0, 2.0, 50)
    curves = {"policy": (TIME, rising), "buy_and_hold": (TIME, rising[::-1])}
    return picture_of([equity_figure(curves), None, *exposure_figures(TIME, np.sign(rising - 1.5))])


def test_a_picture_is_one_well_formed_svg_with_a_style_that_reaches_nothing_else() -> None:
    svg = picture().svg
    ElementTree.fromstring(svg)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert "var(" not in svg
    style = svg.partition("<style>")[2].partition("</style>")[0]
    selectors = [each.strip() for each in re.sub(r"{[^}]*}", ",", style).split(",") if each.strip()]
    assert selectors
    assert all(each.startswith(".regimen-picture ") for each in selectors)


def test_figures_lie_below_each_other_and_inside_the_picture() -> None:
    root = ElementTree.fromstring(picture().svg)
    height = float(root.attrib["viewBox"].split()[3])
    inner = [each for each in root if each.tag.endswith("svg")]
    edges = [(float(each.attrib["y"]), float(each.attrib["y"]) + float(each.attrib["height"])) for each in inner]
    assert len(edges) == 2
    assert edges[0][1] < edges[1][0]
    assert edges[1][1] < height


def test_the_legend_and_the_title_are_escaped() -> None:
    figure = Figure("<a>", "1 < 2", Markup('<svg height="10"></svg>'), (Key("policy", "<b>", "&"),))
    ElementTree.fromstring(Picture((figure,)).svg)


def test_a_picture_is_written_as_svg_and_as_nothing_else(tmp_path: Path) -> None:
    shown = picture()
    assert shown.write(tmp_path / "a.svg").read_text(encoding="utf-8") == shown.svg + "\n"
    with pytest.raises(ConfigError, match=r"path: must end in \.svg.*; got 'a\.png'"):
        shown.write("a.png")
    assert repr(shown) == "Picture(equity, exposure)"


def test_a_card_escapes_what_it_is_given() -> None:
    html = card("<script>", ["a < b"], html_table(["<i>"], [["<u>"]]))
    assert not re.findall(r"<(script|i|u)>", html)
    ElementTree.fromstring(html)
