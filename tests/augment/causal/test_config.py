"""Counterfactual paths: valid bars, effects as fitted, nothing of any other slice, and every field matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.augment.crises.test_config import _bars, _window

from regimen.augment import CausalConfig
from regimen.augment.causal.nodes import NODES, bars_from, nodes_of
from regimen.errors import ConfigError, SplitError
from regimen.settings import validated


def test_no_change_gives_the_bars_back() -> None:
    bars = _bars(800, symbols=2)
    same = bars_from(bars, {})
    for name in ("open", "high", "low", "close", "volume"):
        real = np.where(bars.present, getattr(bars, name), np.nan)
        np.testing.assert_allclose(getattr(same, name), real, rtol=1e-10)
    nodes = nodes_of(bars, 50)
    assert set(nodes) == {*NODES}
    changed = {name: np.full(bars.shape, 0.3) for name in NODES}
    risen = nodes_of(bars_from(bars, changed), 50)
    for name in NODES:  # each is less its own mean, so that a constant change is none
        np.testing.assert_allclose(risen[name], nodes[name], atol=1e-9)
    wider = bars_from(bars, {"volatility": np.full(bars.shape, np.log(2.0))})
    there = bars.present
    assert (np.log(wider.high / wider.low)[there] >= 2 * np.log(bars.high / bars.low)[there] - 1e-9).all()
    np.testing.assert_allclose(wider.close, bars.close)


def test_paths_are_valid_bars_and_do_what_the_model_says() -> None:
    bars = _bars(symbols=2)
    part = _window(bars).train
    own = bars.window(part.start, part.stop)
    config = CausalConfig(factor=2, confounder=0.0, volatility=(2.0, 2.0), splice=0.0)
    fitted = config.fit(bars, part)
    paths = fitted.paths(3)
    assert len(paths) == 2
    path, learned = paths[0]
    assert learned is None
    np.testing.assert_array_equal(path.present, own.present)
    there = path.present
    assert (path.high[there] >= np.maximum(path.open, path.close)[there]).all()
    assert (path.low[there] <= np.minimum(path.open, path.close)[there]).all()
    assert (path.low[there] > 0).all()
    np.testing.assert_allclose((path.extras["bid"] / path.close)[there], 0.999)
    known = there & np.isfinite(own.volume)
    times = (path.volume / own.volume)[known]
    np.testing.assert_allclose(times, 2 ** fitted.model.effect("volatility", "volume"))
    # the first bar's return is 0 and a missing bar's move is in the bar after: compare what both have
    moves, real = (np.diff(np.log(each.close), axis=0) for each in (path, own))
    whole = np.isfinite(real) & (real != 0)
    np.testing.assert_allclose((moves / real)[whole], 2 ** fitted.model.effect("volatility", "return"))


def test_a_seed_is_a_path_and_every_field_matters() -> None:
    bars = _bars(2500)
    part = _window(bars, train=2000).train

    def drawn(seed: int = 3, **fields: object) -> list[str]:
        return [path.bars.fingerprint for path in CausalConfig(**fields).fit(bars, part).paths(seed)]  # type: ignore[arg-type]

    usual = drawn()
    assert len(set(usual)) == 3
    assert drawn() == usual
    assert drawn(factor=5)[:3] == usual
    others = [
        drawn(4),
        drawn(confounder=0.0),
        drawn(volatility=(1.0, 1.0)),
        drawn(splice=0.9),
        drawn(memory=50),
        drawn(graph={"volatility": ("regime",), "return": ("volatility",)}),
    ]
    assert len({usual[0], *(other[0] for other in others)}) == 7


def test_stretches_follow_each_other_in_a_like_regime() -> None:
    bars = _bars(2500)
    part = _window(bars, train=2000).train
    config = CausalConfig(confounder=0.0, volatility=(1.0, 1.0), splice=1.0, factor=1)
    (path,) = config.fit(bars, part).paths(0)
    own = bars.window(part.start, part.stop)
    real = np.round(own.high / own.low, 9)
    assert np.isin(np.round(path.bars.high / path.bars.low, 9)[path.bars.present], real[own.present]).all()
    assert path.bars.fingerprint != own.fingerprint


def test_no_bar_outside_the_training_slice_is_read() -> None:
    bars = _bars(2500)
    window = _window(bars, train=2000)
    poisoned = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in poisoned.values():
        values[window.train.stop :] *= 7.0
    ours, theirs = (CausalConfig().fit(each, window.train).paths(0) for each in (bars, replace(bars, **poisoned)))
    assert [path.bars.fingerprint for path in ours] == [path.bars.fingerprint for path in theirs]
    for part in (window.validation, window.test):
        with pytest.raises(SplitError, match=r"^augment.fit: must see the training slice only; got '"):
            CausalConfig().fit(bars, part)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"graph": {"volatility": ["regime", "return"], "return": ["volatility"]}},
            r"^graph: must be acyclic; got volatility <- return <- volatility$",
        ),
        ({"graph": {"regime": ["volume"], "volatility": [], "return": []}}, r"^graph: must give regime no causes"),
        ({"graph": {"volume": ["regime"], "volatility": []}}, r"^graph: must have regime, .* return is not there"),
        ({"volatility": [2.0, 1.0]}, r"^volatility: must be two positive numbers, the larger last; got \[2.0, 1.0\]$"),
        ({"confounder": 0, "volatility": [1, 1], "splice": 0}, r"^config: confounder, .* must not all leave"),
        ({"factor": 0}, r"^factor: "),
        ({"graph": {"volatility": ["weather"]}}, r"^graph\.volatility\.0: must be"),
    ],
)
def test_what_cannot_be_done_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validated(CausalConfig, fields)


def test_bars_without_volumes_need_a_graph_without_volume() -> None:
    bars = _bars(1500)
    part = _window(bars, train=1200).train
    bare = replace(bars, volume=np.full(bars.shape, np.nan))
    with pytest.raises(ConfigError, match=r"^augment.graph: must leave out volume, of which the bars have none"):
        CausalConfig().fit(bare, part)
    graph = {"volatility": ("regime",), "return": ("volatility",)}
    assert CausalConfig(graph=graph, factor=1).fit(bare, part).paths(0)  # type: ignore[arg-type]
