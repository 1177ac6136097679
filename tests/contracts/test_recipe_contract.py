"""Every recipe of the union, alone and in every pair: it trains, does something, and is resumed as what it was."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from regimen.errors import ConfigError, RunError
from regimen.predictors import CNNConfig
from regimen.seams import RowTable
from regimen.training import FitResult, RecipeConfig, TrainingConfig, TrainingData, fit
from regimen.training.pairs import REASONS

ROWS, VALIDATION, LENGTH, COLUMNS, BATCH = 320, 96, 4, 3, 64
MODEL = CNNConfig(context=LENGTH, width=4, kernels=(3,), dilations=(1,), heads=1)
MEMBERS = {member.model_fields["kind"].default: member for member in get_args(get_args(RecipeConfig)[0])}

BASE: dict[str, dict[str, Any]] = {
    "maml": {"shots": 4, "queries": 5, "bars": 40},
    "pgd": {"steps": 2},
    "trades": {"steps": 2},
    "sharpe_loss": {"block": 16},
}
"""What a recipe needs to be small enough for these rows; nothing by default."""

OTHER: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("curriculum", "difficulty"): ({}, {"difficulty": {"noise": 2.0}}),
    ("curriculum", "stages"): ({"stages": (1, 2)}, {"stages": (2, 1)}),
    ("curriculum", "gate"): ({"stages": (11, 1), "start": 0.9}, {"stages": (11, 1), "start": 0.9, "gate": 2}),
    **{(kind, "groups"): ({}, {"groups": {"first": 0.0}}) for kind in ("fgsm", "pgd", "trades")},
    ("maml", "steps_per_epoch"): ({}, {"steps_per_epoch": 3}),
    ("maml", "task"): ({}, {"task": "regime", "bars": 250}),
    ("self_paced", "growth"): ({}, {"growth": 1.7}),
    ("trading_loss", "return_limit"): ({}, {"return_limit": 0.5}),
}
"""Fields whose other value is not found by itself: the recipe as it is, and as it is with the other value."""


def _table(start: int, rows: int) -> RowTable:
    rng = np.random.default_rng(start)
    place = np.arange(rows)
    more = [rng.random(rows) for _ in range(3)]
    return RowTable(start + place // 2, place % 2, start + place // 2 + 3, rng.gamma(2.0, size=rows), *more)


def _data(seed_of_validation: int = 1) -> TrainingData:
    def part(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(rows, LENGTH, COLUMNS)).astype(np.float32)
        y = (2.0 * x[:, -1] + rng.gumbel(size=(rows, 3))).argmax(axis=1)
        back = (y - 1) + rng.normal(size=rows)
        return x, y, {"return": back, "scale": rng.gamma(3.0, 0.01, rows), "bar_return": 0.01 * back}

    (x, y, targets), (x_val, y_val, targets_val) = part(ROWS, 0), part(VALIDATION, seed_of_validation)
    return TrainingData(
        x,
        y,
        x_val,
        y_val,
        targets_train=targets,
        targets_val=targets_val,
        rows=_table(0, ROWS),
        rows_val=_table(ROWS, VALIDATION),
        groups={"first": (0,), "other": (1, 2)},
    )


DATA = _data()


def _recipe(kind: str, settings: Mapping[str, Any] | None = None) -> Any:
    return MEMBERS[kind](**{**BASE.get(kind, {}), **(settings or {})})


def _epochs(*recipes: Any) -> int:
    stages = [recipe.stages for recipe in recipes if getattr(recipe, "stages", None)]
    return sum(stages[0]) if stages else 2


def _config(*recipes: Any) -> TrainingConfig:
    return TrainingConfig(
        epochs=_epochs(*recipes), batch_size=BATCH, learning_rate=1e-2, patience=None, recipes=recipes
    )


def _fit(*recipes: Any, data: TrainingData = DATA, **how: Any) -> FitResult:
    return fit(MODEL.build(COLUMNS, seed=3), data, _config(*recipes), seed=5, **how)


def _behaviour(result: FitResult) -> str:
    """A hash of all that a training says: its weights, the best and the last, and its losses."""
    digest = hashlib.sha256()
    for state in (result.predictor.state(), result.last):
        for values in state.values():
            digest.update(values.tobytes())
    digest.update(repr([(epoch.train_loss, epoch.val_loss, epoch.best) for epoch in result.history]).encode())
    return digest.hexdigest()


@cache
def _alone(kind: str | None) -> str:
    return _behaviour(_fit(*[] if kind is None else [_recipe(kind)]))


def _require_moved(result: FitResult) -> None:
    start = MODEL.build(COLUMNS, seed=3).state()
    for name, values in result.last.items():
        assert np.isfinite(values).all(), name
        assert not np.array_equal(values, start[name]), f"{name} was not learned"


def _require_resumed(
    folder: Path, expected: str, recipes: tuple[Any, ...], other: tuple[Any, ...], differs: str
) -> None:
    """Stops a training after its first epoch, refuses to go on with another one, and goes on to the same bytes."""

    class Stopped(Exception):
        pass

    def stop(epoch: object) -> None:
        del epoch
        raise Stopped

    with pytest.raises(Stopped):
        _fit(*recipes, checkpoint=folder, on_epoch=stop)
    with pytest.raises(RunError, match=rf"must be a checkpoint of this run, but its {differs} was"):
        _fit(*other, checkpoint=folder)
    assert _behaviour(_fit(*recipes, checkpoint=folder)) == expected


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_recipe_changes_the_training_and_is_resumed(kind: str, tmp_path: Path) -> None:
    result = _fit(_recipe(kind))
    _require_moved(result)
    assert _behaviour(result) == _alone(kind) != _alone(None)
    _require_resumed(tmp_path, _alone(kind), (_recipe(kind),), (), "data")  # of which recipes ask where it is from


@pytest.mark.parametrize("kind", MEMBERS)
def test_validation_rows_teach_nothing(kind: str) -> None:
    one, other = (_fit(_recipe(kind), data=_data(seed)) for seed in (1, 2))
    assert one.history[0].val_loss != other.history[0].val_loss
    for name, values in one.last.items():
        np.testing.assert_array_equal(values, other.last[name], err_msg=name)


PAIRS = sorted(tuple(sorted(pair)) for pair in combinations(MEMBERS, 2))


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_two_recipes_act_together_or_are_refused(first: str, second: str, tmp_path: Path) -> None:
    refusals, recipes, result = [], (), None
    for pair in ((first, second), (second, first)):
        recipes = tuple(_recipe(kind) for kind in pair)
        try:
            result = _fit(*recipes)
            break
        except (ConfigError, ValidationError) as error:
            refusals.append(str(error))
    if result is None:
        assert all("recipes" in words or "training" in words for words in refusals)
        if reason := REASONS.get(frozenset((first, second))):
            assert all(reason in words for words in refusals)
        return
    assert frozenset((first, second)) not in REASONS
    _require_moved(result)
    assert _behaviour(result) not in (_alone(first), _alone(second)), "one of them does nothing"
    _require_resumed(tmp_path, _behaviour(result), recipes, recipes[:1], r"training\.recipes")


def _other(value: Any, annotation: Any) -> Any:
    """Returns another value than this one of a field, by its type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str) and get_origin(annotation) is Literal:
        return next(each for each in get_args(annotation) if each != value)
    if isinstance(value, int):
        return value + 1
    return value / 2 if value else 0.25


FIELDS = [(kind, name) for kind, member in MEMBERS.items() for name in member.model_fields if name != "kind"]


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[".".join(field) for field in FIELDS])
def test_every_field_changes_what_a_recipe_does(kind: str, name: str) -> None:
    if (kind, name) in OTHER:
        before, after = (_recipe(kind, settings) for settings in OTHER[kind, name])
    else:
        before = _recipe(kind)
        value, field = getattr(before, name), MEMBERS[kind].model_fields[name]
        assert isinstance(value, bool | str | int | float), f"OTHER must say another value of {kind}.{name}"
        after = _recipe(kind, {name: _other(value, field.annotation)})
    assert before != after
    first = _alone(kind) if before == _recipe(kind) else _behaviour(_fit(before))
    assert first != _behaviour(_fit(after)), f"{kind}.{name} does nothing"


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_recipe_is_read_back_and_says_what_its_fields_are(kind: str) -> None:
    recipe = _recipe(kind)
    assert TypeAdapter(RecipeConfig).validate_json(recipe.model_dump_json()) == recipe
    fields = MEMBERS[kind].model_fields.values()
    assert all(field.description for field in fields)
    assert all(field.default is not PydanticUndefined for field in fields)
