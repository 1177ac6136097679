"""Trees say what their library says, to the bit; they are kept in its own files; noise gives them no edge."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score

from regimen.errors import ConfigError, DataError, RegimenError, RunError
from regimen.predictors import (
    ExtraTreesConfig,
    ForestConfig,
    LightGBMConfig,
    OncePredictor,
    TreePredictor,
    XGBoostConfig,
)
from regimen.predictors.trees import TreeSettings

INPUTS = 8
FEW: dict[str, TreeSettings] = {
    "lightgbm": LightGBMConfig(n_estimators=60, learning_rate=0.2, min_child_samples=20, patience=5),
    "xgboost": XGBoostConfig(n_estimators=60, learning_rate=0.2, min_child_weight=5.0, patience=5),
    "forest": ForestConfig(n_estimators=12, min_samples_leaf=20),
    "extra_trees": ExtraTreesConfig(n_estimators=12, min_samples_leaf=20),
}
"""One of each kind, quick to grow."""
BOOSTED = ("lightgbm", "xgboost")

Floats = NDArray[np.float64]


def rows(count: int = 1_500, seed: int = 0, edge: float = 1.0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Returns rows whose first three columns lean to a class each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, INPUTS)).astype(np.float32)
    return x, (edge * x[:, :3] + rng.gumbel(size=(count, 3))).argmax(axis=1)


def fitted(config: TreeSettings, **more: Any) -> TreePredictor:
    """Returns trees that were grown on the rows, watched on others."""
    predictor = config.build(INPUTS, seed=3, schema="s")
    predictor.fit(*rows(), **({"validation": rows(500, 1)} | more))
    return predictor


@pytest.fixture(params=FEW)
def config(request: pytest.FixtureRequest) -> TreeSettings:
    return FEW[request.param]


def theirs(config: TreeSettings, weights: Floats | None) -> tuple[Floats, int | None]:
    """Returns what each library's own class of scikit-learn's kind says, and the rounds that it keeps."""
    (x, y), (x_val, y_val), asked = rows(), rows(500, 1), rows(700, 2)[0]
    seed = config.library_seed(3)
    model: Any
    if isinstance(config, LightGBMConfig):
        model = lightgbm.LGBMClassifier(
            n_estimators=60, learning_rate=0.2, num_leaves=15, min_child_samples=20, subsample=0.5, subsample_freq=1,
            colsample_bytree=0.3, reg_lambda=10.0, random_state=seed, n_jobs=1, verbose=-1, deterministic=True,
            force_col_wise=True,
        )  # fmt: skip
        stop = lightgbm.early_stopping(5, verbose=False)
        model.fit(x, y, sample_weight=weights, eval_X=x_val, eval_y=y_val, callbacks=[stop])
        return model.booster_.predict(asked, num_iteration=model.best_iteration_), model.best_iteration_
    if isinstance(config, XGBoostConfig):
        model = xgboost.XGBClassifier(
            n_estimators=60, learning_rate=0.2, max_depth=4, min_child_weight=5.0, subsample=0.5, colsample_bytree=0.3,
            reg_lambda=10.0, random_state=seed, n_jobs=1, tree_method="hist", early_stopping_rounds=5,
            eval_metric="mlogloss",
        )  # fmt: skip
        model.fit(x, y, sample_weight=weights, eval_set=[(x_val, y_val)], verbose=False)
        return model.predict_proba(asked), model.best_iteration + 1
    forest = RandomForestClassifier if isinstance(config, ForestConfig) else ExtraTreesClassifier
    own = {"max_samples": 0.3} if isinstance(config, ForestConfig) else {}
    model = forest(
        n_estimators=12, min_samples_leaf=20, max_leaf_nodes=31, max_features=0.3, random_state=seed, n_jobs=1, **own
    )
    return model.fit(x, y, sample_weight=weights).predict_proba(asked), None


@pytest.mark.parametrize("weighted", [False, True])
def test_it_says_what_the_library_says_to_the_bit(config: TreeSettings, weighted: bool) -> None:
    weights = np.random.default_rng(5).uniform(0.1, 3.0, 1_500) if weighted else None
    ours = fitted(config, weights=weights)
    answers, rounds = theirs(config, weights)
    assert ours.trees is not None
    assert ours.trees.rounds == rounds
    np.testing.assert_array_equal(ours.predict_proba(rows(700, 2)[0]), answers)


@pytest.mark.parametrize("kind", BOOSTED)
def test_it_keeps_the_rounds_up_to_the_lowest_loss_of_the_validation_rows(kind: str) -> None:
    ours = fitted(FEW[kind])
    losses = [each.val_loss for each in ours.rounds]
    best = int(np.argmin(losses)) + 1  # type: ignore[arg-type]
    assert ours.course["best_round"] == best
    assert len(losses) == best + 5 < 60
    assert ours.was_chosen
    x, y = rows(500, 1)
    loss = -np.log(ours.predict_proba(x)[np.arange(len(y)), y]).mean()
    assert loss == pytest.approx(losses[best - 1], rel=1e-5)
    assert ours.rounds[-1].train_loss < ours.rounds[0].train_loss


@pytest.mark.parametrize("kind", BOOSTED)
def test_without_patience_or_validation_rows_every_round_is_kept(kind: str) -> None:
    patient = fitted(FEW[kind].model_copy(update={"patience": None, "n_estimators": 25}))
    alone = fitted(FEW[kind].model_copy(update={"n_estimators": 25}), validation=None)
    for each in (patient, alone):
        assert each.course["best_round"] == len(each.rounds) == 25
    assert (alone.rounds[0].val_loss, alone.was_chosen) == (None, False)
    assert patient.was_chosen  # its losses of the validation rows are on record
    np.testing.assert_array_equal(patient.predict_proba(rows()[0]), alone.predict_proba(rows()[0]))


def test_two_fits_and_two_copies_have_the_same_bytes(config: TreeSettings, tmp_path: Path) -> None:
    first = fitted(config)
    first.save(tmp_path / "first")
    fitted(config).save(tmp_path / "second")
    again: OncePredictor = config.read(tmp_path / "first", "s")
    again.save(tmp_path / "third")
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == ["predictor.json", config.file]
    for name in names:
        content = (tmp_path / "first" / name).read_bytes()
        assert content == (tmp_path / "second" / name).read_bytes() == (tmp_path / "third" / name).read_bytes()
        assert b"pickle" not in content
    np.testing.assert_array_equal(again.predict_proba(rows(9, 2)[0]), first.predict_proba(rows(9, 2)[0]))
    other = config.build(INPUTS, seed=4)
    other.fit(*rows())
    assert not np.array_equal(other.predict_proba(rows()[0]), first.predict_proba(rows()[0]))


def test_a_class_that_never_came_keeps_its_column(config: TreeSettings) -> None:
    x, y = rows()
    ours = config.build(INPUTS)
    ours.fit(x[y != 1], y[y != 1], validation=(x, y))
    answers = ours.predict_proba(x)
    assert answers.shape == (len(x), 3)
    assert answers[:, 1].max() < 1e-4
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-6)


def test_permuted_labels_are_worth_nothing_and_a_planted_edge_is_seen(config: TreeSettings) -> None:
    """The area under the curve of BUY against SELL has a standard error of 1/√(3n)."""
    x, y = rows(17_500, 7)

    def area(labels: NDArray[np.int64]) -> tuple[float, float]:
        ours = config.build(INPUTS, seed=1)
        ours.fit(x[:5_000], labels[:5_000], validation=(x[5_000:6_000], labels[5_000:6_000]))
        answers, came = ours.predict_proba(x[6_000:]), labels[6_000:]
        sides = came != 1
        assert sides.sum() >= 7_500
        lean = (answers[:, 2] - answers[:, 0])[sides]
        return float(roc_auc_score(came[sides] == 2, lean)), float(1.0 / np.sqrt(3.0 * sides.sum()))

    chance, error = area(np.random.default_rng(9).permutation(y))
    assert abs(chance - 0.5) < 3.0 * error
    edge, _ = area(y)
    assert edge > 0.75


@pytest.mark.parametrize(
    ("kind", "library"),
    [("lightgbm", "lightgbm"), ("xgboost", "xgboost"), ("forest", "sklearn.ensemble"), ("extra_trees", "skops.io")],
)
def test_a_library_that_is_absent_is_named_with_what_installs_it(
    kind: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted(FEW[kind]).save(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    line = rf"model\.kind: needs {library}, which is not installed: pip install 'regimen\[trees\]'; got '{kind}'"
    for act in (FEW[kind].build, FEW[kind].require, lambda: FEW[kind].read(tmp_path, "s")):
        with pytest.raises(ConfigError, match=line):
            act()


@pytest.mark.parametrize(
    ("x", "y", "line"),
    [
        (
            rows()[0],
            np.full(1_500, 2),
            r"y_train: must hold two classes at least for trees to tell apart; got \['BUY'\]",
        ),
        (rows()[0][:, :5], rows()[1], r"x_train: must be rows of 8 columns; got \(1500, 5\)"),
        (
            np.where(rows()[0] > 3.0, np.nan, rows()[0]),
            rows()[1],
            r"x_train: must be finite \(row \d+\): drop the rows",
        ),
    ],
    ids=["one class", "narrow", "nan"],
)
def test_rows_that_cannot_be_learned_from_are_one_line(
    config: TreeSettings, x: NDArray[np.float32], y: NDArray[np.int64], line: str
) -> None:
    with pytest.raises(DataError, match=line):
        config.build(INPUTS).fit(x, y)


@pytest.mark.parametrize("kind", BOOSTED)
def test_a_build_without_cuda_says_so(kind: str) -> None:
    on_cuda = FEW[kind].model_copy(update={"device": "cuda"})
    with pytest.raises(ConfigError, match=r"model\.device: must be cpu with this build of .*; got 'cuda'"):
        on_cuda.build(INPUTS).fit(*rows())


def test_what_is_asked_too_early_or_wrongly_is_one_line(config: TreeSettings, tmp_path: Path) -> None:
    unfitted = config.build(INPUTS)
    for act in (lambda: unfitted.predict_proba(rows()[0]), lambda: unfitted.save(tmp_path)):
        with pytest.raises(RunError, match="must be fitted before it is"):
            act()
    with pytest.raises(RunError, match=r"features: must be rows of 8 columns; got \(2, 5\)"):
        fitted(config).predict_proba(np.zeros((2, 5)))


def test_damaged_files_are_refused(config: TreeSettings, tmp_path: Path) -> None:
    fitted(config).save(tmp_path)
    with pytest.raises(RunError, match="must have the schema s of the model; got 'other'"):
        config.read(tmp_path, "other")
    path = tmp_path / config.file
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    with pytest.raises(RunError, match=r"must be the file that belongs to predictor\.json beside it"):
        TreePredictor.load(tmp_path)
    path.unlink()
    with pytest.raises(RunError, match="must exist"):
        TreePredictor.load(tmp_path)
    (tmp_path / "predictor.json").write_text("{}")
    with pytest.raises(RunError, match="must be trees' description as Regimen writes it"):
        TreePredictor.load(tmp_path)


def test_a_file_that_the_library_cannot_read_is_one_line(config: TreeSettings, tmp_path: Path) -> None:
    import hashlib

    fitted(config).save(tmp_path)
    (tmp_path / config.file).write_bytes(b"nothing")
    document = json.loads((tmp_path / "predictor.json").read_text())
    (tmp_path / "predictor.json").write_text(json.dumps(document | {"digest": hashlib.sha256(b"nothing").hexdigest()}))
    with pytest.raises(RegimenError, match="must be readable by") as error:
        TreePredictor.load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_forest_whose_nodes_point_elsewhere_is_refused() -> None:
    forest = RandomForestClassifier(2, max_depth=2, random_state=0).fit(*rows())
    state = forest.estimators_[1].tree_.__getstate__()
    state["nodes"]["left_child"][0] = 10_000
    forest.estimators_[1].tree_.__setstate__(state)
    from regimen.predictors.trees.forest import ForestTrees

    with pytest.raises(DataError, match="must have nodes that point into it"):
        ForestTrees(forest)


def test_settings_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"max_samples must be null without bootstrap; got 0\.3"):
        ForestConfig(bootstrap=False)
    assert ForestConfig(bootstrap=False, max_samples=None).parameters(0)["bootstrap"] is False
    assert FEW["lightgbm"].shortened().n_estimators == 10
