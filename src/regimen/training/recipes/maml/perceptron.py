"""Chains of layers, of which the meta-gradient is compiled; and how autograd learns of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor, nn

from regimen.nets import MLP
from regimen.seams import Batch, Objective
from regimen.training.objectives import Classification
from regimen.training.recipes.maml import kernel

_KINDS: dict[type[nn.Module], int] = {
    nn.Linear: kernel.LINEAR,
    nn.LayerNorm: kernel.NORM,
    nn.ReLU: kernel.RELU,
    nn.GELU: kernel.GELU,
    nn.SiLU: kernel.SILU,
    nn.Tanh: kernel.TANH,
}


@final
@dataclass(frozen=True, eq=False)
class CompiledChain:
    """A module that is nothing but linear layers, layer norms and activations, one after another.

    Attributes:
        layers: what the compiled call knows of it.
        parameters: one after another, as they lie in its flat vector.
    """

    layers: kernel.Layers
    parameters: tuple[nn.Parameter, ...]

    @classmethod
    def of(cls, module: nn.Module, fast: Collection[nn.Parameter]) -> Self | None:
        """Returns what a module is; None where there is more in it than can be compiled.

        It must be an `nn.Sequential` or a `regimen.nets.MLP` in float32 on a CPU, every parameter of which learns.
        Dropout that drops out, hooks and mixed precision are more.

        Args:
            module: the module, which is not to be changed later but in the values of its parameters.
            fast: the parameters that are adapted.
        """
        chain, adapted = _chain(module), {id(parameter) for parameter in fast}
        if chain is None:
            return None
        widths: list[int] = []
        kinds, places, adapts, epsilons = [], [], [], []
        parameters: list[nn.Parameter] = []
        end = 0
        for layer in chain:
            if type(layer) is nn.Dropout and not (layer.training and layer.p > 0.0):
                continue
            kind = _KINDS.get(type(layer))
            if kind is None or getattr(layer, "approximate", "none") != "none":
                return None
            given = _given(layer)
            widths = widths or list(given)
            if not widths or given not in ((), (widths[-1],)):
                return None
            own = (getattr(layer, "weight", None), getattr(layer, "bias", None))
            kinds.append(kind)
            widths.append(layer.out_features if isinstance(layer, nn.Linear) else widths[-1])
            adapts.append(any(id(parameter) in adapted for parameter in own))
            epsilons.append(layer.eps if isinstance(layer, nn.LayerNorm) else 0.0)
            places.append([-1, -1])
            for which, parameter in enumerate(own):
                if parameter is not None:
                    parameters.append(parameter)
                    places[-1][which], end = end, end + parameter.numel()
        alone = len({id(parameter) for parameter in parameters}) == len(parameters)
        if not (alone and any(adapts) and all(_is_plain(parameter) for parameter in parameters)):
            return None
        weights, biases = np.array(places, dtype=np.int64).T.copy()
        layers = kernel.Layers(
            np.array(kinds, dtype=np.int64),
            np.array(widths, dtype=np.int64),
            weights,
            biases,
            np.array(adapts),
            np.array(epsilons, dtype=np.float32),
        )
        return cls(layers, tuple(parameters))

    def meta_loss(
        self, objective: Objective, batch: Batch, *, tasks: int, shots: int, rate: float, steps: int
    ) -> Tensor | None:
        """Returns the mean loss of the queries after the adaptation, with its first-order gradient.

        Args:
            objective: of support and query.
            batch: episodes, each the support and then the query.
            tasks: episodes in the batch.
            shots: rows of a support.
            rate: of a step.
            steps: of the adaptation.

        Returns:
            A scalar; None of anything but plain cross-entropy of float32 rows on a CPU.
        """
        x, inputs = batch.x, int(self.layers.widths[0])
        if not isinstance(objective, Classification) or batch.shares is not None or batch.costs is not None:
            return None
        if x.dtype != torch.float32 or x.device.type != "cpu" or x.requires_grad or x.shape[1:] != (inputs,):
            return None
        weighted = objective.class_weights
        with torch.no_grad():
            start = torch.cat([parameter.view(-1) for parameter in self.parameters])
        slopes = torch.empty_like(start)
        loss = kernel.meta_gradient(
            self.layers,
            start.numpy(),
            x.numpy().reshape(tasks, -1, inputs),
            batch.y.numpy().reshape(tasks, -1),
            batch.weights.numpy().reshape(tasks, -1),
            np.ones(int(self.layers.widths[-1]), np.float32) if weighted is None else weighted.numpy(),
            batch.smoothing,
            shots,
            steps,
            rate,
            slopes.numpy(),
        )
        result: Tensor = _Known.apply(loss, slopes, *self.parameters)  # type: ignore[no-untyped-call]
        return result


class _Known(torch.autograd.Function):
    """A number whose gradient by some parameters is known already."""

    @staticmethod
    def forward(ctx: Any, value: float, slopes: Tensor, *parameters: Tensor) -> Tensor:
        ctx.slopes, ctx.shapes = slopes, [parameter.shape for parameter in parameters]
        return torch.tensor(value)

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        flat = slopes[0] * ctx.slopes
        parts = flat.split([shape.numel() for shape in ctx.shapes])
        return None, None, *(part.view(shape) for part, shape in zip(parts, ctx.shapes, strict=True))


def _chain(module: nn.Module) -> list[nn.Module] | None:
    """Returns a module's layers in their order; None where calling it, or one of them, does more than its class says.

    More is done under mixed precision, which exchanges a module's ``forward``, and by hooks.
    """
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    if "forward" in vars(module) or any(hooks):
        return None
    if type(module) not in (nn.Sequential, MLP):
        return [module]
    layers: list[nn.Module] = []
    for part in module._modules.values():  # children() leaves out a layer that it has shown
        inner = None if part is None else _chain(part)
        if inner is None:
            return None
        layers += inner
    return layers


def _given(layer: nn.Module) -> tuple[int, ...]:
    """Returns the shape of a row that a layer takes; empty: any."""
    if isinstance(layer, nn.Linear):
        return (layer.in_features,)
    return layer.normalized_shape if isinstance(layer, nn.LayerNorm) else ()


def _is_plain(parameter: nn.Parameter) -> bool:
    learns = parameter.requires_grad and parameter.dtype == torch.float32
    return learns and parameter.is_cpu and parameter.is_contiguous()
