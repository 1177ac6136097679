"""The curriculum: its order is that of the scores, its stages are nested, and its last one is the sampler below."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.errors import ConfigError
from regimen.predictors import BaselineConfig
from regimen.seams import Epoch, RowTable
from regimen.training import TrainingConfig, TrainingData, fit, shuffled
from regimen.training.recipes import CurriculumConfig, DifficultyConfig, Task

ROWS = 400


def _data(seed: int = 0) -> TrainingData:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ROWS, 4)).astype(np.float32)
    place = np.arange(ROWS)
    more = (rng.random(ROWS) for _ in range(3))
    table = RowTable(place // 2, place % 2, place // 2 + 5, rng.gamma(2.0, size=ROWS), *more)
    return TrainingData(x, rng.integers(0, 3, ROWS), x[:100], rng.integers(0, 3, 100), rows=table)


DATA = _data()
TASK = Task(DATA, 64, seed=7)


def _history(*losses: float) -> tuple[Epoch, ...]:
    return tuple(Epoch(k + 1, 1.0, loss, None, True, 1e-3, 0.1) for k, loss in enumerate(losses))


def _rows(recipe: CurriculumConfig, epochs: int, seed: int = 0) -> list[int]:
    sampler = recipe.sampler(shuffled(ROWS, 64), TASK)
    return sorted(np.concatenate(sampler(_history(*[1.0] * epochs), np.random.default_rng(seed))).tolist())


def _easiest(score: np.ndarray, share: float) -> list[int]:
    """The easiest share of each symbol's rows, by sorting."""
    assert DATA.rows is not None
    chosen: list[int] = []
    for symbol in (0, 1):
        own = np.flatnonzero(DATA.rows.symbol == symbol)
        chosen += own[np.argsort(score[own])][: int(np.ceil(share * len(own) - 1e-9))].tolist()
    return sorted(chosen)


def _place(column: np.ndarray) -> np.ndarray:
    assert DATA.rows is not None
    place = np.empty(ROWS)
    for symbol in (0, 1):
        own = np.flatnonzero(DATA.rows.symbol == symbol)
        place[own] = np.argsort(np.argsort(column[own])) / len(own)
    return place


WEIGHTS = {"volatility": 0.5, "sign_changes": 1.0, "clarity": 2.0, "noise": 0.25}


@pytest.mark.parametrize("order", ["easy_first", "hard_first", "random"])
@pytest.mark.parametrize("weights", [{"volatility": 1.0}, {"noise": 1.0}, WEIGHTS])
def test_stages_are_the_easiest_rows_nested_and_then_all(order: Any, weights: dict[str, float]) -> None:
    table, difficulty = DATA.rows, DifficultyConfig(**weights)
    assert table is not None
    columns = {name: getattr(table, name) for name in WEIGHTS}
    columns["clarity"] = -columns["clarity"]
    parts = {name: weight for name, weight in difficulty.model_dump().items() if weight}
    score = sum(weight * _place(columns[name]) for name, weight in parts.items())
    assert isinstance(score, np.ndarray)
    recipe = CurriculumConfig(stages=(2, 3, 1), start=0.3, order=order, difficulty=difficulty)
    stages = [_rows(recipe, epochs) for epochs in range(6)]
    assert stages[0] == stages[1]
    assert stages[2] == stages[3] == stages[4]
    assert [len(rows) / ROWS for rows in (stages[0], stages[2], stages[5])] == [0.3, 0.65, 1.0]
    assert {*stages[0]} < {*stages[2]} < {*stages[5]}
    if order == "random":
        assert 0.2 < np.isin(stages[0], _easiest(score, 0.3)).mean() < 0.42
    else:
        sign = 1.0 if order == "easy_first" else -1.0
        assert stages[0] == _easiest(sign * score, 0.3)
        assert stages[2] == _easiest(sign * score, 0.65)

    def unequal(history: object, generator: np.random.Generator) -> list[np.ndarray]:
        del history
        return np.array_split(generator.permutation(ROWS), 7)

    below = unequal((), np.random.default_rng(5))
    last = recipe.sampler(unequal, TASK)(_history(*[1.0] * 5), np.random.default_rng(5))
    for one, other in zip(below, last, strict=True):
        np.testing.assert_array_equal(one, other)  # the batches of the sampler below, to the row


def test_hard_rows_are_a_share_of_easy_stages() -> None:
    easy = Counter(_rows(CurriculumConfig(stages=(1, 1), start=0.4), 0))
    recipe = CurriculumConfig(stages=(1, 1), start=0.4, hard_in_easy=0.2)
    some, others = Counter(_rows(recipe, 0, seed=1)), Counter(_rows(recipe, 0, seed=2))
    assert some - easy != others - easy
    assert (some - easy).total() == round(easy.total() * 0.2 / 0.8)
    assert max(some.values()) == 1
    assert easy <= some


def test_the_gate_leaves_a_stage_when_nothing_improves() -> None:
    recipe = CurriculumConfig(stages=(10, 10, 30), start=0.2, gate=3)
    improving = [1.0 - 0.1 * k for k in range(9)]
    assert recipe.share(_history(*improving)) == 0.2
    assert recipe.share(_history(*improving, 0.05)) == 0.6  # ten epochs are over
    flat = [1.0, 0.9, 0.8, 0.801, 0.8]
    assert recipe.share(_history(*flat[:4])) == 0.6  # two steps down, one up: mean .066, interval below 0
    assert recipe.share(_history(*flat)) == 0.6
    steady = [1.0, 0.9, 0.801, 0.7, 0.6, 0.6, 0.601, 0.6]
    shares = [recipe.share(_history(*steady[:k])) for k in range(1, 9)]
    assert shares == [0.2, 0.2, 0.2, 0.2, 0.2, 0.6, 0.6, 0.6]
    # A stage is judged by its own epochs: three improvements, so four epochs, are needed before the next is left.
    assert recipe.share(_history(*steady, 0.6)) == 0.6
    assert recipe.share(_history(*steady, 0.6, 0.6)) == 1.0
    waiting = CurriculumConfig(stages=(10, 10, 30), start=0.2)
    assert waiting.share(_history(*steady, 0.6)) == 0.2


def test_a_training_goes_through_its_stages() -> None:
    recipe = CurriculumConfig(stages=(1, 1, 2), start=0.3, hard_in_easy=0.1, order="hard_first")
    config = TrainingConfig(epochs=4, batch_size=64, recipes=(recipe,))
    assert len(fit(BaselineConfig(hidden=(8,)).build(4), DATA, config).history) == 4


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"stages": [10, 15, 20]}, r"must sum to epochs, 50; got \[10, 15, 20\], which sum to 45"),
        ({"stages": [50]}, "at least 2 items"),
        ({"stages": [10, 40], "epochs": 3}, "epochs must be left alone with stages"),
        ({"gate": 3}, "gate needs stages to leave"),
        ({"first": "turbulent", "order": "random"}, "order must be left alone where first says so"),
        ({"difficulty": {"volatility": 0.0}}, "one of volatility, sign_changes, clarity, noise must be above 0"),
        ({"difficulty": {}}, "one of volatility, sign_changes, clarity, noise must be above 0"),
    ],
)
def test_stages_that_do_not_fit_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TrainingConfig(recipes=({"kind": "curriculum", **settings},))  # type: ignore[arg-type]


def test_what_makes_a_row_hard_is_what_is_named_alone() -> None:
    named = CurriculumConfig(difficulty={"noise": 1.0}).difficulty  # type: ignore[arg-type]
    assert {name for name, weight in named.model_dump().items() if weight} == {"noise"}
    assert CurriculumConfig() == CurriculumConfig(difficulty=DifficultyConfig(volatility=1.0))


def test_rows_that_do_not_know_what_makes_them_hard_are_refused() -> None:
    assert DATA.rows is not None
    unknown = TrainingData(DATA.x_train, DATA.y_train, rows=DATA.rows._replace(noise=None))
    for recipe, words in (
        (CurriculumConfig(difficulty=DifficultyConfig(noise=1.0)), "difficulty.noise: needs rows that know it"),
        (CurriculumConfig(stages=(1, 1), gate=2), "gate: must be null without validation rows; got 2"),
    ):
        with pytest.raises(ConfigError, match=words):
            recipe.sampler(shuffled(ROWS, 64), Task(unknown, 64))


def test_a_config_of_former_fields_is_written_as_before() -> None:
    former = {"kind": "curriculum", "first": "turbulent", "start": 0.3, "epochs": 7}
    assert CurriculumConfig.model_validate(former).model_dump(mode="json") == former


def _noisy(seed: int) -> TrainingData:
    """Rows whose noise grows with their volatility: easy rows are those that say most."""
    rng = np.random.default_rng(seed)
    rows, validation = 2000, 3000
    x = rng.normal(size=(rows + validation, 6)).astype(np.float32)
    volatility = rng.gamma(2.0, 0.6, rows + validation)
    y = (2.0 * x[:, :3] + volatility[:, None] * rng.gumbel(size=(len(x), 3))).argmax(axis=1)
    place = np.arange(rows)
    table = RowTable(place, np.zeros(rows, np.int64), place + 5, volatility[:rows])
    return TrainingData(x[:rows], y[:rows], x[rows:], y[rows:], rows=table)


@pytest.mark.slow
def test_easy_rows_first_do_not_end_below_all_rows_at_once() -> None:
    """Eight paired seeds: the last validation loss is not above that of all rows at once by over a standard error."""
    differences = []
    for seed in range(8):
        losses = []
        for recipes in ((), (CurriculumConfig(stages=(3, 3, 24), start=0.3),)):
            config = TrainingConfig(epochs=30, batch_size=128, learning_rate=3e-3, patience=None, recipes=recipes)
            history = fit(BaselineConfig(hidden=(16,)).build(6, seed=seed), _noisy(seed), config, seed=seed).history
            losses.append(history[-1].val_loss or np.inf)
        differences.append(losses[1] - losses[0])
    error = np.std(differences, ddof=1) / 8**0.5
    assert np.mean(differences) <= error, (np.mean(differences), error)
