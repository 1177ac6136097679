"""What tells symbols apart: signs that the name decides, in any file, streamed as in the batch."""

from __future__ import annotations

import math

import numpy as np
from tests.labels.test_targets import some_bars

from regimen.features import FeaturesConfig, symbol_columns
from regimen.features.known.symbol import symbol_code

CONFIG = FeaturesConfig(columns=("bull_power_10",), calendar=(0,), symbol=8)


def test_signs_are_the_names_own_in_any_file_and_in_a_stream() -> None:
    bars = some_bars(missing=0.0, symbols=3)
    features = CONFIG.build()
    frame = features.compute(bars)
    assert frame.names[-8:] == symbol_columns(8)
    signs = frame.values[:, :, -8:]
    assert (np.abs(signs) == 1.0).all()
    assert (signs == signs[:1]).all()  # never changing
    assert len({tuple(row) for row in signs[0]}) == 3  # and telling all three apart
    assert np.array_equal(features.compute(bars.select("s2")).values[:, 0, -8:], signs[:, 2])
    stream = features.stream(("s2",))
    row = stream.push(bars.time[0], 100.0, 100.0, 100.0, 100.0)
    assert np.array_equal(row[-8:], signs[0, 2])


def test_half_of_all_names_have_each_sign_and_other_inputs_have_none() -> None:
    signs = np.array([[symbol_code(f"symbol_code_{k}", f"name {n}") for k in range(64)] for n in range(400)])
    assert (np.abs(signs.mean(axis=0)) < 0.2).all()
    assert len({tuple(row) for row in signs}) == 400
    assert math.isnan(symbol_code("sentiment", "a"))
    assert math.isnan(symbol_code("symbol_code_x", "a"))


def test_a_config_without_it_is_written_as_before() -> None:
    assert "symbol" not in FeaturesConfig().model_dump()
    hashes = {FeaturesConfig(columns=("return_1",), symbol=count).build().hash for count in (0, 1, 8)}
    assert len(hashes) == 3
