"""What makes an update cheap besides its arithmetic: one vector of parameters, and two networks at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar, final

import torch
from torch import Tensor, nn

from regimen.agents.agent import torch_threads

A = TypeVar("A")
B = TypeVar("B")


@final
class FlatAdam:
    """Adam on all parameters of a module as one vector, so that clipping and stepping are one call each.

    The parameters become views of ``values`` and their gradients views of ``gradient``; both stay so, because
    ``load_state_dict`` and autograd write into what is there. The arithmetic is that of ``torch.optim.Adam`` and
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
        parameters = list(module.parameters())
        self.values = nn.Parameter(torch.cat([each.detach().flatten() for each in parameters]))
        self.gradient = torch.zeros_like(self.values.data)
        self.values.grad = self.gradient
        start = 0
        for each in parameters:
            place = slice(start, start + each.numel())
            each.data = self.values.data[place].view_as(each)
            each.grad = self.gradient[place].view_as(each)
            start = place.stop
        self.optimizer = torch.optim.Adam([self.values], lr=rate, eps=1e-5, fused=True)

    def begin(self) -> None:
        """Forgets the gradient."""
        self.gradient.zero_()

    def step(self, rate: float, largest: float) -> None:
        """Scales the gradient to a norm of ``largest`` where it is longer, and makes a step of the given rate."""
        self.gradient.mul_((largest / (self.gradient.norm() + 1e-6)).clamp_(max=1.0))
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()


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
