"""A torch module that the user brings: any class or function that makes one, by its place and its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, JsonValue

from regimen.errors import ConfigError
from regimen.own import OwnSource, call_object
from regimen.predictors.settings import PredictorSettings

if TYPE_CHECKING:
    from torch import nn

_ROWS = 4
"""Rows that a new module is tried on."""


class ModuleConfig(OwnSource, PredictorSettings):
    """A class of ``torch.nn.Module``, or a function that returns a module, called with (inputs, classes, **settings).

    The module takes rows (n, inputs), or with a ``context`` of two or more windows (n, context, inputs), float32, and
    returns logits (n, classes). It is trained on the common loop.
    """

    kind: Literal["module"] = Field("module", description="A torch module of one's own.")
    settings: dict[str, JsonValue] = Field(
        {}, description="What its class or function is called with by name, after (inputs, classes)."
    )
    context: int = Field(1, ge=1, le=65_536, description="Feature rows that it sees at once; 1: no axis of time.")

    def module(self, inputs: int, classes: int) -> nn.Module:
        """Returns a fresh module, after it was asked about a few rows.

        Raises:
            ConfigError: there is nothing at its place; it cannot be called so; what it makes is no module that learns,
                or answers with anything but finite logits (n, classes).
        """
        from torch import nn

        module = call_object(self.load("model.source"), "model", self.settings, {"inputs": inputs, "classes": classes})
        if not isinstance(module, nn.Module):
            raise ConfigError("model.source", "must make a torch.nn.Module", type(module).__name__)
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise ConfigError("model.source", "must make a module with parameters that learn", self.source)
        self._try(module, inputs, classes)
        return module

    def _try(self, module: nn.Module, inputs: int, classes: int) -> None:
        """Refuses a module whose answer to a few rows is not what the training needs."""
        import torch

        shape = (_ROWS, inputs) if self.context == 1 else (_ROWS, self.context, inputs)
        rows = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        was_training = module.training
        module.eval()
        try:
            with torch.no_grad():
                logits: Any = module(rows)
        except Exception as error:  # the user's code: any error is theirs to read
            rule = f"must take rows of shape {shape}, but its forward fails ({type(error).__name__}: {error})"
            raise ConfigError("model.source", rule, self.source) from error
        finally:
            module.train(was_training)
        if not isinstance(logits, torch.Tensor):
            raise ConfigError("model.source", "must return a tensor of logits", type(logits).__name__)
        if tuple(logits.shape) != (_ROWS, classes):
            rule = f"must return logits of shape (n, classes), {(_ROWS, classes)} for rows of shape {shape}"
            raise ConfigError("model.source", rule, tuple(logits.shape))
        if not torch.isfinite(logits).all():
            raise ConfigError("model.source", "must return finite logits for rows that are finite", self.source)
