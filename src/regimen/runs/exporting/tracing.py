"""A decision as ONNX: one graph, no file beside it, no operator of anybody's own, for any number of rows."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, final

import torch
from torch import Tensor, nn

from regimen.errors import ConfigError
from regimen.runs.exporting.decision import Decision, NotExportable

OPSET = 20
_ROWS = 3
"""Rows of the example that is traced: with one, a batch of one may become a constant of the graph."""


def traced(decision: Decision) -> bytes:
    """Returns the graph of a decision as an ONNX file.

    Inputs: ``row`` (n, width) and, of a decision with a memory, ``state`` (n, memory). Outputs: ``exposure`` (n,),
    ``confidence`` (n,), ``details`` (n, k) and, with a memory, ``state_out`` (n, memory). All are float64.

    Raises:
        ConfigError: libraries that are needed are not installed.
        NotExportable: the module does something that cannot be traced; the message says what.
    """
    for name in ("onnx", "onnxscript"):
        if find_spec(name) is None:
            raise ConfigError("export", f"needs {name}, which is not installed: pip install 'regimen[serve]'")
    row = torch.zeros(_ROWS, decision.width, dtype=torch.float64)
    module: nn.Module = _Stateful(decision) if decision.memory else _Stateless(decision)
    example = (row, torch.zeros(_ROWS, decision.memory, dtype=torch.float64)) if decision.memory else (row,)
    names = ["exposure", "confidence", "details", *(["state_out"] if decision.memory else [])]
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module.eval(),
                example,
                input_names=["row", "state"][: len(example)],
                output_names=names,
                dynamic_shapes=tuple({0: torch.export.Dim.DYNAMIC} for _ in example),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise NotExportable("export", f"the model is computed by no graph; the tracer says: {reason}") from error
    assert program is not None
    return _bare(program.model_proto)


def _bare(model: Any) -> bytes:
    """Returns a graph's bytes without the notes of its tracer, which name files of the machine that it ran on."""
    graph = model.graph
    del model.metadata_props[:], graph.metadata_props[:]
    parts = (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""
    graph.doc_string = model.doc_string = ""
    return bytes(model.SerializeToString(deterministic=True))


@final
class _Stateful(nn.Module):
    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self.decision = decision

    def forward(self, row: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        exposure, confidence, after, details = self.decision(row, state)
        return exposure, confidence, details, after


@final
class _Stateless(nn.Module):
    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self.decision = decision

    def forward(self, row: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        exposure, confidence, _, details = self.decision(row, row[:, :0])
        return exposure, confidence, details


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps to itself what the tracer and its libraries say of their own insides."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(before)
