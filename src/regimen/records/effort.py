"""What a fit took: how many parameters, and how long. Kept apart from the numbers that a repetition must give again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regimen.records.documents import read_json, write_json

if TYPE_CHECKING:
    from torch import nn

EFFORT = "fit.json"
"""The file of a window's folder. No command compares it: two equal runs differ in their seconds."""


@dataclass(frozen=True)
class Effort:
    """What the fit of one window took.

    Attributes:
        seconds: wall time of the fit, in the process that ended it.
        whole: whether that process did all of it; False after a resume in the middle.
        parameters: weights of the model, those that copy others (target networks) left out; None where unknown.
        trainable: those of them that learn.
    """

    seconds: float
    whole: bool
    parameters: int | None
    trainable: int | None

    def write(self, folder: Path) -> None:
        """Writes it into a window's folder."""
        write_json(folder / EFFORT, vars(self))

    @classmethod
    def read(cls, folder: Path) -> Effort | None:
        """Reads it; None for a window that was fitted before this was recorded."""
        if not (folder / EFFORT).exists():
            return None
        values = read_json(folder / EFFORT)
        return cls(*(values.get(name) for name in ("seconds", "whole", "parameters", "trainable")))  # type: ignore[arg-type]


def count_parameters(model: Any) -> tuple[int | None, int | None]:
    """Returns how many weights a predictor or an agent has, and how many of them learn.

    Counted are the parameters of the torch modules that it holds, each once, and not those of an attribute or a
    module whose name begins with "target". A model that counts otherwise says so itself, with an attribute
    ``parameter_counts`` = (all, trainable).
    """
    own = getattr(model, "parameter_counts", None)
    if own is not None:
        return int(own[0]), int(own[1])
    seen: dict[int, Any] = {}
    for module in _modules(model):
        for name, parameter in module.named_parameters():
            if not any("target" in part for part in name.split(".")):
                seen[id(parameter)] = parameter
    if not seen:
        return None, None
    total = sum(parameter.numel() for parameter in seen.values())
    return total, sum(parameter.numel() for parameter in seen.values() if parameter.requires_grad)


def _modules(model: Any) -> Iterator[nn.Module]:
    """The torch modules that are attributes of a model, or of a library's algorithm that it wraps."""
    from torch import nn

    for name, value in vars(model).items():
        if isinstance(value, nn.Module):
            if not name.lstrip("_").startswith("target"):
                yield value
        elif isinstance(getattr(value, "policy", None), nn.Module):
            yield value.policy
