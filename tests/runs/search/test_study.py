"""The study on disk: another space is refused before anything is trained, and is gone on with on request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regimen.errors import RunError
from regimen.runs.search.searching import Searching

from .conftest import SPACE, scored, searched

Begun = Callable[..., Searching]


@pytest.fixture
def study(begun: Begun) -> Begun:
    searched(begun(), 4, scored(lambda _: 0.0))
    return begun


def test_a_study_that_is_there_is_gone_on_with_on_request(study: Begun) -> None:
    with pytest.raises(RunError, match="study: is there already: --resume goes on with it"):
        study()
    assert len(searched(study(resume=True), 6, scored(lambda _: 0.0)).study.trials()) == 6


@pytest.mark.parametrize(
    ("section", "line"),
    [
        (
            {"space": {**SPACE, "model.num_leaves": {"low": 2, "high": 65}}},
            r"whose search.space.model.num_leaves.high was 64.0 and not 65.0",
        ),
        ({"space": {key: SPACE[key] for key in list(SPACE)[:2]}}, r"search.space.model.hidden"),
        ({"sampler": "random"}, r"search.sampler was 'tpe' and not 'random'"),
        ({"seed": 3}, r"search.seed was 0 and not 3"),
        ({"objectives": ["skill"]}, r"search.objectives"),
        ({"splits": {"train": "40%", "test": "20%"}}, r"search.splits.test was '25%' and not '20%'"),
    ],
)
def test_a_study_of_another_space_is_refused_in_one_line(study: Begun, section: dict[str, object], line: str) -> None:
    with pytest.raises(RunError, match=line) as error:
        study(resume=True, **section)
    assert "\n" not in str(error.value)
    assert "another name= begins another study" in str(error.value)


def test_other_settings_of_the_run_are_another_space(study: Begun, values: dict[str, object]) -> None:
    values["training"] = {**values["training"], "epochs": 7}  # type: ignore[dict-item]
    with pytest.raises(RunError, match=r"config.training.epochs was 6 and not 7"):
        study(resume=True)
