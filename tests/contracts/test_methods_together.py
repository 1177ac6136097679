"""Every step of preprocessing beside every augmentation, under recipes: a window of a small run learns from all three,
and from nothing behind its validation slice."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.augment import AugmentConfig
from regimen.bars import Bars
from regimen.predictors import TorchPredictor
from regimen.preprocess import PreprocessConfig
from regimen.records import RunConfig
from regimen.runs.families.classifier import fit
from regimen.runs.prepare import Prepared, prepare, prepare_bars
from regimen.settings import members
from regimen.simulators import Quotes, RegimeMarketConfig

pytestmark = pytest.mark.slow

SMALL: dict[str, dict[str, Any]] = {
    "consensus": {"steps": 20},
    "crisis": {"templates": ["flash-crash"]},
    "causal": {"factor": 1, "memory": 20},
    "tabddpm": {"steps": 20, "hidden": 16, "diffusion": 10},
    "timegan": {"steps": 5, "hidden": 4, "lags": 2},
}
"""What makes a method small enough for a few hundred bars."""


def _kinds(union: Any) -> list[str]:
    return sorted(member.model_fields["kind"].default for member in members(union))


STEPS, MORE = _kinds(PreprocessConfig), _kinds(AugmentConfig)


def _config(folder: Path, **methods: Any) -> RunConfig:
    RegimeMarketConfig(quotes=Quotes(price=100.0)).simulate(900, 1).bars.write(folder / "bars.parquet")
    model: dict[str, Any] = {"kind": "baseline", "hidden": [8]}
    if any(step["kind"] == "timegan" for step in methods.get("augment", ())):
        model = {"kind": "cnn", "context": 4, "width": 4, "kernels": [3], "dilations": [1], "heads": 1}
    return RunConfig.model_validate(
        {
            "data": {"path": str(folder / "bars.parquet")},
            "features": {"kind": "indicators", "columns": ["rsi_14", "return_5d", "return_20d", "volatility_20d"]},
            "labels": {"horizon": 4, "volatility_bars": 20},
            "splits": {"train": 500, "test": 120},
            "model": model,
            "training": {
                "epochs": 2,
                "batch_size": 64,
                "patience": None,
                "recipes": [{"kind": "jitter"}, {"kind": "trading_loss"}],
            },
            **methods,
        }
    )


def _settings(kind: str) -> dict[str, Any]:
    return {"kind": kind, **SMALL.get(kind, {})}


def _weights(prepared: Prepared) -> dict[str, np.ndarray]:
    return dict(fit(prepared, prepared.windows[0], seed=3).result.last)


def _bytes(state: dict[str, np.ndarray]) -> bytes:
    return b"".join(values.tobytes() for values in state.values())


def _poisoned(bars: Bars, start: int) -> Bars:
    later = (np.arange(len(bars)) >= start)[:, None]
    factor = np.where(later, np.exp(np.random.default_rng(0).normal(0.0, 0.3, bars.shape)), 1.0)
    return replace(bars, **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")})


@pytest.mark.parametrize(("step", "more"), list(product(STEPS, MORE)), ids=lambda kind: kind)
def test_methods_act_together_and_read_nothing_later(step: str, more: str, tmp_path: Path) -> None:
    prepared = prepare(_config(tmp_path, preprocess=[_settings(step)], augment=[_settings(more)]))
    whole = fit(prepared, prepared.windows[0], seed=3)
    weights = dict(whole.result.last)
    model: Any = prepared.config.model
    predictor = model.build(inputs=len(prepared.frame.names), seed=3)
    assert isinstance(predictor, TorchPredictor)
    for name, values in predictor.state().items():
        assert np.isfinite(weights[name]).all(), name
        assert not np.array_equal(values, weights[name]), f"{name} was not learned"
    same = np.array_equal(whole.chain.scan(prepared.frame.values), prepared.frame.values, equal_nan=True)
    same |= step == "standard"  # which the run's scaler does again
    for one in ("preprocess", "augment"):  # neither does nothing, but for a filter that found no noise
        without = replace(prepared, config=prepared.config.model_copy(update={one: ()}))
        assert (_bytes(_weights(without)) == _bytes(weights)) == (one == "preprocess" and same), one
    bars = _poisoned(prepared.bars, prepared.windows[0].test.start)
    later = prepare_bars(prepared.config, replace(prepared.loaded, bars=bars), prepared.features)
    assert _bytes(_weights(later)) == _bytes(weights)
