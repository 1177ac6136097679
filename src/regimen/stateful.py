"""One way to persist: what changes gives its state as named arrays and takes it back, and an owner names its parts."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from regimen.errors import RegimenError, RunError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

Kept = TypeVar("Kept")

Parts = Mapping[str, str]
"""What is kept of an owner: under a name in a file, the attribute, or with dots the attribute of an attribute."""


def parts(*own: str, **others: str) -> Parts:
    """Returns parts that are called as their attributes are, and others by name and attribute."""
    return {**{name: name for name in own}, **others}


@runtime_checkable
class Stateful(Protocol):
    """Whatever changes and can go on later: moments, optimisers, replay, lanes.

    The arrays are torch's, or numpy's in a room without torch; `restore` is given the kind that `state` gives.
    """

    def state(self) -> Mapping[str, Any]:
        """Returns all that changes, by name; whoever keeps it copies it."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state`, bit for bit."""


def under(prefix: str, state: Mapping[str, Kept]) -> dict[str, Kept]:
    """Returns a part's state with a prefix before its names, as its owner keeps it."""
    return {f"{prefix}{name}": each for name, each in state.items()}


def below(state: Mapping[str, Kept], prefix: str) -> dict[str, Kept]:
    """Returns the part of an owner's state whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): each for name, each in state.items() if name.startswith(prefix)}


def state_of(owner: object, parts: Parts) -> dict[str, Tensor]:
    """Returns the parts of an owner as tensors, named ``part/array``, or ``part`` for one tensor, array or number.

    A part is `Stateful`, an optimiser or a module of torch, a tensor, an array, an int or a float.
    """
    tensors: dict[str, Tensor] = {}
    for name, attribute in parts.items():
        for key, tensor in _tensors(attrgetter(attribute)(owner)).items():
            tensors[f"{name}/{key}" if key else name] = tensor
    return tensors


def restore_into(owner: object, parts: Parts, tensors: Mapping[str, Tensor], place: Path | str) -> None:
    """Takes back `state_of`, with more tensors beside it or not.

    Args:
        owner: of the same shape.
        parts: those to take back.
        tensors: by name.
        place: where they come from, for errors.

    Raises:
        RunError: a part is not there, or belongs to another architecture.
    """
    for name, attribute in parts.items():
        part, mine = attrgetter(attribute)(owner), below(tensors, f"{name}/")
        single = tensors.get(name)
        if isinstance(part, bool | int | float):
            _put(owner, attribute, type(part)(_there(single, place, name).item()))
        elif isinstance(part, np.ndarray):
            _put(owner, attribute, _there(single, place, name).numpy())
        elif _is_tensor(part):
            _put(owner, attribute, _there(single, place, name).to(part.device))
        else:
            try:
                _restore(part, mine)
            except RegimenError as error:
                raise error.within(f"{place}: ") from None


def fill(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts weights into a module.

    Raises:
        RunError: a tensor is missing, superfluous or of another shape: the first.
    """
    own = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(own.keys() | given.keys()):
        if own.get(name) != given.get(name):
            raise RunError(name, f"must be {own.get(name, 'absent')} in this architecture", given.get(name, "absent"))
    module.load_state_dict(dict(tensors))


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Returns an optimiser's moments, named ``parameter/slot``."""
    moments: dict[str, Tensor] = {}
    for index, slots in optimizer.state_dict()["state"].items():
        moments |= {f"{index}/{slot}": tensor for slot, tensor in slots.items() if tensor is not None}
    return moments


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Takes back what `optimizer_tensors` returned; rates and other numbers stay the optimiser's own."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, slot = name.partition("/")
        state.setdefault(int(index), {})[slot] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _put(owner: Any, attribute: str, value: object) -> None:
    home, _, name = attribute.rpartition(".")
    setattr(attrgetter(home)(owner) if home else owner, name, value)


def _tensors(part: Any) -> dict[str, Tensor]:
    import torch

    if isinstance(part, torch.optim.Optimizer):
        return optimizer_tensors(part)
    if isinstance(part, Stateful):
        return {name: torch.as_tensor(array) for name, array in part.state().items()}
    if isinstance(part, torch.nn.Module):
        return dict(part.state_dict())
    return {"": torch.tensor(part, dtype=torch.float64) if isinstance(part, float) else torch.as_tensor(part)}


def _restore(part: Any, tensors: Mapping[str, Tensor]) -> None:
    import torch

    if isinstance(part, torch.optim.Optimizer):
        restore_optimizer(part, tensors)
    elif isinstance(part, Stateful):
        arrays = {name for name, array in part.state().items() if isinstance(array, np.ndarray)}
        part.restore({name: tensor.numpy() if name in arrays else tensor for name, tensor in tensors.items()})
    else:
        fill(part, tensors)


def _is_tensor(part: object) -> bool:
    import torch

    return isinstance(part, torch.Tensor)


def _there(tensor: Tensor | None, place: Path | str, name: str) -> Tensor:
    if tensor is None:
        raise RunError(f"{place}: {name}", "must be there; it was written by another version")
    return tensor
