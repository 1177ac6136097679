"""Dropout of some rows of a batch is that of the whole batch, and what cannot be drawn so is refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from regimen.errors import ConfigError
from regimen.training.dropout import WholeDropout


@pytest.mark.parametrize("shape", [(10, 5), (10, 4, 6), (10, 3, 4, 4)])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_some_rows_drop_what_they_would_in_the_whole_batch(
    shape: tuple[int, ...], turned: bool, dtype: torch.dtype
) -> None:
    x = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    x = x.transpose(1, -1) if turned else x  # another order in memory
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        whole, after = functional.dropout(x, 0.3), torch.rand(3)
        assert (whole == 0.0).any()
        for start, stop in ((0, 10), (0, 3), (3, 10)):
            torch.manual_seed(3)
            with WholeDropout(start, stop, 10):
                some = functional.dropout(x[start:stop], 0.3)
            assert torch.equal(some, whole[start:stop])
            assert torch.equal(torch.rand(3), after)


def test_several_numbers_of_a_row_one_after_the_other() -> None:
    x = torch.ones(10, 4, 6)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        whole = functional.dropout(x.flatten(0, 1), 0.3)
        torch.manual_seed(3)
        with WholeDropout(2, 5, 10):
            some = functional.dropout(x[2:5].flatten(0, 1), 0.3, inplace=True)
    assert torch.equal(some, whole[8:20])


def test_nothing_is_dropped_where_nothing_would_be() -> None:
    x = torch.ones(3, 4)
    with WholeDropout(0, 3, 10):
        assert functional.dropout(x, 0.3, training=False) is x
        assert torch.equal(functional.dropout(x, 0.0), x)
        assert not functional.dropout(x, 1.0).any()


@pytest.mark.parametrize(
    "draw",
    [torch.randn_like, torch.bernoulli, lambda x: functional.dropout1d(x[None], 0.5), lambda x: x.clone().uniform_()],
)
def test_other_random_numbers_are_refused(draw: object) -> None:
    assert callable(draw)
    with WholeDropout(0, 3, 10), pytest.raises(ConfigError, match="a model that draws random numbers of its own"):
        draw(torch.ones(3, 4))


def test_attention_that_drops_inside_is_refused() -> None:
    x: Tensor = torch.ones(3, 4, 2)
    with WholeDropout(0, 3, 10):
        functional.scaled_dot_product_attention(x, x, x)
        with pytest.raises(ConfigError, match="scaled_dot_product_attention"):
            functional.scaled_dot_product_attention(x, x, x, dropout_p=0.1)


def test_a_tensor_of_another_first_axis_is_refused() -> None:
    with WholeDropout(0, 3, 10), pytest.raises(ConfigError, match="whose first axis is not its 3 rows; got"):
        functional.dropout(torch.ones(4, 2), 0.1)
