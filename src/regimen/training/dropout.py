"""Dropout of some rows of a batch, drawn as for the whole batch."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from regimen.errors import ConfigError

_RANDOM = {
    *(torch.rand, torch.randn, torch.rand_like, torch.randn_like, torch.randint, torch.randint_like, torch.randperm),
    *(torch.bernoulli, torch.normal, torch.multinomial, torch.poisson, torch.dropout, torch.alpha_dropout),
    *(Tensor.bernoulli_, Tensor.normal_, Tensor.uniform_, Tensor.random_, Tensor.exponential_, Tensor.bernoulli),
    *(functional.alpha_dropout, functional.feature_alpha_dropout, functional.gumbel_softmax, functional.rrelu),
    *(functional.dropout1d, functional.dropout2d, functional.dropout3d),
}


@final
class WholeDropout(TorchFunctionMode):
    """A scope in which a network that sees rows ``start`` to ``stop`` of a batch drops what it would in all of it.

    So a training does not depend on how its batches are shared out: the same numbers are zeroed, and torch's random
    state ends where it would. A tensor's first axis is that of the rows, or of several numbers for each row.

    Args:
        start, stop: the rows that are there.
        rows: of the whole batch.

    Raises:
        ConfigError: the network draws other random numbers, or drops from a tensor of another shape.
    """

    def __init__(self, start: int, stop: int, rows: int) -> None:
        super().__init__()
        self.start, self.stop, self.rows = start, stop, rows

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        """Calls a function of torch, or `_dropped` in place of its dropout."""
        named = named or {}
        if function is functional.dropout:
            return self._dropped(*arguments, **named)
        looks = function is functional.scaled_dot_product_attention
        if function in _RANDOM or (looks and named.get("dropout_p")):
            rule = "must be 1 with a model that draws random numbers of its own"
            raise ConfigError("training.processes", rule, getattr(function, "__name__", str(function)))
        return function(*arguments, **named)

    def _dropped(self, given: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or not 0.0 < p < 1.0:
            return functional.dropout(given, p, training, inplace)
        times, rest = divmod(len(given), self.stop - self.start)
        if rest:
            given_rows = self.stop - self.start
            rule = f"must be 1 with a model that drops from a tensor whose first axis is not its {given_rows} rows"
            raise ConfigError("training.processes", rule, tuple(given.shape))
        # filled in the order in which the whole tensor would lie in memory
        strides = given.stride()
        order = sorted(range(given.ndim), key=lambda axis: -strides[axis])
        whole = torch.empty_permuted((times * self.rows, *given.shape[1:]), order, dtype=given.dtype)
        kept = whole.bernoulli_(1.0 - p).div_(1.0 - p)[times * self.start : times * self.stop]
        return given.mul_(kept) if inplace else given * kept
