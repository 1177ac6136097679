"""scikit-learn's classifiers as predictors: the same bits again from a file, and one line for what is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from regimen.errors import ConfigError, RegimenError, RunError
from regimen.predictors import EstimatorConfig, EstimatorPredictor, Predictor

LOGISTIC = "sklearn.linear_model:LogisticRegression"
INPUTS = 4
OWN = '''
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Centres:
    """Nearest centre of a class, of scikit-learn's methods and without scikit-learn."""

    def __init__(self, sharpness=1.0, spoil="", random_state=None):
        self.sharpness, self.spoil, self.random_state = sharpness, spoil, random_state

    def get_params(self, deep=True):
        return {"sharpness": self.sharpness, "spoil": self.spoil, "random_state": self.random_state}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y):
        if self.spoil == "fit":
            raise ValueError("too few rows")
        self.classes_ = np.unique(y) + (5 if self.spoil == "classes" else 0)
        self.centres_ = np.stack([X[y == number].mean(axis=0) for number in np.unique(y)])
        return self

    def predict_proba(self, X):
        far = ((X[:, None] - self.centres_) ** 2).sum(axis=2)
        odds = np.exp(-self.sharpness * (far - far.min(axis=1, keepdims=True)))
        share = odds / odds.sum(axis=1, keepdims=True)
        spoilt = {"shape": share[:, :2], "nan": share * np.nan, "range": share * 2.0 - 0.5, "sum": share * 0.9}
        return spoilt.get(self.spoil, share)


def pipeline(C=1.0):
    return make_pipeline(StandardScaler(), LogisticRegression(C=C))


MADE = make_pipeline(StandardScaler(), LogisticRegression())
'''


@pytest.fixture
def own(tmp_path: Path) -> str:
    """The path of a file of one's own models."""
    path = tmp_path / "own_models.py"
    path.write_text(OWN)
    return str(path)


def rows(seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 600)
    x = rng.normal(size=(600, INPUTS)).astype(np.float32)
    x[:, 0] += y
    return x, y


def fitted(source: str, seed: int = 1, **settings: Any) -> EstimatorPredictor:
    predictor = EstimatorConfig(source=source, settings=settings).build(INPUTS, seed=seed, schema="s")
    predictor.fit(*rows())
    return predictor


def test_it_says_what_scikit_learn_says() -> None:
    x, y = rows()
    direct = LogisticRegression(C=0.1).fit(x.astype(np.float64), y)
    np.testing.assert_allclose(fitted(LOGISTIC, C=0.1).predict_proba(x), direct.predict_proba(x), atol=1e-12)


@pytest.mark.parametrize(
    ("source", "settings"),
    [
        (LOGISTIC, {"C": 0.1}),
        ("sklearn.ensemble:RandomForestClassifier", {"n_estimators": 5}),
        ("{own}:Centres", {"sharpness": 2.0}),
        ("{own}:pipeline", {"C": 0.1}),
        ("{own}:MADE", {"logisticregression__C": 0.1}),
    ],
)
@pytest.mark.parametrize("kept", ["skops", "rows"])
def test_it_is_kept_as_data_and_read_back_with_every_bit(
    source: str, settings: dict[str, Any], kept: str, own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kept == "rows":
        monkeypatch.setitem(sys.modules, "skops.io", None)  # not installed
    predictor: Predictor = fitted(source.format(own=own), **settings)
    predictor.save(tmp_path / "model")
    assert (tmp_path / "model" / "estimator.skops").exists() == (kept == "skops")
    again = EstimatorPredictor.load(tmp_path / "model", schema="s", source=source.format(own=own))
    x, _ = rows(1)
    np.testing.assert_array_equal(again.predict_proba(x), predictor.predict_proba(x))
    assert again.config.settings == settings
    again.save(tmp_path / "again")  # and once more
    third = EstimatorPredictor.load(tmp_path / "again", source=source.format(own=own))
    np.testing.assert_array_equal(third.predict_proba(x), predictor.predict_proba(x))
    with pytest.raises(RunError, match="must have the schema s of the model; got 'other'"):
        EstimatorPredictor.load(tmp_path / "model", schema="other")


def test_the_seed_decides_what_was_left_open() -> None:
    x, _ = rows(1)
    forest = "sklearn.ensemble:RandomForestClassifier"
    first, same, other = (fitted(forest, seed, n_estimators=3).predict_proba(x) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    fixed = [fitted(forest, seed, n_estimators=3, random_state=7).predict_proba(x) for seed in (1, 2)]
    assert np.array_equal(*fixed)


def test_an_object_of_a_file_stays_as_it_was(own: str) -> None:
    made = EstimatorConfig(source=f"{own}:MADE")
    fitted(f"{own}:MADE")
    assert not hasattr(made.load("model.source").steps[-1][1], "coef_")


def test_a_class_that_never_came_has_no_probability() -> None:
    x, y = rows()
    predictor = EstimatorConfig(source=LOGISTIC).build(INPUTS)
    predictor.fit(x[y != 1], y[y != 1])
    answers = predictor.predict_proba(x)
    assert (answers[:, 1] == 0.0).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1.0)


def test_a_row_stands_for_itself() -> None:
    predictor = fitted(LOGISTIC)
    x, _ = rows(1)
    whole = predictor.predict_proba(x)
    np.testing.assert_array_equal(np.concatenate([predictor.predict_proba(row[None]) for row in x[:40]]), whole[:40])
    x[7, 2] = np.nan
    spoilt = predictor.predict_proba(x)
    assert np.isnan(spoilt[7]).all()
    assert np.array_equal(np.delete(spoilt, 7, axis=0), np.delete(whole, 7, axis=0))
    assert predictor.predict_proba(x[:0]).shape == (0, 3)


def test_weights_are_given_where_it_takes_them(own: str) -> None:
    x, y = rows()
    weights = np.where(y == 2, 50.0, 1.0)
    heavy = EstimatorConfig(source=LOGISTIC).build(INPUTS)
    heavy.fit(x, y, weights)
    assert heavy.predict_proba(x)[:, 2].mean() > 1.5 * fitted(LOGISTIC).predict_proba(x)[:, 2].mean()
    with pytest.raises(ConfigError, match=r"labels\.weights: must be left out: the fit of Centres takes no sample_w"):
        EstimatorConfig(source=f"{own}:Centres").build(INPUTS).fit(x, y, weights)


def test_its_warnings_are_kept_on_one_line() -> None:
    (line,) = fitted(LOGISTIC, max_iter=1).complaints
    assert line.startswith("ConvergenceWarning: lbfgs failed to converge")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("source", "settings", "line"),
    [
        (LOGISTIC, {"c": 1.0}, r"settings\.c: is not a setting of LogisticRegression \(did you mean 'C'\?\); got 1\.0"),
        (LOGISTIC, {"C": "x"}, r"model: must not fail in its fit \(InvalidParameterError: The 'C' parameter of Log"),
        ("sklearn.linear_model:Ridge", {}, r"model\.source: must be a classifier, .* Ridge is a regressor: use its cl"),
        ("sklearn.svm:LinearSVC", {}, r"must have predict_proba; wrap LinearSVC in sklearn\.calibration\.Calibrated"),
        ("builtins:dict", {}, r"must have scikit-learn's methods, but dict has no fit, predict_proba, get_params"),
        (
            "{own}:MADE",
            {"C": 1.0},
            r"model\.settings: must be settings of Pipeline \(ValueError: Invalid parameter 'C'",
        ),
        ("{own}:Centres", {"spoil": "fit"}, r"must not fail in its fit \(ValueError: too few rows\); got"),
        ("{own}:Centres", {"spoil": "classes"}, r"must have classes_ among 0, 1, 2, as Centres was given; got \[5, 6"),
        (
            "{own}:Centres",
            {"spoil": "shape"},
            r"must give probabilities of shape .* \(1024, 3\): Centres; got \(1024, 2",
        ),
        ("{own}:Centres", {"spoil": "nan"}, r"must give probabilities, but Centres gives NaN for features that are kn"),
        ("{own}:Centres", {"spoil": "range"}, r"must give probabilities from 0 to 1: Centres; got -0\."),
        ("{own}:Centres", {"spoil": "sum"}, r"must give probabilities that add up to 1 in each row: Centres; got 0\."),
    ],
)
def test_what_is_no_classifier_is_one_line(source: str, settings: dict[str, Any], line: str, own: str) -> None:
    with pytest.raises(RegimenError, match=line) as error:
        fitted(source.format(own=own), **settings).predict_proba(rows()[0])
    assert "\n" not in str(error.value)


def test_another_answer_than_it_gave_is_refused(own: str, tmp_path: Path) -> None:
    """As of another version of a library: here the file is changed, and the digest with it."""
    fitted(f"{own}:Centres").save(tmp_path / "model")
    Path(own).write_text(OWN.replace("far - far.min", "2.0 * far - 2.0 * far.min"))
    with pytest.raises(ConfigError, match=r"model\.source: must be the code that the run was begun with, digest"):
        EstimatorPredictor.load(tmp_path / "model", source=f"{own}:Centres")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    fitted(LOGISTIC).save(tmp_path)
    (tmp_path / "estimator.skops").write_bytes(b"PK nothing")
    with pytest.raises(RunError, match=r"estimator\.skops: must be readable by skops \(BadZipFile: File is not a zip"):
        EstimatorPredictor.load(tmp_path)
    (tmp_path / "estimator.skops").unlink()
    with pytest.raises(RunError, match=r"estimator\.skops: must exist"):
        EstimatorPredictor.load(tmp_path)
    with pytest.raises(RunError, match="must be fitted before it is saved; got 'LogisticRegression'"):
        EstimatorConfig(source=LOGISTIC).build(INPUTS).save(tmp_path)
    with pytest.raises(RunError, match="must be rows of 4 columns; got"):
        fitted(LOGISTIC).predict_proba(np.zeros((3, 5)))
