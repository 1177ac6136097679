"""Importance of a whole run: planted features are found, nothing is a trial, and the same seed gives the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.runs.conftest import YAML, silent, simulated
from tests.runs.test_costs import RULE

from regimen.augment import LearnedRows, TabDDPMConfig
from regimen.errors import ConfigError, RegimenError, RunError, SplitError
from regimen.policies import ClassifierPolicy
from regimen.records import RunConfig, RunDirectory, load_config, read_json, write_manifest, write_report
from regimen.runs import importance_of, start
from regimen.runs.families import family_of
from regimen.runs.importance import measure
from regimen.runs.importance.held_out import HeldOut, SeriesSight, held_out
from regimen.runs.importance.rotation import Rotation
from regimen.runs.prepare import Prepared, prepare
from regimen.splits import Slice, purged_folds

Configured = Callable[..., RunConfig]
QUICK = ("model={kind: logistic}", "training.epochs=3", "training.learning_rate=0.02")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A finished run on a random walk."""
    folder = tmp_path_factory.mktemp("importance")
    simulated().to_parquet(folder / "coin.parquet")
    (folder / "small.yaml").write_text(YAML.format(path=folder / "coin.parquet"))
    return start(load_config(folder / "small.yaml", (*QUICK, "tracking=none")), folder / "runs", silent)[0]


def planted(prepared: Prepared) -> Prepared:
    """The first column knows the label, dimly; the others are noise that remembers."""
    random = np.random.default_rng(4)
    values = random.normal(size=prepared.frame.values.shape)
    for t in range(1, len(values)):
        values[t] = 0.9 * values[t - 1] + 0.44 * values[t]
    values[..., 0] += 1.5 * (prepared.labels.y - 1.0)
    values[~prepared.known] = np.nan
    return replace(prepared, frame=replace(prepared.frame, values=values))


def test_the_planted_column_matters_alone_and_among_the_others(configured: Configured) -> None:
    prepared = planted(prepare(configured(*QUICK)))
    names = prepared.frame.names
    found = measure(prepared, prepared.windows[-1:], silent, folds=3, shifts=39)
    assert found.features[0].name == names[0]
    assert [row.name for row in found.features if row.verdict == "mattered"] == [names[0]]
    assert found.sentence == f"1 of 5 features mattered on held out rows (q <= 0.05): {names[0]}."
    first, *others = found.features
    assert first.alone > 2.0 * first.alone_error > 0.0
    assert all(row.alone < first.alone / 3.0 for row in others)
    assert first.low < first.rise < first.high
    assert " better than the classes' shares" in found.skill_in_words
    assert " worse than " in replace(found, skill=-0.01).skill_in_words
    assert 0.0 < found.skill < 2.0 * first.alone
    assert found.groups[0].rise >= 0.5 * first.rise
    assert {row.name for row in found.groups} == set(prepared.features.groups)
    held = sum(fold.test.rows for fold in purged_folds(prepared.windows[-1].train, prepared.labels, 3, 0))
    assert found.rows == held == prepared.windows[-1].train.rows


def test_rows_in_one_batch_are_asked_as_a_policy_is(configured: Configured) -> None:
    """The quick way, and the way of every policy that says probabilities, are twins; so is behind preprocessing."""
    for more in ((), ("preprocess=[{kind: standard}]",)):
        prepared = prepare(configured(*QUICK, *more))
        outer = prepared.windows[-1]
        fold = purged_folds(outer.train, prepared.labels, 3, 0)[1]
        policy = family_of(prepared.config.model).fit(prepared, fold.window(outer), 0).policy
        inner, seen = policy, prepared.history
        if more:
            inner, seen = policy.policy, policy.sight(seen)  # type: ignore[attr-defined]
        assert isinstance(inner, ClassifierPolicy)
        shares, y = np.random.default_rng(0).random(4), prepared.labels.y
        quick = held_out(policy, prepared.history, fold.test, y, 4, shares)
        known = prepared.known[fold.test.start : fold.test.stop]
        scored = fold.test.usable & known
        twin = HeldOut(
            SeriesSight(inner, seen, fold.test.start, known, scored), fold.test.take(y), Rotation(known, 4), shares
        )
        assert quick.rows == twin.rows
        assert held_out(policy, prepared.history, fold.test, y, 4, shares, 20).rows == 20
        for columns in ([1], [0, 3]):
            np.testing.assert_allclose(quick.shifted(columns, 0, 4), twin.shifted(columns, 0, 4), rtol=1e-6)


def test_a_model_of_windows_is_measured_too(configured: Configured) -> None:
    model = "model={kind: cnn, context: 8, width: 4, kernels: [3], dilations: [1]}"
    prepared = planted(prepare(configured(*QUICK, model, "augment=[{kind: block_bootstrap}]")))
    found = measure(prepared, prepared.windows[-1:], silent, folds=2, shifts=19, alone=False)
    assert len(found.features) == 5
    assert np.isnan(found.features[0].alone)
    assert any("without the paths of augment" in note for note in found.notes)
    assert found.rows <= prepared.windows[-1].train.rows


SAMPLES = "{kind: tabddpm, fraction: .5, steps: 5, hidden: 4, batch: 16, diffusion: 5}"


def test_generated_rows_are_learned_from_in_each_fold_and_paths_are_not(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[tuple[int, Slice]] = []
    fit = TabDDPMConfig.fit

    def noting(config: TabDDPMConfig, rows: LearnedRows, part: Slice, seed: int) -> object:
        fitted.append((len(rows.y), part))
        return fit(config, rows, part, seed)

    monkeypatch.setattr(TabDDPMConfig, "fit", noting)
    found = {}
    for name, augment in {
        "none": "[]",
        "samples": f"[{SAMPLES}]",
        "both": f"[{{kind: block_bootstrap}}, {SAMPLES}]",
    }.items():
        prepared = planted(
            prepare(configured("model={kind: baseline, hidden: [4]}", "training.epochs=1", f"augment={augment}"))
        )
        found[name] = measure(prepared, prepared.windows[-1:], silent, folds=2, shifts=19, alone=False)
    held_out_by_fold = [fold.test for fold in prepared.folds(prepared.windows[-1].train, 2)]
    assert len(fitted) == 4
    for (rows, part), out in zip(fitted, held_out_by_fold * 2, strict=True):
        assert 0 < rows <= part.rows
        both = slice(max(part.start, out.start), min(part.stop, out.stop))
        inside = [each.usable[both.start - each.start : both.stop - each.start] for each in (part, out)]
        assert not (inside[0] & inside[1]).any(), "a generator learned from rows that its fold holds out"
    assert found["samples"].notes == found["none"].notes
    assert found["samples"].features != found["none"].features
    assert any("without the paths of augment" in note for note in found["both"].notes)


def test_an_ensemble_is_asked_as_one(configured: Configured) -> None:
    members = (
        "model={kind: ensemble, members: [{kind: logistic}, {kind: baseline, hidden: [4]}], combine: {kind: mean}}"
    )
    prepared = planted(prepare(configured(*QUICK[1:], members)))
    found = measure(prepared, prepared.windows[-1:], silent, folds=2, shifts=19, alone=False)
    assert found.features[0].name == prepared.frame.names[0]
    mixed = prepare(configured(*QUICK[1:], members.replace("mean", "hedge")))
    with pytest.raises(RunError, match="run: must be of a model that says probabilities of SELL, HOLD and BUY"):
        measure(mixed, mixed.windows[-1:], silent, folds=2, shifts=19, alone=False)


def test_it_is_kept_is_no_trial_and_is_the_same_again(made: RunDirectory) -> None:
    before = made.trials.rows()
    found = importance_of(made, silent, folds=3, shifts=19, alone=False)
    path = made.path / "importance.json"
    written = path.read_bytes()
    assert importance_of(made, silent, folds=3, shifts=19, alone=False) == found or np.isnan(found.features[0].alone)
    assert path.read_bytes() == written
    assert made.trials.rows() == before
    made.require_undamaged()
    kept = read_json(path)
    assert kept["features"] == found.to_dict()["features"]
    assert [row["verdict"] for row in kept["features"]] == [row.verdict for row in found.features]
    frame = found.to_frame()
    assert frame.loc[("feature", found.features[0].name), "rise"] == found.features[0].rise
    assert repr(found).startswith("Importance(")
    assert repr(found.plot()) == "Picture(groups of features, shifted together, features)"
    _, page = write_report(made)
    text = page.read_text(encoding="utf-8")
    assert "Groups of features, shifted together" in text
    assert found.sentence.replace("<=", "&lt;=") in text
    assert text.count(found.features[0].name) >= 2
    both = importance_of(made, silent, windows=[1, 2], folds=2, shifts=19, alone=False)
    assert both.windows == (1, 2)
    assert any("overlap" in note for note in both.notes)


def test_each_mistake_is_one_line(made: RunDirectory, tmp_path: Path) -> None:
    calls: list[tuple[dict[str, object], str]] = [
        ({"windows": [0]}, r"windows: must be from 1 to \d+; got 0"),
        ({"windows": []}, "windows: must name at least one window"),
        ({"shifts": 18}, "shifts: must be at least 19, or no p can reach 0.05; got 18"),
        ({"rows": 0}, "rows: must be at least 1; got 0"),
        ({"folds": 1}, "folds: must be at least 2; got 1"),
        ({"folds": 60}, "folds: must hold out more than 8 known rows of a symbol, twice labels.horizon; take fewer"),
    ]
    for options, line in calls:
        with pytest.raises((ConfigError, SplitError), match=line) as caught:
            importance_of(made, silent, **options)  # type: ignore[arg-type]
        assert isinstance(caught.value, RegimenError)
    (tmp_path / "rule.yaml").write_text(RULE.format(path=made.config().data.path, costs="{zero_costs: true}"))
    directory, _ = start(load_config(tmp_path / "rule.yaml"), tmp_path / "runs", silent)
    with pytest.raises(RunError, match=r"run: must be of a model that says probabilities; a rule .* got 'momentum'"):
        importance_of(directory, silent)


def test_an_unfinished_run_and_changed_features_are_refused(made: RunDirectory, tmp_path: Path) -> None:
    copy = RunDirectory(tmp_path / made.id)
    shutil.copytree(made.path, copy.path)
    manifest = made.manifest()
    write_manifest(copy.path, {**manifest, "status": "running"})
    with pytest.raises(RunError, match="run: must be finished"):
        importance_of(copy, silent)
    write_manifest(copy.path, {**manifest, "features_hash": "0" * 64})
    with pytest.raises(RunError, match="features: must be those of the run, hash 000000000000"):
        importance_of(copy, silent)
