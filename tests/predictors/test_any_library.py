"""A model of any library is a `Predictor` with five names: here Gaussian naive Bayes in plain numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.policies import ClassifierPolicy, ExposureConfig
from regimen.predictors import Predictor
from regimen.windows import SeriesWindows


class GaussianBayes:
    """``p(class | x) ∝ p(class) Π_j N(x_j; mean_cj, variance_cj)``, fitted in one pass; no torch."""

    context = 1

    def __init__(self, prior: NDArray[np.float64], moments: NDArray[np.float64], schema: str = "") -> None:
        self.prior, self.moments, self.schema = prior, moments, schema
        self.inputs = moments.shape[2]

    @classmethod
    def fit(cls, x: NDArray[np.float64], y: NDArray[np.int64], schema: str = "") -> GaussianBayes:
        """Fits it to rows (n, inputs) and their classes (n,)."""
        each = [x[y == number] for number in range(3)]
        moments = np.array([[rows.mean(axis=0) for rows in each], [rows.var(axis=0) for rows in each]])
        return cls(np.bincount(y, minlength=3) / len(y), moments, schema)

    def predict_proba(self, x: NDArray[np.floating] | SeriesWindows) -> NDArray[np.float64]:
        """Returns (n, 3); see `Predictor`."""
        rows, (mean, variance) = np.asarray(x, dtype=np.float64)[:, None], self.moments
        log = np.log(self.prior) - 0.5 * (np.log(2 * np.pi * variance) + (rows - mean) ** 2 / variance).sum(axis=2)
        odds = np.exp(log - log.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def save(self, folder: Path | str) -> None:
        """Writes one file of arrays."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        np.savez(Path(folder) / "bayes.npz", prior=self.prior, moments=self.moments, schema=np.array(self.schema))

    @classmethod
    def load(cls, folder: Path | str, *, schema: str | None = None) -> Self:
        """Reads it."""
        with np.load(Path(folder) / "bayes.npz", allow_pickle=False) as found:
            own = str(found["schema"])
            if schema is not None and schema != own:
                raise RunError("features", f"must have the schema {own}", schema)
            return cls(found["prior"], found["moments"], own)


def classes_apart(seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 3_000)
    return rng.normal(y[:, None] * 2.0, 1.0, (3_000, 2)), y


def test_a_model_without_torch_is_a_predictor(tmp_path: Path) -> None:
    x, y = classes_apart()
    predictor: Predictor = GaussianBayes.fit(x, y, schema="two columns")
    given = predictor.predict_proba(x)
    np.testing.assert_allclose(given.sum(axis=1), 1.0)
    assert (given.argmax(axis=1) == y).mean() > 0.85  # the classes are 2 and 2.8 deviations apart; chance is a third
    predictor.save(tmp_path)
    again: Predictor = GaussianBayes.load(tmp_path, schema="two columns")
    np.testing.assert_array_equal(again.predict_proba(x), given)
    with pytest.raises(RunError, match="must have the schema two columns"):
        GaussianBayes.load(tmp_path, schema="others")


def test_it_trades_as_every_predictor_does() -> None:
    x, y = classes_apart()
    predictor: Predictor = GaussianBayes.fit(x, y, schema="two columns")
    policy = ClassifierPolicy(predictor, ExposureConfig(dead_band=0.0))
    assert (policy.schema.features, policy.schema.inputs) == ("two columns", 2)
    assert policy.initial_state(4).shape == (4, 0)
