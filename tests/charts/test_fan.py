"""A fan: its bands hold the paths, quantiles that were kept draw the same picture, and everything has a colour."""

from __future__ import annotations

import re

import numpy as np
import pytest

from regimen.charts import LEVELS, fan_figure, page_style, picture_of

CLOCK = np.datetime64("2020-01-01", "ns").astype(np.float64) + np.arange(300) * 8.64e13
PATHS = np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.02, (7, 300)), axis=1))


def test_the_legend_ends_with_the_quantiles_of_the_last_bar() -> None:
    figure = fan_figure(CLOCK, PATHS, marks=[CLOCK[100], CLOCK[200], 0.0])
    assert figure is not None
    worst, lower, median, upper, best = np.quantile(PATHS[:, -1], LEVELS)
    assert [key.value for key in figure.keys] == [
        f"{median:.2f}×",
        f"{lower:.2f}× to {upper:.2f}×",
        f"{worst:.2f}× to {best:.2f}×",
    ]
    wide = figure.picture.partition('class="chart middle"')[0]
    assert wide.count('class="mark dashed"') == 2, "a mark outside the range is not drawn"
    assert wide.count('class="fill') == 2


def test_quantiles_that_were_kept_draw_the_same_picture() -> None:
    assert fan_figure(CLOCK, np.quantile(PATHS, LEVELS, axis=0)) == fan_figure(CLOCK, PATHS)


def test_every_shape_has_a_colour_on_the_page_and_alone() -> None:
    """A browser fills in black what no rule names."""
    figure = fan_figure(CLOCK, PATHS)
    assert figure is not None
    sheet, alone = page_style(), picture_of([figure]).svg
    drawn = set(re.findall(r'class="((?:fill|line) [^"]+)"', figure.picture + alone))
    assert drawn == {"fill policy", "fill policy pale", "line policy"}
    assert "svg .fill.policy {" in sheet
    assert "svg .fill.policy.pale {" in sheet
    assert "svg .line.policy {" in sheet
    assert sheet.count("--policy:") == 2, "light and dark"


@pytest.mark.parametrize("paths", [np.ones((3, 1)), np.ones((3, 0))])
def test_one_moment_is_no_fan(paths: np.ndarray) -> None:
    assert fan_figure(CLOCK[: paths.shape[1]], paths) is None


def test_long_paths_are_shortened() -> None:
    clock = np.arange(50_000) * 6e10
    figure = fan_figure(clock, np.tile(np.linspace(1.0, 2.0, 50_000), (3, 1)))
    assert figure is not None
    assert len(figure.picture) < 400_000
