"""Which parts of a config are methods, and what is left when some of them are taken out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.runs.conftest import YAML

from regimen.errors import ConfigError
from regimen.records import RunConfig, load_config
from regimen.runs.ablation import methods_of, plan, with_methods

EVERY = (
    "preprocess=[{kind: running}, {kind: standard}]",
    "augment=[{kind: block_bootstrap}]",
    "training.recipes=[{kind: jitter, sigma: 0.2}, {kind: label_smoothing}]",
    "training.sampler=balanced",
    "training.snapshots=3",
    "labels.weights={uniqueness: true, half_life: 1y}",
    "calibration={kind: vector}",
    "intervals={kind: conformal}",
    "novelty={kind: mahalanobis}",
    "band={kind: no_trade, width: 0.1}",
)


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., RunConfig]:
    """Loads the small config with overrides; its data need not be there."""
    (tmp_path / "small.yaml").write_text(YAML.format(path="coin.parquet"))
    return lambda *overrides: load_config(tmp_path / "small.yaml", overrides)


def test_each_member_of_a_list_and_each_part_that_is_not_its_default(configured: Callable[..., RunConfig]) -> None:
    assert [method.name for method in methods_of(configured(*EVERY))] == [
        *("running", "standard", "block_bootstrap", "jitter", "label_smoothing"),
        *("weights uniqueness half_life", "sampler balanced", "snapshots 3", "calibration vector"),
        *("intervals conformal", "novelty mahalanobis", "band no_trade"),
    ]


def test_names_that_come_twice_are_told_apart(configured: Callable[..., RunConfig]) -> None:
    twice = configured("preprocess=[{kind: running}, {kind: standard}, {kind: running, clip: 3.0}]")
    assert [method.name for method in methods_of(twice)] == ["running 1", "standard", "running 2"]


def test_without_any_it_is_the_config_that_says_nothing_of_them(configured: Callable[..., RunConfig]) -> None:
    assert with_methods(configured(*EVERY), ()) == configured()
    assert with_methods(configured(*EVERY), ()).hash == configured().hash


@pytest.mark.parametrize("number", range(len(EVERY)))
def test_each_alone_is_the_config_that_says_it_alone(configured: Callable[..., RunConfig], number: int) -> None:
    whole = configured(*EVERY)
    alone = configured(EVERY[number])
    chosen = {method.name for method in methods_of(alone)}
    assert with_methods(whole, [method for method in methods_of(whole) if method.name in chosen]) == alone


def test_all_is_the_config_itself_in_its_order(configured: Callable[..., RunConfig]) -> None:
    whole = configured(*EVERY)
    assert with_methods(whole, methods_of(whole)[::-1]) == whole


def test_the_plan_has_base_each_alone_all_and_all_but_each(
    configured: Callable[..., RunConfig], tmp_path: Path
) -> None:
    three = configured("training.recipes=[{kind: balanced}, {kind: jitter}, {kind: label_smoothing}]")
    arms = plan(three, 4, tmp_path)
    assert [arm.label for arm in arms] == [
        *("base", "balanced", "jitter", "label_smoothing", "all"),
        *("all but balanced", "all but jitter", "all but label_smoothing"),
    ]
    assert {arm.config.seeds for arm in arms} == {4}
    assert arms[-1].config.name == "small-all-but-label_smoothing"
    kinds = [[recipe.kind for recipe in arm.config.training.recipes] for arm in arms[-3:]]
    assert kinds == [["jitter", "label_smoothing"], ["balanced", "label_smoothing"], ["balanced", "jitter"]]
    assert len({arm.config.hash for arm in arms}) == len(arms)


@pytest.mark.parametrize(("many", "labels"), [(1, ["base", "jitter"]), (2, ["base", "jitter", "balanced", "all"])])
def test_few_methods_need_fewer_runs(
    configured: Callable[..., RunConfig], tmp_path: Path, many: int, labels: list[str]
) -> None:
    kinds = ["{kind: jitter}", "{kind: balanced}"][:many]
    arms = plan(configured(f"training.recipes=[{', '.join(kinds)}]"), 2, tmp_path)
    assert [arm.label for arm in arms] == labels


def test_a_config_without_a_method_is_refused(configured: Callable[..., RunConfig]) -> None:
    with pytest.raises(ConfigError, match=r"^config: must have at least one method: a member of preprocess, augment"):
        methods_of(configured())


def test_a_method_that_another_needs_is_named_before_anything_is_trained(
    configured: Callable[..., RunConfig], tmp_path: Path
) -> None:
    # without the calibration there is Kelly on probabilities that nobody calibrated; the default calibrates them
    whole = configured("calibration={kind: vector}", "exposure={kind: kelly}", "band={kind: no_trade, width: 0.1}")
    assert [arm.label for arm in plan(whole, 1, tmp_path)] == ["base", "calibration vector", "band no_trade", "all"]


def test_alone_there_is_no_all(configured: Callable[..., RunConfig], tmp_path: Path) -> None:
    three = configured("training.recipes=[{kind: balanced}, {kind: jitter}, {kind: label_smoothing}]")
    labels = [arm.label for arm in plan(three, 1, tmp_path, only_alone=True)]
    assert labels == ["base", "balanced", "jitter", "label_smoothing"]
