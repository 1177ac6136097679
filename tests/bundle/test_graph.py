"""Graphs that are no decisions are refused, wherever what is strange about them is hidden."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from regimen.bundle import Graph
from regimen.bundle.graph import require_plain
from regimen.errors import RunError

DOUBLE = onnx.TensorProto.DOUBLE


def _model(
    names: tuple[str, ...] = ("exposure", "confidence", "details"), inputs: tuple[str, ...] = ("row",)
) -> onnx.ModelProto:
    nodes = [helper.make_node("Identity", ["row"], [name]) for name in names]
    graph = helper.make_graph(
        nodes,
        "decision",
        [helper.make_tensor_value_info(name, DOUBLE, ["n", 2]) for name in inputs],
        [helper.make_tensor_value_info(name, DOUBLE, ["n", 2]) for name in names],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_a_graph_answers() -> None:
    graph = Graph(_model().SerializeToString())
    assert (graph.width, graph.memory, graph.details) == (2, 0, 2)
    exposure, _, state, details = graph(np.ones((3, 2)), np.empty((3, 0)))
    np.testing.assert_array_equal(details, np.ones((3, 2)))
    assert exposure.dtype == np.float64
    assert state.shape == (3, 0)
    with pytest.raises(RunError, match=r"decision.onnx: must run"):
        graph(np.ones((3, 5)), np.empty((3, 0)))


@pytest.mark.parametrize(
    "model",
    [
        _model(("exposure",)),
        _model(("exposure", "confidence", "details", "more")),
        _model(inputs=("row", "state")),
        _model(inputs=("row", "seed")),
    ],
)
def test_other_inputs_and_outputs_are_refused(model: onnx.ModelProto) -> None:
    with pytest.raises(RunError, match="must have the inputs and outputs of a decision"):
        Graph(model.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x08"])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(RunError, match="must "):
        Graph(content)


def test_an_operator_inside_of_a_branch_is_seen() -> None:
    inner = helper.make_graph([helper.make_node("Evil", [], ["x"], domain="com.evil")], "inner", [], [])
    model = _model()
    model.graph.node.append(helper.make_node("If", ["row"], ["y"], then_branch=inner, else_branch=inner))
    with pytest.raises(RunError, match=r"ONNX's own operators; got 'com.evil'"):
        require_plain(model.SerializeToString(), "decision.onnx")


def test_a_number_in_another_file_is_seen_in_an_attribute() -> None:
    tensor = helper.make_tensor("value", DOUBLE, [1], [1.0])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    model = _model()
    model.graph.node.append(helper.make_node("Constant", [], ["y"], value=tensor))
    with pytest.raises(RunError, match="must hold its own numbers"):
        require_plain(model.SerializeToString(), "decision.onnx")


def test_an_operator_set_that_nobody_uses_is_refused_too() -> None:
    model = _model()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    with pytest.raises(RunError, match=r"got 'com.microsoft'"):
        require_plain(model.SerializeToString(), "decision.onnx")
