"""What makes an update cheap besides its arithmetic: one vector of parameters, and two networks at the same time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar, final

import torch
from torch import Tensor, nn

from regimen.nets import torch_threads

A = TypeVar("A")
B = TypeVar("B")


def flattened(module: nn.Module) -> tuple[Tensor, Tensor]:
    """Makes a module's parameters views of one vector, and their gradients views of another; returns the two.

    Both stay so, because ``load_state_dict`` and autograd write into what is there. An optimiser or a moving average is
    then a few operations.

    Args:
        module: on one device and of one type.

    Returns:
        Values and gradients, both (parameters,), in the order of ``module.parameters()``; the gradients are 0.
    """
    parameters = list(module.parameters())
    values = torch.cat([each.detach().flatten() for each in parameters])
    gradient = torch.zeros_like(values)
    start = 0
    for each in parameters:
        place = slice(start, start + each.numel())
        each.data, each.grad = values[place].view_as(each), gradient[place].view_as(each)
        start = place.stop
    return values, gradient


@final
class FlatAdam:
    """Adam on all parameters of a module as one vector, so that clipping and stepping are one call each.

    They are `flattened`. The arithmetic is that of ``torch.optim.Adam`` and
    ``clip_grad_norm_`` on the separate parameters.

    Args:
        module: on one device and of one type.
        rate: the learning rate.

    Attributes:
        values: (parameters,) all of them.
        gradient: (parameters,) filled by ``backward``.
        optimizer: torch's.
    """

    def __init__(self, module: nn.Module, rate: float) -> None:
        flat, self.gradient = flattened(module)
        self.values = nn.Parameter(flat)
        self.values.grad = self.gradient
        self.optimizer = torch.optim.Adam([self.values], lr=rate, eps=1e-5, fused=True)

    def begin(self) -> None:
        """Forgets the gradient."""
        self.gradient.zero_()

    def step(self, rate: float, largest: float) -> float:
        """Scales the gradient to a norm of ``largest`` where it is longer, and makes a step of the given rate.

        Returns:
            The norm before it was scaled.
        """
        norm = self.gradient.norm()
        self.gradient.mul_((largest / (norm + 1e-6)).clamp_(max=1.0))
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        return float(norm)


@final
class VectorAdam:
    """Adam on one vector whose gradient is written out, in five operations.

    For few numbers it is faster than `FlatAdam`, whose sums are rounded otherwise.

    Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1, with its usual β and ε.
    """

    def __init__(self, size: int) -> None:
        self.first, self.second, self.steps = torch.zeros(size), torch.zeros(size), 0

    def step(self, flat: Tensor, slope: Tensor, rate: float) -> None:
        """Moves ``flat`` against its gradient, in place."""
        self.steps += 1
        self.first.lerp_(slope, 0.1)
        self.second.mul_(0.999).addcmul_(slope, slope, value=0.001)
        spread = self.second.sqrt().mul_(1.0 / math.sqrt(1.0 - 0.999**self.steps)).add_(1e-8)
        flat.addcdiv_(self.first, spread, value=-rate / (1.0 - 0.9**self.steps))

    def state(self) -> dict[str, Tensor]:
        """Returns all that changes."""
        return {"first": self.first, "second": self.second, "steps": torch.tensor(self.steps)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state`."""
        device = self.first.device
        self.first, self.second = state["first"].to(device).clone(), state["second"].to(device).clone()
        self.steps = int(state["steps"])


class SideBySide(Protocol):
    """Calls two functions of tensors and returns what they return."""

    def __call__(
        self, one: Callable[..., A], of_one: tuple[Tensor, ...], other: Callable[..., B], of_other: tuple[Tensor, ...]
    ) -> tuple[A, B]:
        """Returns ``one(*of_one), other(*of_other)``."""


@contextmanager
def side_by_side(threads: int) -> Iterator[SideBySide]:
    """Gives what calls two functions at the same time, each with half of the threads; with one thread, in turn.

    Two networks that share nothing are trained so: they meet once in an update, where torch's own threads would meet
    in every operation. What comes out does not depend on the order.
    """
    half = max(1, threads // 2)
    with torch_threads(half):
        if threads == 1:
            yield lambda one, of_one, other, of_other: (one(*of_one), other(*of_other))
            return
        with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(half,)) as second:

            def both(
                one: Callable[..., A],
                of_one: tuple[Tensor, ...],
                other: Callable[..., B],
                of_other: tuple[Tensor, ...],
            ) -> tuple[A, B]:
                waiting = second.submit(other, *of_other)
                return one(*of_one), waiting.result()

            yield both
