"""A decision's graph: refused unless it is plain ONNX in one file, then run by ONNX Runtime on one thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, RunError
from regimen.reprs import short

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float64]
Answers = tuple[Floats, Floats, Floats, Floats]
"""Exposure (n,), confidence (n,), state after the bar (n, memory) and details (n, k)."""
_PLAIN = ("", "ai.onnx", "ai.onnx.ml")
"""Domains of operators that are ONNX's own."""


class Asked(Protocol):
    """What answers rows and states: a `Graph`, or whoever stands in its place.

    Attributes:
        name: of its file.
        width: columns of a row.
        memory: columns of a state.
        details: columns of the details.
    """

    name: str
    width: int
    memory: int
    details: int

    def __call__(self, rows: Floats, state: Floats) -> Answers:
        """Returns the answers for rows (n, width) and states (n, memory), float64."""


_FEW = 64
"""Most symbols whose arrays are kept from one call to the next."""


class _Bound(NamedTuple):
    binding: Any
    row: Floats
    state: Floats | None
    exposure: Floats
    confidence: Floats
    details: Floats
    following: Floats | None


@final
class Graph:
    """``(row, state) -> (exposure, confidence, state, details)`` for n symbols, float64 in and out.

    Args:
        content: of the ONNX file.
        name: that errors call it by.

    Attributes:
        width: columns of a row.
        memory: columns of a state; 0: it has none.
        details: columns of the details.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        RunError: external data, operators that are not ONNX's own, other inputs or outputs, or no graph at all.
    """

    def __init__(self, content: bytes, name: str = "decision.onnx") -> None:
        self.name = name
        require_plain(content, name)
        self._session = _session(content, name)
        inputs = {each.name: each.shape for each in self._session.get_inputs()}
        outputs = {each.name: each.shape for each in self._session.get_outputs()}
        names = {"exposure", "confidence", "details", *(("state_out",) if "state" in inputs else ())}
        if "row" not in inputs or inputs.keys() - {"row", "state"} or outputs.keys() != names:
            raise RunError(name, "must have the inputs and outputs of a decision", [*inputs, *outputs])
        self.width = int(inputs["row"][1])
        self.memory = int(inputs["state"][1]) if "state" in inputs else 0
        self.details = int(outputs["details"][1])
        self._own = threading.local()  # the graph writes where the calling thread reads
        self._outputs = ["exposure", "confidence", "details", *(["state_out"] if self.memory else [])]
        self._shapes = {name: tuple([int(width) for width in outputs[name][1:]]) for name in self._outputs}

    def __repr__(self) -> str:
        return short(self, f"{self.name}: {self.width} columns, {self.memory} remembered")

    def __call__(self, rows: Floats, state: Floats) -> Answers:
        """Returns the answers for rows (n, width) and states (n, memory), float64.

        Raises:
            RunError: the graph fails.
        """
        try:
            own = self._own.bound.get(len(rows)) or self._kept(len(rows))
        except AttributeError:  # the first call of this thread
            self._own.bound = {}
            own = self._kept(len(rows))
        try:
            own.row[...] = rows if rows.shape == own.row.shape else _refused(rows.shape, own.row.shape)
            if own.state is not None:
                own.state[...] = state if state.shape == own.state.shape else _refused(state.shape, own.state.shape)
            self._session.run_with_iobinding(own.binding)
        except Exception as error:  # noqa: BLE001 (each of its errors means the same here)
            raise RunError(self.name, f"must run ({str(error).strip().splitlines()[0]})") from None
        exposure, confidence, details = own.exposure.copy(), own.confidence.copy(), own.details.copy()
        return exposure, confidence, state if own.following is None else own.following.copy(), details

    def _kept(self, count: int) -> _Bound:
        """Returns what is bound for so many symbols, and keeps it for the calling thread where they are few."""
        own = self._bound(count)
        if count <= _FEW:
            self._own.bound[count] = own
        return own

    def _bound(self, count: int) -> _Bound:
        """Returns arrays that the graph reads and writes where they are, for so many symbols."""
        binding = self._session.io_binding()
        widths = {"row": self.width, "state": self.memory} if self.memory else {"row": self.width}
        inputs: dict[str, Floats] = {name: np.empty((count, width)) for name, width in widths.items()}
        outputs: dict[str, Floats] = {name: np.empty((count, *self._shapes[name])) for name in self._outputs}
        for name, array in inputs.items():
            binding.bind_input(name, "cpu", 0, np.float64, array.shape, array.ctypes.data)
        for name, array in outputs.items():
            binding.bind_output(name, "cpu", 0, np.float64, array.shape, array.ctypes.data)
        written = outputs["exposure"], outputs["confidence"], outputs["details"], outputs.get("state_out")
        return _Bound(binding, inputs["row"], inputs.get("state"), *written)


def _refused(shape: tuple[int, ...], expected: tuple[int, ...]) -> Floats:
    raise ValueError(f"an input of the shape {shape} where {expected} is expected")


def require_plain(content: bytes, name: str) -> None:
    """Raises `RunError` unless a file is one ONNX graph that needs no other file and no operator of anybody's own."""
    onnx = _library("onnx")
    try:
        model = onnx.load_from_string(content)
    except Exception:  # noqa: BLE001 (whatever protobuf says of bytes that are no graph)
        raise RunError(name, "must be an ONNX graph") from None
    domains = {each.domain for each in model.opset_import} | {each.domain for each in _nodes(model.graph)}
    domains |= {each.domain for function in model.functions for each in function.node}
    if strange := sorted(domains - set(_PLAIN)):
        raise RunError(name, "must be of ONNX's own operators", strange[0])
    if any(tensor.external_data or tensor.data_location for tensor in _tensors(model)):
        raise RunError(name, "must hold its own numbers, and not refer to another file")


def _nodes(graph: Any) -> list[Any]:
    """Returns all nodes of a graph, those of the graphs inside of them too."""
    nodes = list(graph.node)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                nodes += _nodes(inner)
    return nodes


def _tensors(model: Any) -> list[Any]:
    nodes = _nodes(model.graph) + [node for function in model.functions for node in function.node]
    graphs = [model.graph, *(inner for node in nodes for a in node.attribute for inner in (a.g, *a.graphs))]
    stored = [tensor for graph in graphs for tensor in graph.initializer]
    sparse = [part for graph in graphs for each in graph.sparse_initializer for part in (each.values, each.indices)]
    return stored + sparse + [tensor for node in nodes for a in node.attribute for tensor in (a.t, *a.tensors)]


def _session(content: bytes, name: str) -> onnxruntime.InferenceSession:
    runtime = _library("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the same bits, and none waits for another
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001
        raise RunError(name, f"must be a graph that runs ({str(error).strip().splitlines()[0]})") from None


def _library(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise ConfigError("bundle", f"needs {name}, which is not installed: pip install 'regimen[serve]'") from None
