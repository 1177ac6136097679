"""Calibration in a run: where it is fitted, what trades by it, what is kept of it, and when there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from regimen.errors import ConfigError, RunError, SplitError
from regimen.policies import CalibratedClassifier, ClassifierPolicy, ExposureConfig, Preprocessed
from regimen.predictors import TorchPredictor
from regimen.records import RunConfig, RunDirectory, read_json, write_json, write_manifest
from regimen.runs import reproduce_run, signal_of, start
from regimen.runs.families import classifier, estimator
from regimen.runs.families.calibrated_rule import Forecasts, fit_calibration, forecasts_of
from regimen.runs.prepare import Prepared, prepare
from regimen.splits import purged_folds
from regimen.splits.slices import make_slice

from .conftest import silent

Configured = Callable[..., RunConfig]
OUT_OF_FOLD = "calibration={fit_on: out_of_fold, folds: 3}"
NAIVE = "model={kind: estimator, source: 'sklearn.naive_bayes:GaussianNB'}"
QUICK = ("splits={train: 400, test: 300, embargo: 0}", "training={epochs: 2, batch_size: 64, patience: null}")


def _parts(fit: classifier.ClassifierFit) -> tuple[CalibratedClassifier, ClassifierPolicy]:
    """The calibrated classifier of a fit, and a policy of what is below it."""
    policy = fit.policy
    assert isinstance(policy, ClassifierPolicy)
    assert isinstance(policy.classifier, CalibratedClassifier)
    return policy.classifier, ClassifierPolicy(policy.classifier.below, ExposureConfig(), policy.scaler)


@pytest.fixture
def prepared(configured: Configured) -> Prepared:
    return prepare(configured(*QUICK))


def test_it_is_fitted_on_what_the_model_says_of_the_validation_slice(prepared: Prepared, tmp_path: Path) -> None:
    window = prepared.windows[0]
    fit = classifier.fit(prepared, window, 0)
    above, raw = _parts(fit)
    forecasts = forecasts_of(raw, prepared.history, prepared.labels, window.validation)
    np.testing.assert_array_equal(forecasts.y, window.validation.take(prepared.labels.y))
    assert prepared.config.calibration is not None
    expected = prepared.config.calibration.fit(forecasts.probabilities, forecasts.y)
    assert above.calibration.about == expected.about
    fit.save(tmp_path)
    about = read_json(tmp_path / "calibration.json")
    assert about["rows"] == window.validation.rows
    assert about["state"] == expected.about
    again = classifier.load(tmp_path, prepared.config, prepared.features.hash)
    span = prepared.history, window.test.start, window.test.stop
    np.testing.assert_array_equal(again.exposures(*span), fit.policy.exposures(*span))
    np.testing.assert_array_equal(again.probabilities(*span)[:, 0], expected(raw.probabilities(*span)[:, 0]))


def test_without_it_the_model_is_asked_itself(configured: Configured, tmp_path: Path) -> None:
    prepared = prepare(configured(*QUICK, "calibration=none"))
    fit = classifier.fit(prepared, prepared.windows[0], 0)
    assert isinstance(fit.policy, ClassifierPolicy)
    assert isinstance(fit.policy.classifier, TorchPredictor)
    fit.save(tmp_path)
    assert not (tmp_path / "calibration.json").exists()
    again = classifier.load(tmp_path, prepared.config, prepared.features.hash)
    assert isinstance(again, ClassifierPolicy)
    assert isinstance(again.classifier, TorchPredictor)


@pytest.mark.parametrize("steps", [[], ["preprocess=[{kind: running}]"]])
def test_out_of_fold_every_row_is_said_by_a_model_that_has_not_learned_it(
    configured: Configured, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(configured(*QUICK, OUT_OF_FOLD, *steps))
    window, seen = prepared.windows[0], []

    def spy(config: object, forecasts: Forecasts, where: str, needed: int) -> object:
        seen.append(forecasts)
        return fit_calibration(config, forecasts, where, needed)  # type: ignore[arg-type]

    monkeypatch.setattr("regimen.runs.families.calibrated_rule.fit_calibration", spy)
    fit = classifier.fit(prepared, window, 0)
    assert isinstance(fit.policy, Preprocessed if steps else ClassifierPolicy)
    alone = replace(prepared, config=prepared.config.model_copy(update={"calibration": None}))
    parts = []
    for fold in purged_folds(window.train, prepared.labels, 3, 0):
        assert not (fold.train.mask & fold.test.mask).any()
        one = classifier.fit(alone, fold.window(window), 0)
        parts.append(forecasts_of(one.policy, alone.history, alone.labels, fold.test))
    (forecasts,) = seen
    np.testing.assert_array_equal(forecasts.y, window.train.take(prepared.labels.y))
    np.testing.assert_array_equal(forecasts.probabilities, np.concatenate([part.probabilities for part in parts]))


def test_an_estimator_knows_the_validation_slice_by_its_calibration(configured: Configured, tmp_path: Path) -> None:
    fits = {}
    for how in ("temperature", "none", "{fit_on: out_of_fold, folds: 3}"):
        prepared = prepare(configured(NAIVE, "training={}", QUICK[0], f"calibration={how}"))
        fits[how] = estimator.fit(prepared, prepared.windows[0], 0)
        folder = tmp_path / str(len(fits))
        folder.mkdir()
        fits[how].save(folder)
        again = estimator.load(folder, prepared.config, prepared.features.hash)
        span = prepared.history, *prepared.span
        np.testing.assert_array_equal(again.exposures(*span), fits[how].policy.exposures(*span))
    assert [fit.was_chosen for fit in fits.values()] == [True, False, False]
    assert [fit.rule.calibration is None for fit in fits.values()] == [False, True, False]


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.arange(29) % 3, "29 rows of SELL, HOLD, BUY"),
        (np.ones(90, np.int64), "90 rows of HOLD"),
        (np.empty(0, np.int64), "0 rows of no class"),
    ],
)
def test_too_little_to_fit_on_is_a_line_and_no_calibration(
    y: np.ndarray, words: str, prepared: Prepared, caplog: pytest.LogCaptureFixture
) -> None:
    assert prepared.config.calibration is not None
    fitted, about = fit_calibration(prepared.config.calibration, Forecasts(np.full((len(y), 3), 1 / 3), y), "window 1")
    assert fitted is None
    assert about["rows"] == len(y)
    rule = "must have 30 rows, and each class among them"
    assert caplog.messages == [f"window 1: not calibrated: {rule}; got {words}"]


def test_a_window_that_is_not_calibrated_is_read_back_as_one(configured: Configured, tmp_path: Path) -> None:
    prepared = prepare(configured(*QUICK[1:], "splits={train: 200, test: 300, embargo: 0, validation: 0.1}"))
    fit = classifier.fit(prepared, prepared.windows[0], 0)
    assert fit.rule.calibration is None
    fit.save(tmp_path)
    assert read_json(tmp_path / "calibration.json")["state"] is None
    again = classifier.load(tmp_path, prepared.config, prepared.features.hash)
    assert isinstance(again, ClassifierPolicy)
    assert isinstance(again.classifier, TorchPredictor)


def test_no_validation_slice_is_refused(configured: Configured) -> None:
    prepared = prepare(configured(NAIVE, "training={}", QUICK[0]))
    window = prepared.windows[0]
    empty = make_slice("validation", window.validation.start, np.zeros((0, 1), np.bool_), len(prepared.bars))
    with pytest.raises(ConfigError, match=r"^calibration\.fit_on: must be out_of_fold, or calibration none: window 1"):
        estimator.fit(prepared, replace(window, validation=empty), 0)


def test_folds_that_cannot_be_cut_are_one_line(configured: Configured) -> None:
    prepared = prepare(configured(*QUICK, "calibration={fit_on: out_of_fold, folds: 2}", "splits.embargo=150"))
    with pytest.raises(SplitError, match=r"^calibration\.folds \(fold 1 of 2"):
        classifier.fit(prepared, prepared.windows[0], 0)


def test_a_damaged_file_is_one_line(prepared: Prepared, tmp_path: Path) -> None:
    classifier.fit(prepared, prepared.windows[0], 0).save(tmp_path)
    for values in ({"kind": "temperature"}, {"state": {}}, {"state": 3}, {"state": {"temperature": "warm"}}):
        write_json(tmp_path / "calibration.json", values)
        with pytest.raises(RunError, match=r"holds a damaged calibration\.json"):
            classifier.load(tmp_path, prepared.config, prepared.features.hash)


def test_a_run_that_was_made_before_is_read_as_not_calibrated_and_reproduced(
    configured: Configured, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory, _ = start(configured(*QUICK, "calibration=none"), tmp_path / "runs", silent)
    digest, manifest = directory.config().hash, directory.manifest()
    written = directory.path / "config.yaml"
    values = yaml.safe_load(written.read_text())
    assert values.pop("calibration") is None
    del manifest["config"]["calibration"]
    written.write_text(yaml.safe_dump(values, sort_keys=False))
    write_manifest(directory.path, manifest)
    old = RunDirectory.open(directory.path)
    assert old.config().calibration is None
    assert old.config().hash == digest
    assert reproduce_run(old, silent).differing == ()
    assert caplog.messages == []


def test_a_signal_shows_the_probabilities_that_it_trades_by(configured: Configured, tmp_path: Path) -> None:
    directory, _ = start(configured(*QUICK, "calibration=isotonic"), tmp_path / "runs", silent)
    prepared = prepare(directory.located_config())
    last, number = len(prepared.bars) - 1, len(prepared.windows) - 1
    policy = classifier.load(directory.window(number), prepared.config, prepared.features.hash)
    (holding,) = signal_of(directory, None, [], silent).holdings
    expected = policy.probabilities(prepared.history, last, last + 1)[0, 0]
    assert isinstance(policy, ClassifierPolicy)
    assert isinstance(policy.classifier, CalibratedClassifier)
    assert holding.probabilities == tuple(expected.tolist())
    assert reproduce_run(directory, silent).differing == ()
