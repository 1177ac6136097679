"""On how many CPU threads torch computes: fixed wherever bytes are decided, because sums split by thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from regimen.nets.devices import private_random
from regimen.seeding import torch_seed

_CPU = torch.device("cpu")


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Lets torch use so many threads inside the block, whatever the machine and its environment variables say.

    One is often the fastest: on a busy machine a small product waits longer for a second thread than it takes.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def first_weights(seed: int, *path: int | str, device: torch.device = _CPU) -> Iterator[None]:
    """A scope that draws a network's first weights: torch's stream is that of the seed, and there is one thread.

    One, because an orthogonal matrix comes from a QR decomposition, whose last bits depend on the number of threads.
    Torch's random state and threads are afterwards what they were.

    Args:
        seed, path: of the stream, see `regimen.seeding.torch_seed`.
        device: where weights are drawn besides the CPU.
    """
    with torch_threads(1), private_random(device):
        torch.manual_seed(torch_seed(seed, *path))
        yield
