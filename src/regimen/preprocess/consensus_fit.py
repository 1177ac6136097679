"""Two autoencoders that learn to reconstruct the same columns from different ones, and to agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.preprocess.consensus import ConsensusAutoencoder, Layers
from regimen.preprocess.fitted import Values, require_columns, require_training
from regimen.reprs import many
from regimen.seeding import generator
from regimen.splits import Slice

if TYPE_CHECKING:
    from torch import nn

    from regimen.preprocess.config import ConsensusConfig


def fit_consensus(config: ConsensusConfig, values: Values, part: Slice, names: Sequence[str]) -> ConsensusAutoencoder:
    """Returns the two autoencoders of the usable rows of a training slice.

    The loss of a batch is the mean square of what each misses of the target, and of how far the two are apart times
    the weight of agreement. Constants would agree, so agreement alone is never the loss.

    Args:
        config: what they are.
        values: (time, symbol, feature) the whole series; only ``part.take(values)`` is read.
        part: a slice of role ``train``.
        names: the feature columns.

    Raises:
        SplitError: anything but a training slice, or names that do not match the columns.
        ConfigError: a column that there is not, a view without one, or a bottleneck as wide as the target.
    """
    import torch

    from regimen.nets import descend, first_weights, torch_threads

    require_training("preprocess: consensus", values, part, names)
    target, views = _target(config, names), _views(config, names)
    width = int(target.sum())
    bottleneck = max(1, width // 4) if config.bottleneck is None else config.bottleneck
    if bottleneck >= width:
        rule = f"must be smaller than the {many(width, 'column')} that it is to reconstruct"
        raise ConfigError("preprocess.consensus.bottleneck", rule, bottleneck)
    rows = part.take(values)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        raise ConfigError("preprocess.consensus", "needs a whole row in the training slice", 0)
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(deviation > 1e-12 * np.maximum(np.abs(mean), 1e-300), deviation, 1.0)
    clip = np.inf if config.clip is None else config.clip
    seen = torch.from_numpy(np.clip((rows - mean) / scale, -clip, clip).astype(np.float32))
    with first_weights(config.seed, "consensus", "weights"):
        first, second = (_net(int(view.sum()), width, bottleneck, config.hidden) for view in views)
    reads = [torch.from_numpy(np.flatnonzero(view)) for view in views]
    wanted = torch.from_numpy(np.flatnonzero(target))

    def loss(step: int) -> torch.Tensor:
        drawn = generator(config.seed, "consensus", "batch", step).integers(0, len(rows), config.batch_size)
        batch = seen[torch.from_numpy(drawn)]
        one, two, truth = first(batch[:, reads[0]]), second(batch[:, reads[1]]), batch[:, wanted]
        missed = ((one - truth) ** 2).mean() + ((two - truth) ** 2).mean()
        total: torch.Tensor = missed + config.agreement * ((one - two) ** 2).mean()
        return total

    with torch_threads(1):
        descend([*first.parameters(), *second.parameters()], loss, config.steps, config.learning_rate)
    nets = _layers(first), _layers(second)
    return ConsensusAutoencoder(tuple(names), mean, scale, clip, target, views, nets)


def _target(config: ConsensusConfig, names: Sequence[str]) -> NDArray[np.bool_]:
    return _marked(config.columns, names, "columns") if config.columns is not None else np.ones(len(names), np.bool_)


def _views(config: ConsensusConfig, names: Sequence[str]) -> NDArray[np.bool_]:
    """Returns the columns that each reads: those of the config, or all columns, dealt in turn."""
    if config.views is not None:
        views = np.stack([_marked(view, names, "views") for view in config.views])
    else:
        views = np.stack([np.arange(len(names)) % 2 == side for side in (0, 1)])
    if not views.any(axis=1).all():
        raise ConfigError("preprocess.consensus.views", "must have a column each", [int(view.sum()) for view in views])
    return views


def _marked(chosen: Sequence[str], names: Sequence[str], field: str) -> NDArray[np.bool_]:
    require_columns(f"preprocess.consensus.{field}", chosen, names)
    return np.array([name in chosen for name in names])


def _net(inputs: int, outputs: int, bottleneck: int, hidden: int) -> nn.Sequential:
    """Returns a net through a bottleneck; linear on both sides of it without hidden units."""
    from torch import nn

    if not hidden:
        return nn.Sequential(nn.Linear(inputs, bottleneck), nn.Linear(bottleneck, outputs))
    into = (nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, bottleneck))
    return nn.Sequential(*into, nn.Linear(bottleneck, hidden), nn.Tanh(), nn.Linear(hidden, outputs))


def _layers(net: nn.Sequential) -> Layers:
    from torch import nn

    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    arrays = [[each.detach().double().numpy() for each in (layer.weight.T, layer.bias)] for layer in linear]
    return tuple((np.ascontiguousarray(weight), bias.copy()) for weight, bias in arrays)
