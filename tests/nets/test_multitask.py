"""The multi-task head: shapes, signs, one trunk under all tasks, refusals."""

from __future__ import annotations

import pytest
import torch

from regimen.errors import DataError
from regimen.nets import MultiTaskHead


@pytest.mark.parametrize("lead", [(), (5,), (5, 7)])
def test_the_answers_have_their_shapes_and_signs(lead: tuple[int, ...]) -> None:
    head = MultiTaskHead(8, hidden=16, classes=3, regimes=4)
    tasks = head(10.0 * torch.randn(*lead, 8))
    assert tuple(tasks.direction.shape) == (*lead, 3)
    assert tuple(tasks.regime.shape) == (*lead, 4)
    for positive in (tasks.volatility, tasks.magnitude):
        assert tuple(positive.shape) == lead
        assert (positive > 0).all()


@pytest.mark.parametrize("task", ["direction", "volatility", "regime", "magnitude"])
def test_each_task_teaches_the_trunk_and_its_own_head_only(task: str) -> None:
    head = MultiTaskHead(8, dropout=0.0)
    answer = getattr(head(torch.randn(5, 8)), task)
    (answer * torch.randn(answer.shape)).sum().backward()
    for name, parameter in head.named_parameters():
        taught = parameter.grad is not None and bool(parameter.grad.abs().max() > 0)
        assert taught is (name.split(".")[0] in ("trunk", task)), name


def test_a_row_with_nan_spoils_only_itself() -> None:
    x = torch.randn(5, 8)
    x[2, 0] = torch.nan
    for answer in MultiTaskHead(8).eval()(x):
        bad = answer.isnan().reshape(5, -1)
        assert bad[2].all()
        assert not bad[[0, 1, 3, 4]].any()


@pytest.mark.parametrize("shape", [(5, 7), (), (8, 5)])
def test_another_width_is_refused_in_one_line(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError) as error:
        MultiTaskHead(8)(torch.zeros(shape))
    assert str(error.value) == f"features: must have the shape (..., 8); got {shape}"
