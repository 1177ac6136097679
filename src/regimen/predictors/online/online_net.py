"""`OnlineNet`: a torch network that takes a few steps after every few labels, on new rows and on remembered ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, RunError
from regimen.files import write_text
from regimen.reprs import many, short
from regimen.seeding import torch_seed
from regimen.stateful import parts, restore_into, state_of
from regimen.tensorfile import read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

    from regimen.predictors.online.net import OnlineNetConfig
    from regimen.predictors.torch_predictor import TorchPredictor

Floats = NDArray[np.float64]
_FILE, _FACTS = "net.safetensors", "net.json"
_CLASSES = 3
_CLIP = 1.0
"""Norm that a gradient is cut to."""
_PARTS = parts("optimizer", "remembered", "waiting", module="predictor.module", anchor="anchor")


@final
class OnlineNet:
    """A torch network as a classifier that learns on. An update comes after every ``every`` labels, however they come.

    Attributes:
        config: the frozen config that built it.
        predictor: the network.
        anchor: it as it began, which ``mode: adapt`` begins at again.
        remembered, waiting: rows, each with its class and its weight.
        learned: labels that came in; those of the last, unfinished update wait.
    """

    context = 1

    def __init__(self, config: OnlineNetConfig, predictor: TorchPredictor, seed: int) -> None:
        from torch.optim import AdamW

        self.config, self.predictor, self.seed, self.learned = config, predictor, seed, 0
        self.inputs, self.schema = predictor.inputs, predictor.schema
        self.optimizer = AdamW(
            predictor.module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, foreach=False
        )
        width = self.inputs + 2  # its class and its weight beside each row
        self.anchor = copy.deepcopy(predictor.module)
        self._most = config.shots if config.mode == "adapt" else config.remembered
        self.remembered = np.zeros((self._most, width), np.float32)
        self.waiting = np.zeros((config.every, width), np.float32)
        self._random = np.random.Generator(np.random.PCG64(torch_seed(seed, "replay")))

    def __repr__(self) -> str:
        return short(self, f"{self.config.net!r}, {many(self.learned, 'label')}")

    @classmethod
    def fresh(cls, config: OnlineNetConfig, inputs: int, seed: int, schema: str) -> Self:
        """Returns one with fresh weights."""
        if inputs < 1:
            raise ConfigError("inputs", "must be at least 1", inputs)
        return cls(config, config.net.build(inputs=inputs, classes=_CLASSES, seed=seed, schema=schema), seed)

    @classmethod
    def load(cls, config: OnlineNetConfig, folder: Path, schema: str) -> Self:
        """Reads what `save` wrote.

        Raises:
            RunError: a file is missing or damaged, or ``schema`` is not its own.
        """
        try:
            facts = json.loads((folder / _FACTS).read_bytes())
            inputs, own, seed = int(facts["inputs"]), str(facts["schema"]), int(facts["seed"])
            learned, random = int(facts["learned"]), facts["random"]
        except (OSError, KeyError, TypeError, ValueError):
            raise RunError("run", f"holds a damaged or missing {_FACTS}", str(folder)) from None
        if own != schema:
            raise RunError("features", f"must have the schema {own[:12]} that the model was trained on", schema[:12])
        tensors, about = read_tensors(folder / _FILE)
        if about != {"learned": learned}:
            raise RunError("run", f"holds a {_FILE} that does not belong to its {_FACTS}", str(folder))
        net = cls.fresh(config, inputs, seed, schema)
        net.restore(tensors, learned, random, folder)
        return net

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights, all of which learn."""
        every = sum(parameter.numel() for parameter in self.predictor.module.parameters())
        return every, every

    def learn(self, rows: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> None:
        """Learns from rows in their order; see `regimen.policies.online.Learns`."""
        x = np.asarray(rows, np.float32)
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise RunError("features", f"must be rows of {self.inputs} columns", x.shape)
        counts = np.ones(len(x)) if weights is None else np.asarray(weights)
        if np.shape(y) != x.shape[:1] or counts.shape != x.shape[:1]:
            raise RunError("rows", f"must have one class each, and one weight; {len(x)} rows have", np.shape(y))
        for row, came, count in zip(x, y, counts, strict=True):
            self.waiting[self.learned % self.config.every] = (*row, came, count)
            self.learned += 1
            if self.learned % self.config.every == 0:
                self._update()

    def predict_proba(self, x: Floats) -> Floats:
        """Returns the probabilities (n, 3) of scaled rows (n, inputs)."""
        return self.predictor.predict_proba(x)

    def save(self, folder: Path) -> None:
        """Writes it into a folder: weights, moments, what it remembers, and where its random numbers stand.

        Raises:
            RunError: the folder cannot be written to.
        """
        write_tensors(folder / _FILE, state_of(self, _PARTS), {"learned": self.learned})
        facts: dict[str, Any] = {"inputs": self.inputs, "schema": self.schema, "seed": self.seed}
        facts |= {"learned": self.learned, "random": self._random.bit_generator.state}
        write_text(folder / _FACTS, json.dumps(facts, sort_keys=True) + "\n")

    def restore(self, tensors: Mapping[str, Tensor], learned: int, random: Any, place: Path | str) -> None:
        """Goes on from what `save` wrote, to the bit.

        Raises:
            RunError: tensors of another network, or no state of random numbers.
        """
        restore_into(self, _PARTS, tensors, place)
        try:
            self._random.bit_generator.state = random
        except (KeyError, TypeError, ValueError):
            raise RunError("run", f"holds a damaged {_FACTS}", str(place)) from None
        self.learned = learned

    def copy(self) -> Self:
        """Returns another one that knows the same."""
        again = self.fresh(self.config, self.inputs, self.seed, self.schema)
        tensors = {name: tensor.clone() for name, tensor in state_of(self, _PARTS).items()}
        again.restore(tensors, self.learned, self._random.bit_generator.state, "copy")
        return again

    def begin(self, state: dict[str, NDArray[np.generic]], rows: Floats, y: NDArray[np.integer]) -> None:
        """Begins with weights that were trained, and remembers the rows that they were trained on.

        Args:
            state: of `TorchPredictor.state`.
            rows: (n, inputs) scaled, in time; the last multiple of ``every`` of them is remembered.
            y: (n,) class of each.
        """
        self.predictor.load_state(state)
        self.anchor.load_state_dict(self.predictor.module.state_dict())
        every = self.config.every
        for at in range(len(rows) % every, len(rows), every):
            part = slice(at, at + every)
            self.waiting[:, :-2], self.waiting[:, -2], self.waiting[:, -1] = rows[part], y[part], 1.0
            self.learned += every
            self._remember()
        if self.config.mode == "adapt" and self.learned:
            self._adapt()

    def _update(self) -> None:
        """Learns from the rows that wait, and remembers them."""
        if self.config.mode == "adapt":
            self._remember()
            self._adapt()
        else:
            self._tune()
            self._remember()

    def _remember(self) -> None:
        """Takes the rows that wait among those that are remembered: a uniform sample of all, or the latest."""
        first = self.learned - self.config.every
        for k, row in enumerate(self.waiting):
            place = first + k
            if place >= self._most:
                latest = self.config.mode == "adapt"
                place = place % self._most if latest else int(self._random.integers(0, place + 1))
            if place < self._most:
                self.remembered[place] = row

    def _adapt(self) -> None:
        """Takes plain steps of gradient descent from the trained weights, on all rows that are remembered."""
        import torch

        from regimen.nets import torch_threads

        rows = torch.from_numpy(self.remembered[: min(self.learned, self._most)])
        module = self.predictor.module
        module.load_state_dict(self.anchor.state_dict())
        weights = list(module.parameters())
        with torch_threads(1):
            for _ in range(self.config.steps):
                slopes = torch.autograd.grad(self._loss(rows), weights)
                with torch.no_grad():
                    for weight, slope in zip(weights, slopes, strict=True):
                        weight.sub_(self.config.learning_rate * slope)

    def _tune(self) -> None:
        """Takes steps of Adam on the rows that wait and on rows that are remembered of earlier updates."""
        import torch

        from regimen.nets import torch_threads

        config, module = self.config, self.predictor.module
        before = min(self.learned - config.every, self._most)
        again = round(config.replay * config.every) if before > 0 else 0
        module.train()
        with torch_threads(1):
            for _ in range(config.steps):
                rows = self.waiting
                if again:
                    rows = np.concatenate([rows, self.remembered[self._random.integers(0, before, again)]])
                loss = self._loss(torch.from_numpy(rows))
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(module.parameters(), _CLIP)
                self.optimizer.step()
        module.eval()

    def _loss(self, rows: Tensor) -> Tensor:
        """Returns the weighted mean log loss of rows with their classes and weights."""
        from torch.nn.functional import cross_entropy

        from regimen.predictors.torch_predictor import logits_of

        losses = cross_entropy(logits_of(self.predictor.module(rows[:, :-2])), rows[:, -2].long(), reduction="none")
        mean: Tensor = (losses * rows[:, -1]).sum() / rows[:, -1].sum().clamp(min=1e-9)
        return mean
