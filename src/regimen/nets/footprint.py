"""How much memory a network takes to train, counted before it is built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from regimen.errors import ConfigError
from regimen.nets.allocator import hand_back_memory

_MiB = 2**20


def training_bytes(make: Callable[[], nn.Module], activations: int = 0) -> int:
    """Returns the bytes of weights, gradients and Adam's two moments, and of ``activations`` float32 numbers.

    The module is made on torch's ``meta`` device: nothing is allocated.

    Args:
        make: makes the module, or returns the one that there is.
        activations: numbers that one forward pass keeps for the backward pass.
    """
    with torch.device("meta"):
        module = make()
    weights = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
    weights += sum(buffer.numel() * buffer.element_size() for buffer in module.buffers())
    learned = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    return weights + 4 * (3 * learned + activations)


def activation_bytes(module: nn.Module, batch: Tensor) -> int:
    """Returns the bytes that a forward pass of a row keeps for the backward pass, beyond what any batch keeps.

    Measured: as the difference between all rows of a batch and half of them. The module's mode and gradients stay as
    they are; torch's random state moves where the module drops out.

    Args:
        module: the network.
        batch: rows of what it is given, an even number. torch's LSTM keeps room for rows in blocks: of few rows it
            keeps less for each.
    """

    def kept(rows: int) -> int:
        sizes: dict[tuple[int, int], int] = {}

        def pack(tensor: Tensor) -> Tensor:
            sizes[tensor.data_ptr(), tensor.numel()] = tensor.numel() * tensor.element_size()
            return tensor

        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            result = module(batch[:rows])  # held until the sizes are counted, so that no memory is used twice
            total = sum(sizes.values())
        del result
        return total

    half = len(batch) // 2
    return max(0, kept(2 * half) - kept(half)) // half


def available_bytes(device: str = "cpu") -> int | None:
    """Returns the memory that is free now, on a machine that tells; of a container, what its limit leaves.

    What a container holds of files that nobody has used for a while counts as free: it is given back when asked for.
    """
    if device != "cpu":
        return int(torch.cuda.mem_get_info()[0])
    limits = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(1024 * int(line.split()[1]))
    limit, used, parts = (Path("/sys/fs/cgroup") / f"memory.{name}" for name in ("max", "current", "stat"))
    if limit.exists() and used.exists() and (most := limit.read_text(encoding="ascii").strip()) != "max":
        in_use = int(used.read_text(encoding="ascii"))
        if parts.exists():
            rows = (line.split() for line in parts.read_text(encoding="ascii").splitlines())
            in_use -= sum(int(row[1]) for row in rows if row[0] == "inactive_file")
        limits.append(max(0, int(most) - in_use))
    return min(limits, default=None)


def require_memory(needed: int, field: str, device: str = "cpu") -> None:
    """Refuses to begin what would not fit.

    Args:
        needed: bytes.
        field: what asked for it, named in the error.
        device: ``cpu`` or ``cuda``.

    Raises:
        ConfigError: how much is needed, and how much is free.
    """
    free = available_bytes(device)
    if free is not None and needed > free and hand_back_memory():  # what an earlier training left to this process
        free = available_bytes(device)
    if free is not None and needed > free:
        rule = f"needs about {needed / _MiB:,.0f} MiB of memory, and {free / _MiB:,.0f} MiB are free"
        raise ConfigError(field, rule)
