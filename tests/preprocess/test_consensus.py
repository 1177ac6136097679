"""Two autoencoders that agree: less noise than one, principal components where they are linear."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import subspace_angles
from tests.preprocess.test_chain import WINDOW

from regimen.errors import ConfigError
from regimen.preprocess import ConsensusConfig

Floats = NDArray[np.float64]
NAMES = tuple("abcdefghijkl")
LINEAR: dict[str, Any] = {"hidden": 0, "clip": None, "learning_rate": 1e-2}


def _shared(factors: int, noise: float, seed: int = 1) -> tuple[Floats, Floats]:
    """Twelve columns of some factors, and the same with noise of their own."""
    random = np.random.default_rng(seed)
    signal = random.normal(size=(400, 2, factors)) @ random.normal(size=(factors, len(NAMES)))
    return signal, signal + noise * random.normal(size=signal.shape)


def test_it_leaves_less_noise_than_one_autoencoder_that_sees_every_column() -> None:
    """A factor behind all columns, noise in each of its own; the bottleneck is three times as wide as it must be."""
    signal, values = _shared(1, 1.0)
    both = ConsensusConfig(**LINEAR, steps=400).fit(values, WINDOW.train, NAMES)
    alone = ConsensusConfig(**LINEAR, steps=400, views=(NAMES, NAMES), agreement=0.0).fit(values, WINDOW.train, NAMES)
    deaf = ConsensusConfig(**LINEAR, steps=400, agreement=0.0).fit(values, WINDOW.train, NAMES)
    rows, truth = (each[WINDOW.test.start :].reshape(-1, len(NAMES)) for each in (values, signal))

    def error(denoised: Floats) -> float:
        return float(((denoised - truth) ** 2).mean())

    denoised = error(both.step(rows, rows[:, :0])[0])
    assert denoised < 0.9 * error(alone.opinions(rows)[0]) < 0.9 * error(rows)
    assert denoised < 0.9 * error(deaf.step(rows, rows[:, :0])[0])  # it is the agreement, and not two views alone


@pytest.mark.parametrize("agreement", [0.0, 1.0])
def test_linear_ones_find_the_principal_components(agreement: float) -> None:
    values = _shared(3, 0.1)[1]
    config = ConsensusConfig(**LINEAR, steps=800, views=(NAMES, NAMES), agreement=agreement)
    fitted = config.fit(values, WINDOW.train, NAMES)
    rows = WINDOW.train.take(values)
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    components = np.linalg.svd(standard, full_matrices=False)[2][:3]
    for net in fitted.nets:
        assert subspace_angles(net[-1][0].T, components.T).max() < 0.01


def test_what_is_not_the_target_passes_bit_for_bit_and_one_row_is_as_many() -> None:
    values = _shared(2, 0.5)[1]
    config = ConsensusConfig(columns=NAMES[:6], views=(NAMES[:8], (*NAMES[:6], *NAMES[8:])), steps=20)
    fitted = config.fit(values, WINDOW.train, NAMES)
    rows = values.reshape(-1, len(NAMES))
    many, _ = fitted.step(rows, rows[:, :0])
    np.testing.assert_array_equal(many[:, 6:], rows[:, 6:])
    assert not np.isclose(many[:, :6], rows[:, :6]).all(axis=0).any()
    for place in (0, 7, 799):
        np.testing.assert_array_equal(fitted.step(rows[place : place + 1], rows[:1, :0])[0][0], many[place])
    again = config.fit(values, WINDOW.train, NAMES).step(rows, rows[:, :0])[0]
    np.testing.assert_array_equal(again, many)  # the same seed, the same bytes
    assert not np.array_equal(config.model_copy(update={"seed": 1}).fit(values, WINDOW.train, NAMES).scan(values), many)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"columns": ("a", "z")},
            r"^preprocess\.consensus\.columns: must be columns that .* \(as a, b, .*are\); got 'z'",
        ),
        (
            {"views": (("a",), ("y",))},
            r"^preprocess\.consensus\.views: must be columns that .* \(as a, .*are\); got 'y'",
        ),
        ({"views": (("a",), ())}, r"^preprocess\.consensus\.views: must have a column each; got \[1, 0\]"),
        ({"columns": ("a",)}, r"^preprocess\.consensus\.bottleneck: must be smaller than the 1 column"),
        ({"bottleneck": 12}, r"^preprocess\.consensus\.bottleneck: must be smaller than the 12 columns"),
    ],
)
def test_what_cannot_be_is_one_line(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ConsensusConfig(**words).fit(_shared(1, 1.0)[1], WINDOW.train, NAMES)
