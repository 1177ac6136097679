"""A run of several models as one: members are those that are trained alone, go on where they stopped, and count."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError, SplitError
from regimen.execution import decide, targets
from regimen.policies import KellyRule
from regimen.policies.ensemble import Average, CalibratedBlend, Committee, Mixture, Stacker
from regimen.records import EnsembleConfig, RunConfig, RunDirectory, choose_model, read_json, unread_by
from regimen.runs import reproduce_run, resume_run, signal_of, start
from regimen.runs.families import classifier, ensemble
from regimen.runs.families.ensembles.members import alone, tried
from regimen.runs.prepare import prepare
from regimen.runs.window import fit_model, load_policy
from regimen.splits import purged_folds

from .conftest import silent

Configured = Callable[..., RunConfig]
NETS = "members: [{kind: logistic}, {kind: baseline}]"
MIXED = (
    "model={kind: ensemble, combine: hedge, members: [{kind: logistic}, {kind: momentum, lookback: 20}, "
    "{kind: ppo, hidden: [8], rollout_steps: 8, minibatch_size: 64}]}",
    "environment={steps: 512, n_envs: 16, episode_length: 40, evaluations: 1}",
    "training.epochs=2",
)
RUNNING = "preprocess=[{kind: running, half_life: 100}]"


def members_of(config: RunConfig) -> tuple[Any, ...]:
    assert isinstance(config.model, EnsembleConfig)
    return config.model.members


def model_of(words: str) -> str:
    return f"model={{kind: ensemble, {words}}}"


@pytest.mark.parametrize(
    "words",
    [
        (model_of(NETS), RUNNING),
        pytest.param((model_of(f"{NETS}, seeds: 2, combine: {{kind: stack, folds: 2}}"),), marks=pytest.mark.slow),
        pytest.param(MIXED, marks=pytest.mark.slow),
    ],
)
def test_a_run_trades_what_it_would_trade_bar_by_bar_and_after_loading(
    configured: Configured, tmp_path: Path, words: tuple[str, ...]
) -> None:
    config = configured("training.epochs=2", *words)
    directory, _ = start(config, tmp_path / "runs", silent)
    prepared = prepare(config)
    window = prepared.windows[1]
    kept = np.load(directory.window(1) / "exposures.npy")
    policy = load_policy(directory.window(1), prepared.config, prepared.features.hash)
    span = window.test.start, window.test.stop
    np.testing.assert_array_equal(targets(policy, prepared.history, *span), kept)
    state = policy.initial_state(1)
    for t in range(window.test.stop):
        moment = prepared.history.at(t)
        if t < window.test.start:
            state = policy.watch(moment, state)
        else:
            row, state = decide(policy, moment, state)
            np.testing.assert_array_equal(row, kept[t - window.test.start])
    assert len(np.unique(kept)) > 20
    (holding,) = signal_of(directory, None, [], silent).holdings
    assert holding.target is not None
    assert (holding.probabilities is not None) == (words != MIXED)  # agents and rules say none
    if RUNNING in words:
        assert not reproduce_run(directory, silent).differing


def test_the_mean_is_that_of_models_that_are_trained_alone(configured: Configured) -> None:
    config = configured("training.epochs=2", model_of(NETS), RUNNING)
    prepared = prepare(config)
    window = prepared.windows[0]
    together = fit_model(prepared, window, 3).policy
    said = []
    for member in members_of(config):
        one = prepare(configured("training.epochs=2", RUNNING).model_copy(update={"model": member}))
        said.append(fit_model(one, one.windows[0], 3).policy)
    span = window.test.start, window.test.stop
    inner: Any = together.policy  # type: ignore[attr-defined]
    seen = together.sight(prepared.history)  # type: ignore[attr-defined]
    alone_ = [one.policy.probabilities(one.sight(prepared.history), *span) for one in said]  # type: ignore[attr-defined]
    assert isinstance(inner, Committee)
    assert isinstance(inner.blend, CalibratedBlend)
    mean = ((alone_[0] + alone_[1]) / 2)[:, 0]
    np.testing.assert_array_equal(inner.probabilities(seen, *span)[:, 0], inner.blend.calibration(mean))


@pytest.mark.parametrize("combine", ["mean", "{kind: stack, folds: 2}"])
def test_what_members_say_together_is_calibrated_on_folds_that_none_of_them_saw(
    configured: Configured, combine: str
) -> None:
    words = ["training.epochs=1", "splits.embargo=5", model_of(f"members: [{{kind: logistic}}], combine: {combine}")]
    config = configured(*words, "calibration={kind: temperature, fit_on: out_of_fold, folds: 2}")
    prepared = prepare(config)
    fitted = fit_model(prepared, prepared.windows[0], 0)
    assert isinstance(fitted, ensemble.EnsembleFit)
    assert fitted.rule is not None
    assert fitted.rule.about is not None
    assert fitted.rule.about["rows"] == prepared.windows[0].train.rows
    raw = configured(*words, "calibration=none")
    policy: Any = fit_model(prepare(raw), prepared.windows[0], 0).policy
    assert isinstance(policy.blend, Stacker if "stack" in combine else Average)


def test_kelly_sizes_what_members_say_together_and_no_rule(configured: Configured, tmp_path: Path) -> None:
    config = configured("training.epochs=1", model_of(NETS), "exposure={kind: kelly}")
    prepared = prepare(config)
    fitted = fit_model(prepared, prepared.windows[0], 0)
    assert isinstance(fitted.policy, Committee)
    assert isinstance(fitted.policy.rule, KellyRule)
    fitted.save(tmp_path)
    again = load_policy(tmp_path, config, prepared.features.hash)
    span = prepared.windows[0].test.start, prepared.windows[0].test.stop
    expected = targets(fitted.policy, prepared.history, *span)
    np.testing.assert_array_equal(targets(again, prepared.history, *span), expected)
    with pytest.raises(ConfigError, match=r"exposure\.kind must be lean"):
        configured(model_of("members: [{kind: logistic}, {kind: momentum}]"), "exposure={kind: kelly}")


def test_a_training_that_is_stopped_goes_on_in_the_member_that_it_was_at(
    configured: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the third fit of the first window: the first two are not fitted again, and the bytes are the same."""
    config = configured("training.epochs=2", model_of(f"{NETS}, seeds: 2"))
    whole, _ = start(config, tmp_path / "whole", silent)
    calls: list[str] = []
    fit = classifier.fit

    def counted(prepared: Any, window: Any, *rest: Any) -> Any:
        calls.append(f"{window.number} {prepared.config.model.kind}")
        if len(calls) == 3:
            raise KeyboardInterrupt
        return fit(prepared, window, *rest)

    monkeypatch.setattr(classifier, "fit", counted)
    with pytest.raises(KeyboardInterrupt):
        start(config, tmp_path / "stopped", silent)
    directory = RunDirectory(next(path for path in (tmp_path / "stopped").iterdir() if path.is_dir()))
    resume_run(directory, silent)
    assert calls[:6] == ["0 logistic", "0 logistic", "0 baseline", "0 baseline", "0 baseline", "1 logistic"]
    for path in sorted((whole.path / "windows").rglob("*")):
        if path.is_file() and path.name != "fit.json":
            there = directory.path / path.relative_to(whole.path)
            assert there.read_bytes() == path.read_bytes(), path
    assert not list(directory.path.rglob("checkpoint"))


def test_every_member_is_a_trial_as_if_it_were_run_alone(configured: Configured, tmp_path: Path) -> None:
    config = configured("training.epochs=1", model_of(f"{NETS}, seeds: 2"))
    directory, judgement = start(config, tmp_path / "runs", silent)
    assert judgement["trials"]["count"] == 1 + 4
    member = config.model_copy(update={"model": members_of(config)[1]})
    _, judgement = start(member, tmp_path / "runs", silent)
    assert judgement["trials"]["count"] == 1 + 4
    rows = directory.trials.rows()
    assert {row["model"] for row in rows} == {"ensemble", "logistic", "baseline"}
    assert len({own for _, _, own in tried(config, 0)}) == 2


def ensemble_of(*members: dict[str, Any], **fields: Any) -> EnsembleConfig:
    return EnsembleConfig.model_validate({"members": members, **fields})


def test_rules_have_one_fit_and_agents_the_actions_that_they_can_have(configured: Configured) -> None:
    model = ensemble_of({"kind": "momentum"}, {"kind": "analytic"}, seeds=3)
    config = configured().model_copy(update={"model": model})
    assert [each.place for each in model.fitted(0)] == [
        "0-momentum/seed-0", "1-analytic/seed-0", "1-analytic/seed-1", "1-analytic/seed-2",
    ]  # fmt: skip
    assert alone(config, model.members[1]).environment.actions.kind == "continuous"
    assert alone(config, model.members[0]).environment == config.environment


def test_a_mixture_of_rules_has_the_weights_of_its_members(configured: Configured) -> None:
    model = ensemble_of({"kind": "momentum"}, {"kind": "momentum", "lookback": 5}, combine="thompson")
    config = configured().model_copy(update={"model": model})
    prepared = prepare(config)
    policy = fit_model(prepared, prepared.windows[0], 0).policy
    assert isinstance(policy, Mixture)
    assert policy.titles == ("momentum 1", "momentum 2")
    other = fit_model(prepared, prepared.windows[1], 0).policy
    assert isinstance(other, Mixture)
    span = prepared.windows[0].test.start, prepared.windows[0].test.stop
    drawn = [each.weights(prepared.history, *span)[:, 0].argmax(axis=1) for each in (policy, other)]
    assert not np.array_equal(*drawn)  # each window draws anew


def test_what_members_read_together_is_read(configured: Configured, config_file: Path) -> None:
    rules = ensemble_of({"kind": "momentum"})
    assert "training" in unread_by(rules)
    assert "environment" in unread_by(EnsembleConfig())
    assert unread_by(configured(*MIXED).model) == ()
    chosen = choose_model("ensemble", config_file, ["model.members=[{kind: momentum}]"])
    assert "training" in chosen.left_out
    assert choose_model("ensemble", config_file).left_out == ()
    with pytest.raises(ConfigError, match=r"environment\.steps: is not read by a model of kind ensemble"):
        choose_model("ensemble", config_file, ["environment.steps=5"])
    agents = choose_model("ensemble", config_file, ["model.members=[{kind: sac}]", "environment.steps=5"])
    assert agents.config.environment.steps == 5


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("members: []", r"model: members must name at least one model; got \[\]"),
        ("members: [{kind: ensemble}]", r"model\.members\.0\.kind: must be one of .*; got 'ensemble'"),
        ("seeds: 2, members: [{kind: momentum}]", r"model: seeds must be 1 where no member learns; got 2"),
        (
            "combine: stack, members: [{kind: logistic}, {kind: momentum}]",
            r"model: combine must not be stack where a member says no probabilities.*; got momentum as member 1",
        ),
        ("combine: {kind: stack, folds: 1}", r"model\.combine\.folds: must be greater than or equal to 2; got 1"),
        ("combine: best", r"model\.combine\.kind: must be one of 'mean', .*; got 'best'"),
        ("combine: {kind: hedge, horizon: 0}", r"model\.combine\.horizon: must be greater than or equal to 1; got 0"),
        ("members: [{kind: baseline, hiden: [8]}]", r"hiden: is not a known key \(did you mean 'hidden'\?\)"),
    ],
)
def test_a_mistake_is_one_line(configured: Configured, words: str, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        configured(model_of(words))


def test_what_a_member_says_of_its_training_has_its_name(configured: Configured) -> None:
    config = configured(model_of("members: [{kind: logistic}, {kind: lstm, context: 400}]"))
    prepared = prepare(config)
    with pytest.raises(ConfigError, match=r"model\.context: must be shorter than .* \(member lstm\); got 400"):
        fit_model(prepared, prepared.windows[0], 0)


def stacked(configured: Configured, *words: str) -> RunConfig:
    return configured("training.epochs=1", model_of(f"{NETS}, combine: {{kind: stack, folds: 3}}"), *words)


def test_a_stack_learns_from_rows_that_no_member_has_seen(configured: Configured, tmp_path: Path) -> None:
    """Each fold is fitted without its rows; with the first fold's labels turned over, only its own predictions stay."""
    config = stacked(configured)
    prepared = prepare(config)
    window = prepared.windows[0]
    calls: list[Any] = []
    told: list[tuple[int, int]] = []
    before = classifier.fit

    def counted(own: Any, part: Any, *rest: Any) -> Any:
        calls.append(part)
        return before(own, part, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "fit", counted)
        fitted = fit_model(prepared, window, 0, tmp_path, lambda done, of, _message, _numbers: told.append((done, of)))
    folds = purged_folds(window.train, prepared.labels, 3, prepared.features.warmup)
    assert [part.train.rows for part in calls] == [n for fold in folds for n in 2 * [fold.train.rows]] + 2 * [
        window.train.rows
    ]
    assert all(part.validation is window.validation for part in calls)
    assert told == sorted(told)
    assert told[-1] == (800, 800)
    fitted.save(tmp_path / "saved")
    facts = read_json(tmp_path / "saved" / "stack.json")
    assert facts["rows"] == window.train.rows
    assert set(facts["losses"]) == {"0-logistic", "1-baseline"}
    assert facts["stack"] <= min(*facts["losses"].values(), facts["mean"]) + 1e-3


def test_a_fold_that_cannot_be_fitted_is_one_line(configured: Configured) -> None:
    prepared = prepare(stacked(configured, "labels.horizon=30", "splits.validation=0.5"))
    rule = r"model\.combine\.folds \(fold 1 of 3, .*\): must leave rows beside it to train on, after labels of up to 30"
    with pytest.raises(SplitError, match=rule):
        fit_model(prepared, prepared.windows[0], 0)
    prepared = prepare(stacked(configured))
    window = prepared.windows[0]
    first = window.train.start + (window.train.stop - window.train.start) // 3
    y = prepared.labels.y.copy()
    y[first:] = np.where(y[first:] >= 0, 1, -1)  # beside the first fold nothing but HOLD
    one = replace(prepared, labels=replace(prepared.labels, y=y))
    with pytest.raises(SplitError, match=r"folds \(fold 1 of 3, .*\): must leave at least two of the classes"):
        fit_model(one, window, 0)


def test_a_member_may_be_the_mean_of_its_last_epochs(configured: Configured, tmp_path: Path) -> None:
    config = configured("training.epochs=4", "training.snapshots=3", model_of(NETS))
    prepared = prepare(config)
    fitted = fit_model(prepared, prepared.windows[0], 0, tmp_path / "checkpoint")
    fitted.save(tmp_path)
    again = load_policy(tmp_path, config, prepared.features.hash)
    span = prepared.windows[0].test.start, prepared.windows[0].test.stop
    expected = targets(fitted.policy, prepared.history, *span)
    np.testing.assert_array_equal(targets(again, prepared.history, *span), expected)
    assert isinstance(again, Committee)
    alone = configured("training.epochs=4", model_of(NETS))
    other = fit_model(prepare(alone), prepared.windows[0], 0).policy
    assert not np.array_equal(targets(other, prepared.history, *span), expected)
    assert list((tmp_path / "members").glob("*/seed-0/snapshots/00"))


def test_a_damaged_member_is_found(configured: Configured, tmp_path: Path) -> None:
    config = configured("training.epochs=1", model_of(NETS))
    directory, _ = start(config, tmp_path / "runs", silent)
    folder = directory.window(0) / "members" / "1-baseline" / "seed-0"
    assert read_json(folder / "member.json")["title"] == "baseline"
    shutil.rmtree(folder / "model")
    with pytest.raises(RunError, match="must exist"):
        ensemble.load(directory.window(0), config, prepare(config).features.hash)


def test_a_short_run_has_one_short_fit_of_each_member(configured: Configured) -> None:
    short = ensemble.short(configured(*MIXED, "training.epochs=9", "environment.steps=100000"))
    assert short.training.epochs == 2
    assert short.environment.steps == 2_000
    assert short.model.kind == "ensemble"
    members = "[{kind: lightgbm}, {kind: forest}, {kind: logistic}]"
    trees = configured(f"model={{kind: ensemble, members: {members}, combine: stack, seeds: 3}}")
    model = ensemble.short(trees).model
    assert isinstance(model, EnsembleConfig)
    assert [member.n_estimators for member in model.members[:2]] == [10, 10]  # type: ignore[union-attr]
    assert (model.seeds, model.combine.folds) == (1, 2)  # type: ignore[union-attr]
