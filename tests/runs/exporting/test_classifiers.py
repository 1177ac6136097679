"""`ClassifierDecision` computes what `ClassifierPolicy` and `Committee` do, and the graph that is traced of it too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.execution import Moment
from regimen.policies import (
    CalibratedClassifier,
    Calibration,
    Classifier,
    ClassifierPolicy,
    Constant,
    ExposureConfig,
    FractionalKellyConfig,
    KellyRule,
)
from regimen.policies.calibration import IsotonicCalibration, TemperatureScaling, VectorScaling
from regimen.policies.ensemble import CalibratedBlend, Committee, Stacker
from regimen.predictors import (
    BaselineConfig,
    CNNConfig,
    HybridConfig,
    LogisticConfig,
    LSTMConfig,
    MultiTaskConfig,
    PredictorConfig,
    SnapshotPredictor,
    TFTConfig,
    TorchPredictor,
)
from regimen.predictors.multitask import LSTMEncoderConfig
from regimen.preprocess import StandardScaler
from regimen.runs.exporting.decision import Decision, decision_of
from regimen.runs.exporting.tracing import traced

Floats = NDArray[np.float64]
INPUTS, BARS = 5, 24
RULE = ExposureConfig(dead_band=0.02, scale=3.0, volatility_target=0.4, max_exposure=0.8)
TINY = {"context": 6, "width": 8, "heads": 2}
NETS: dict[str, PredictorConfig] = {
    "baseline": BaselineConfig(hidden=(8,)),
    "logistic": LogisticConfig(zero_start=False),
    "cnn": CNNConfig(**TINY, kernels=(3,), dilations=(1,)),
    "lstm": LSTMConfig(**TINY),
    "lstm, both ways": LSTMConfig(**TINY, bidirectional=True, normalise="revin"),
    "hybrid": HybridConfig(**TINY, kernels=(3,), dilations=(1,)),
    "hybrids": HybridConfig(**TINY, kernels=(3,), dilations=(1,), members=2, normalise="revin"),
    "multitask": MultiTaskConfig(context=6, encoder=LSTMEncoderConfig(width=8), heads=2, hidden=8),
    "tft": TFTConfig(context=6, horizons=(1,), width=8, heads=2),
}
ISOTONIC = IsotonicCalibration(
    [np.array([0.1, 0.3, 0.6]), np.array([0.2, 0.5]), np.array([0.3])],
    [np.array([0.05, 0.3, 0.8]), np.array([0.2, 0.6]), np.array([0.4])],
    0.01,
)


def _scaler() -> StandardScaler:
    names = tuple(f"x{k}" for k in range(INPUTS))
    return StandardScaler(names, np.linspace(-1.0, 1.0, INPUTS), np.linspace(0.5, 2.0, INPUTS), (0, 10), 1.5)


def _net(config: PredictorConfig, seed: int = 0) -> TorchPredictor:
    """Returns a net with large weights, so that it says something of every row."""
    net = config.build(inputs=INPUTS, seed=seed, schema="")
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in net.module.parameters():
            values.copy_(0.5 * torch.randn(values.shape, generator=random))
    return net


def _policy(classifier: Classifier) -> ClassifierPolicy:
    return ClassifierPolicy(classifier, RULE, _scaler())


def _committee(rule: ExposureConfig | KellyRule = RULE) -> Committee:
    nets = [_net(NETS["baseline"]), _net(NETS["lstm"], 1), _net(NETS["logistic"], 2)]
    members = [ClassifierPolicy(net, RULE, _scaler()) for net in nets]
    stack = Stacker(np.array([0.7, 0.6]), np.array([0.1, 0.0, -0.2]), groups=(0, 1, 0))
    return Committee(members, rule, CalibratedBlend(stack, TemperatureScaling(0.7)))


def _moments(symbols: int = 3) -> list[Moment]:
    rng = np.random.default_rng(7)
    features, risk = rng.normal(size=(BARS, symbols, INPUTS)), rng.uniform(0.1, 0.9, (BARS, symbols))
    risk[5] = 0.0  # a price that does not move
    there = np.ones(symbols, np.bool_)
    return [Moment(None, row, there, there, each) for row, each in zip(features, risk, strict=True)]  # type: ignore[arg-type]


def _same(policy: ClassifierPolicy | Committee, ask: Callable[[Floats, Floats], tuple[Floats, ...]]) -> None:
    """Asserts that a decision answers as a policy at every bar, from its own state, and is sometimes in the market."""
    symbols, traded = 3, 0
    mine, other = policy.initial_state(symbols), policy.initial_state(symbols)
    for moment in _moments(symbols):
        assert moment.volatility is not None
        rows = np.concatenate([moment.features, moment.volatility[:, None]], axis=1)
        opinion = policy.opinion(moment, mine)
        exposures, mine = policy.act(moment, mine)
        exposure, confidence, other, details = ask(rows, other)
        np.testing.assert_allclose(details, opinion.probabilities, atol=1e-5)
        np.testing.assert_allclose(other, mine, atol=1e-12)
        p = opinion.probabilities
        np.testing.assert_allclose(confidence, 1.0 + (p * np.log(p)).sum(1) / np.log(3.0), atol=1e-5)
        if isinstance(policy.rule, ExposureConfig):
            np.testing.assert_allclose(exposure, exposures, atol=1e-5)
        traded += int((exposures != 0.0).sum())
    assert traded > BARS


def _eager(decision: Decision) -> Callable[[Floats, Floats], tuple[Floats, ...]]:
    def ask(rows: Floats, state: Floats) -> tuple[Floats, ...]:
        with torch.inference_mode():
            return tuple(part.numpy() for part in decision(torch.tensor(rows), torch.tensor(state)))

    return ask


def _graph(decision: Decision) -> Callable[[Floats, Floats], tuple[Floats, ...]]:
    session = onnxruntime.InferenceSession(traced(decision), providers=["CPUExecutionProvider"])
    inputs = [each.name for each in session.get_inputs()]

    def ask(rows: Floats, state: Floats) -> tuple[Floats, ...]:
        fed = {"row": rows, "state": state}
        answers = session.run(None, {name: fed[name] for name in inputs})
        exposure, confidence, details = answers[:3]
        return exposure, confidence, answers[3] if len(answers) == 4 else state, details

    return ask


@pytest.mark.parametrize("kind", NETS)
def test_a_net_of_every_kind_decides_as_its_policy(kind: str) -> None:
    policy = _policy(_net(NETS[kind]))
    _same(policy, _eager(decision_of(policy)))


@pytest.mark.parametrize(
    "calibration",
    [TemperatureScaling(0.6), VectorScaling(np.array([1.4, 0.7, 1.1]), np.array([0.1, -0.2, 0.0])), ISOTONIC],
)
def test_calibrations(calibration: Calibration) -> None:
    policy = _policy(CalibratedClassifier(_net(NETS["baseline"]), calibration))
    _same(policy, _eager(decision_of(policy)))


def test_the_mean_of_several_epochs() -> None:
    policy = _policy(SnapshotPredictor([_net(NETS["baseline"], seed) for seed in range(3)]))
    _same(policy, _eager(decision_of(policy)))


def test_a_committee_with_a_stack() -> None:
    policy = _committee()
    _same(policy, _eager(decision_of(policy)))


@pytest.mark.slow
@pytest.mark.parametrize("symbols", [1, 2, 37])
def test_a_committee_traced(symbols: int, graph: Callable[[Floats, Floats], tuple[Floats, ...]]) -> None:
    policy = _committee()
    _same(policy, graph)
    rng = np.random.default_rng(symbols)
    rows, state = (
        np.abs(rng.normal(size=(symbols, INPUTS + 1))),
        rng.normal(size=(symbols, policy.initial_state(1).shape[1])),
    )
    state[:, 0] = rng.integers(0, 9, symbols)
    for ours, theirs in zip(graph(rows, state), _eager(decision_of(policy))(rows, state), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.fixture(scope="module")
def graph() -> Callable[[Floats, Floats], tuple[Floats, ...]]:
    return _graph(decision_of(_committee()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETS)
def test_a_net_of_every_kind_traced(kind: str) -> None:
    policy = _policy(_net(NETS[kind]))
    _same(policy, _graph(decision_of(policy)))


def test_what_a_rule_outside_of_the_graph_gets() -> None:
    kelly = KellyRule(FractionalKellyConfig(shrink=False), np.array([-0.01, 0.0, 0.01]), np.full(3, 0.02))
    policy = ClassifierPolicy(_net(NETS["baseline"]), kelly, _scaler())
    decision = decision_of(policy)
    assert decision.rule is kelly
    with torch.inference_mode():
        exposure, _, _, details = decision(torch.zeros(2, INPUTS, dtype=torch.float64), torch.zeros(2, 0))
    assert exposure.isnan().all()
    assert details.isfinite().all()


def test_a_graph_is_one_file_of_the_standard_and_says_nothing_of_the_machine() -> None:
    content = traced(decision_of(_policy(_net(NETS["logistic"]))))
    model = onnx.load_from_string(content)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 20)]
    assert {node.domain for node in model.graph.node} == {""}
    assert not any(each.external_data for each in model.graph.initializer)
    assert b".py" not in content
    assert traced(decision_of(_policy(_net(NETS["logistic"])))) == content


def test_what_no_graph_computes_is_named() -> None:
    with pytest.raises(RunError, match="Constant is computed by no graph"):
        decision_of(Constant(0.5))
    with pytest.raises(RunError, match="Constant is computed by no graph"):
        decision_of(Committee([Constant(0.5)], RULE))  # type: ignore[list-item]


def test_a_steep_curve_blurs_what_it_says() -> None:
    curves = IsotonicCalibration(
        [np.array([0.2, 0.3, 0.3 + 1e-7, 0.9])] * 3, [np.array([0.1, 0.2, 0.4, 0.5])] * 3, 0.01
    )
    policy = _policy(CalibratedClassifier(_net(NETS["baseline"]), curves))
    decision = decision_of(policy)
    given = torch.tensor([[0.3, 0.35, 0.35], [0.25, 0.35, 0.4]], dtype=torch.float64)
    steep = next(module for module in decision.modules() if hasattr(module, "steep"))
    assert steep.steep(given).tolist() == [True, False]
    rows = torch.zeros(2, INPUTS + 1, dtype=torch.float64)
    with torch.inference_mode():
        details = decision(rows, rows[:, :0])[3]
        gap = decision.gap(rows, rows[:, :0], details)
    assert gap.shape == (2,)
    assert (gap > 0.0).all()
