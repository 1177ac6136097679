"""The state of a training after an epoch, in one file that is whole or absent."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from regimen.errors import RunError
from regimen.predictors import TorchPredictor
from regimen.seams import Epoch
from regimen.stateful import optimizer_tensors, restore_optimizer
from regimen.tensorfile import read_tensors, write_tensors
from regimen.training.config import TrainingConfig
from regimen.training.data import TrainingData

FILE = "checkpoint.safetensors"
_FORMAT = 2
_NOTHING_BARE = {"sampler": "NoneType", "transform": "identity", "objective": "NoneType"}
"""A checkpoint names the bare callables of its training; today it cannot have any, and those of versions that let it
have some are refused by these words."""


@dataclass
class Progress:
    """Everything that the loop knows besides weights and moments.

    No random state and no learning rate: both follow from the number of the epoch.

    Attributes:
        history: the epochs done.
        best_epoch: the epoch whose weights are kept, 0 before the first.
        best_value: what made it the best, lower is better: its validation loss, or its score with the other sign;
            None before the first epoch, and without validation rows.
        stale: epochs since then.
        finished: the last epoch was done, or patience ran out.
        best_weights: a copy of the module's state after ``best_epoch``.
        recent: the states after the last epochs, as many as are kept beside the best one, oldest first.
        earlier: those before ``best_epoch``.
    """

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    stale: int = 0
    finished: bool = False
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    recent: list[dict[str, Tensor]] = field(default_factory=list)
    earlier: list[dict[str, Tensor]] = field(default_factory=list)

    def keep(self, module: nn.Module) -> None:
        """Copies the module's weights as the best so far; those before it are its earlier ones."""
        self.best_weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        self.earlier = [{name: tensor.clone() for name, tensor in state.items()} for state in self.recent]

    def remember(self, module: nn.Module, number: int) -> None:
        """Copies the module's weights as those of the last epoch, and forgets what is older than ``number`` epochs."""
        if number:
            now = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
            self.recent = [*self.recent, now][-number:]


def identify(
    predictor: TorchPredictor,
    data: TrainingData,
    config: TrainingConfig,
    seed: int,
    window: int,
    device: torch.device,
) -> dict[str, Any]:
    """Returns what makes a run this run, for JSON; a checkpoint of anything else is refused.

    What wraps the loop is in the config, as recipes with all their numbers.
    """
    start = hashlib.sha256()
    for name, tensor in predictor.state().items():
        start.update(name.encode() + tensor.tobytes())
    return {
        "torch": torch.__version__,
        **{f"training.{name}": value for name, value in config.model_dump(mode="json", exclude={"pause"}).items()},
        "seed": seed,
        "window": window,
        "device": device.type,
        "predictor": predictor.config.model_dump(mode="json", by_alias=True),
        "schema": predictor.schema,
        "initial weights": start.hexdigest(),
        "data": data.fingerprint(predictor.targets, with_rows=bool(config.recipes)),
        **_NOTHING_BARE,
    }


def save_checkpoint(
    folder: Path,
    identity: dict[str, Any],
    progress: Progress,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> None:
    """Replaces the folder's checkpoint.

    Raises:
        RunError: the folder cannot be written to, or the disk is full.
    """
    tensors = {f"module/{name}": tensor for name, tensor in module.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in progress.best_weights.items()}
    for kind, states in (("recent", progress.recent), ("earlier", progress.earlier)):
        tensors |= {f"{kind}-{k}/{name}": tensor for k, state in enumerate(states) for name, tensor in state.items()}
    tensors |= {f"optimizer/{name}": tensor for name, tensor in optimizer_tensors(optimizer).items()}
    document = {
        "format": _FORMAT,
        "identity": identity,
        "history": [asdict(epoch) for epoch in progress.history],
        "best_epoch": progress.best_epoch,
        "best_value": progress.best_value,
        "stale": progress.stale,
        "finished": progress.finished,
        "gradient_scale": scaler.state_dict(),
    }
    write_tensors(folder / FILE, tensors, document)


def load_checkpoint(
    folder: Path,
    identity: dict[str, Any],
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> Progress | None:
    """Puts the folder's checkpoint into a module and its optimizer.

    Args:
        folder: where `save_checkpoint` wrote; may be absent.
        identity: what the run at hand is; the checkpoint must be of the same.
        module: receives the weights.
        optimizer: receives the moments.
        scaler: receives the scale of gradients in half precision.

    Returns:
        The progress, or None where there is no checkpoint yet.

    Raises:
        RunError: the checkpoint is damaged, or belongs to another run (names the first difference).
    """
    path = folder / FILE
    if not path.exists():
        return None
    tensors, document = read_tensors(path)
    if document.get("format") != _FORMAT:
        raise RunError(str(path), f"must be a checkpoint of format {_FORMAT}", document.get("format"))
    _require_same(path, document.get("identity"), identity)
    device = next(module.parameters()).device
    groups: dict[str, dict[str, Tensor]] = {"module": {}, "best": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition("/")
        groups.setdefault(kind, {})[rest] = tensor
    module.load_state_dict(groups["module"])
    restore_optimizer(optimizer, groups["optimizer"])
    scaler.load_state_dict(document["gradient_scale"])
    return Progress(
        history=[Epoch(**epoch) for epoch in document["history"]],
        best_epoch=document["best_epoch"],
        best_value=document["best_value"],
        stale=document["stale"],
        finished=document["finished"],
        best_weights={name: tensor.to(device) for name, tensor in groups["best"].items()},
        recent=_states(groups, "recent", device),
        earlier=_states(groups, "earlier", device),
    )


def _states(groups: dict[str, dict[str, Tensor]], kind: str, device: torch.device) -> list[dict[str, Tensor]]:
    """Returns the states that were written as ``kind-0``, ``kind-1``, …, in that order."""
    numbers = sorted(int(name.partition("-")[2]) for name in groups if name.startswith(f"{kind}-"))
    return [{name: tensor.to(device) for name, tensor in groups[f"{kind}-{k}"].items()} for k in numbers]


def _require_same(path: Path, written: object, identity: dict[str, Any]) -> None:
    theirs = written if isinstance(written, dict) else {}
    for key in sorted(identity.keys() | theirs.keys()):
        if identity.get(key) != theirs.get(key):
            rule = f"must be a checkpoint of this run, but its {key} was {theirs.get(key)!r}"
            raise RunError(str(path), rule, identity.get(key))
