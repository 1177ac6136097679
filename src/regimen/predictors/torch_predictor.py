"""A built model: its torch module, the config that made it, and class probabilities for rows of features."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.files import write_bytes
from regimen.reprs import many, short
from regimen.tensorfile import read_tensors, write_tensors
from regimen.windows import SeriesWindows

if TYPE_CHECKING:
    from pydantic import BaseModel
    from torch import Tensor, nn

WEIGHTS = "weights.safetensors"
DOCUMENT = "predictor.json"
_ROWS = 8192  # rows in one forward pass: bounds the memory, large enough to keep the cores busy
_FEWEST = 256  # windows in one forward pass, at least
_SHORTEST = 32  # rows in one forward pass, at least: shorter products of matrices add in another order


def logits_of(output: Any) -> Tensor:
    """Returns the class logits of a module's output: the output itself, or its ``logits`` or ``direction``."""
    import torch

    if isinstance(output, torch.Tensor):
        return output
    logits: Tensor = output.logits if hasattr(output, "logits") else output.direction
    return logits


@final
class TorchPredictor:
    """Class probabilities from one torch module: a `Predictor`, and what the training loop needs of it besides.

    Attributes:
        module: the torch module, (n, inputs) float32, or (n, window, inputs), to logits (n, classes) or a named tuple.
        config: the frozen config that built it.
        inputs: width of a row of features.
        classes: number of classes; 3 means 0 SELL, 1 HOLD, 2 BUY.
        schema: hash of the feature columns that the rows must have, or "" where it was built without one.
    """

    def __init__(self, module: nn.Module, config: BaseModel, *, inputs: int, classes: int, schema: str = "") -> None:
        self.module = module
        self.config = config
        self.inputs = inputs
        self.classes = classes
        self.schema = schema

    def __repr__(self) -> str:
        return short(self, f"{self.config!r}, {many(self.inputs, 'input')}")

    @property
    def context(self) -> int:
        """Rows that it sees at once; 1: each row for itself, without a time axis."""
        return int(getattr(self.config, "context", 1))

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what it learns besides the class."""
        return tuple(getattr(self.config, "learned", ()))

    def predict_proba(self, x: NDArray[np.floating] | SeriesWindows) -> NDArray[np.float64]:
        """Returns softmax(logits), rows summing to 1 in float64; of an ensemble the mean of its members'.

        Works in evaluation mode (no dropout) and leaves the module's own mode as it was. The answer for a row
        does not depend on the other rows: a block that is short is filled up, because short matrix products add in
        another order. (On a GPU, and in a net whose products are cut by their height, it may by about 1e-6.)

        Args:
            x: (n, inputs) scaled features, or windows of them (n, window, inputs), oldest row first; computed in
                float32. A row or window with a NaN gives a row of NaN.

        Returns:
            (n, classes) float64.

        Raises:
            RunError: the rows are not ``inputs`` wide, or the windows are of another length.
        """
        return self.predict(x)["probabilities"]

    def predict(self, x: NDArray[np.floating] | SeriesWindows) -> dict[str, NDArray[np.float64]]:
        """Returns all that the model says, by name: ``probabilities`` (n, classes), and its further outputs.

        The further outputs are those that its config's ``outputs`` makes of the module's output, in the unit of the
        targets; see the config's own page. For the rest see `predict_proba`.
        """
        from torch import float64, softmax

        more = getattr(self.config, "outputs", None)

        def by_name(output: Any) -> dict[str, Tensor]:
            probabilities = softmax(logits_of(output).to("cpu", float64), dim=-1)
            values = {"probabilities": probabilities.mean(1) if probabilities.ndim == 3 else probabilities}
            return values | (more(output) if more is not None else {})

        return self._forward(x, self.module, by_name)

    def attention(self, x: NDArray[np.floating] | SeriesWindows) -> dict[str, NDArray[np.float64]]:
        """Returns where the model looked, by name: weights whose last axis is the window's rows and sums to 1.

        Raises:
            RunError: a model without attention; otherwise as `predict_proba`.
        """
        look = getattr(self.module, "with_weights", None)
        if look is None:
            raise RunError("model", "must be one with attention whose weights can be read", self.config)

        def by_name(output: Any) -> dict[str, Tensor]:
            weights = output[1]
            return weights._asdict() if hasattr(weights, "_asdict") else {"attention": weights}

        return self._forward(x, look, by_name)

    def selection(self, x: NDArray[np.floating] | SeriesWindows) -> dict[str, NDArray[np.float64]]:
        """Returns what each input weighed where the model selects its inputs, by name, and where it looked.

        The last axis of each sums to 1; see `regimen.nets.FusionWeights`. Names without inputs are left out.

        Raises:
            RunError: a model that selects no inputs; otherwise as `predict_proba`.
        """
        look = getattr(self.module, "with_selection", None)
        if look is None:
            raise RunError("model", "must be one that weighs its inputs, as a temporal fusion transformer", self.config)

        def by_name(output: Any) -> dict[str, Tensor]:
            return {name: weights for name, weights in output[1]._asdict().items() if weights.shape[-1]}

        return self._forward(x, look, by_name)

    def _forward(
        self,
        x: NDArray[np.floating] | SeriesWindows,
        call: Callable[[Tensor], Any],
        by_name: Callable[[Any], dict[str, Tensor]],
    ) -> dict[str, NDArray[np.float64]]:
        """Calls the module on blocks of rows, in evaluation mode, and joins what ``by_name`` makes of its outputs."""
        import torch

        from regimen.nets import torch_threads

        rows = x if isinstance(x, SeriesWindows) else np.asarray(x, dtype=np.float32)
        if self.context > 1 and (rows.ndim != 3 or rows.shape[1:] != (self.context, self.inputs)):
            raise RunError("features", f"must be windows of {self.context} rows of {self.inputs} columns", rows.shape)
        if rows.ndim < 2 or rows.shape[-1] != self.inputs:
            raise RunError("features", f"must be rows of {self.inputs} columns", rows.shape)
        device = next(self.module.parameters()).device
        step = max(_FEWEST, _ROWS // self.context)
        parts: list[dict[str, NDArray[np.float64]]] = []
        was_training = self.module.training
        self.module.eval()
        try:
            with torch_threads(1), torch.inference_mode():
                for start in range(0, max(len(rows), 1), step):  # no rows: one empty block has the shapes
                    block = np.ascontiguousarray(rows[start : start + step])
                    height = len(block)
                    if height < _SHORTEST:  # filled up, so that a row alone has the bits that it has among others
                        block = np.concatenate([block, np.zeros((_SHORTEST - height, *rows.shape[1:]), np.float32)])
                    output = by_name(call(torch.tensor(block).to(device)))
                    kept = max(height, 1)
                    parts.append({name: part[:kept].to("cpu", torch.float64).numpy() for name, part in output.items()})
        finally:
            self.module.train(was_training)
        return {name: np.concatenate([part[name] for part in parts])[: len(rows)] for name in parts[0]}

    def require_schema(self, schema: str) -> None:
        """Raises `RunError` unless ``schema`` is the hash of this predictor's own feature columns."""
        if self.schema != schema:
            raise RunError(
                "features",
                f"must have the schema {self.schema or '(none)'} that the model was trained on",
                schema,
            )

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns a copy of every weight and buffer by name."""
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in self.module.state_dict().items()}

    def load_state(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Sets every weight and buffer; names and shapes must be exactly those of `state`.

        Raises:
            RunError: a name is missing or unknown, or a shape differs.
        """
        import torch

        self._load({name: torch.from_numpy(np.array(values)) for name, values in state.items()}, "weights")

    def _load(self, tensors: dict[str, Tensor], field: str) -> None:
        own = {name: tuple(tensor.shape) for name, tensor in self.module.state_dict().items()}
        given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        for name in sorted(own.keys() | given.keys()):
            if own.get(name) != given.get(name):
                wanted = own.get(name, "absent")
                raise RunError(f"{field}: {name}", f"must be {wanted} in this model", given.get(name, "absent"))
        self.module.load_state_dict(tensors)

    def save(self, folder: Path | str) -> None:
        """Writes ``weights.safetensors`` and then ``predictor.json`` (config, widths, schema) into a folder.

        Raises:
            RunError: the folder cannot be written to.
        """
        folder = Path(folder)
        # The widths go into both files, so that files of two different models are never read as one.
        about = {"inputs": self.inputs, "classes": self.classes, "schema": self.schema}
        write_tensors(folder / WEIGHTS, dict(self.module.state_dict()), about)
        document = {"config": self.config.model_dump(mode="json", by_alias=True), **about}
        text = json.dumps(document, indent=2, sort_keys=True) + "\n"
        write_bytes(folder / DOCUMENT, text.encode())

    @classmethod
    def load(cls, folder: Path | str, *, schema: str | None = None, source: str | None = None) -> TorchPredictor:
        """Reads what `save` wrote.

        Args:
            folder: where the two files are.
            schema: hash of the features that will be served; checked when given.
            source: of a module of one's own: where it is now; None: where it was, counted from the current folder.

        Raises:
            RunError: a file is missing or damaged, the two do not belong together, or the schema differs.
        """
        from pydantic import TypeAdapter, ValidationError

        from regimen.predictors import PredictorConfig

        folder = Path(folder)
        path = folder / DOCUMENT
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            own = {} if source is None else {"source": source}
            config = TypeAdapter[PredictorConfig](PredictorConfig).validate_python(document.pop("config") | own)
            inputs, classes, built_for = document["inputs"], document["classes"], document["schema"]
        except FileNotFoundError:
            raise RunError(str(path), "must exist") from None
        except OSError as error:
            raise RunError(str(path), f"must be readable ({error.strerror or error})") from None
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError):
            raise RunError(str(path), "must be a predictor's description as Regimen writes it") from None
        tensors, about = read_tensors(folder / WEIGHTS)
        if about != document:
            raise RunError(str(folder / WEIGHTS), f"must belong to {DOCUMENT} beside it", about)
        predictor = config.build(inputs=inputs, classes=classes, schema=built_for)
        if schema is not None:
            predictor.require_schema(schema)
        predictor._load(tensors, str(folder / WEIGHTS))
        return predictor
