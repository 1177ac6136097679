"""Classifiers as a graph: scaler, window, network, calibration, blend and the plain exposure rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen.labels import CLASSES
from regimen.metrics import PROBABILITY_FLOOR
from regimen.policies import (
    BUY,
    FLAT_VOLATILITY,
    SELL,
    CalibratedClassifier,
    Calibration,
    Classifier,
    ClassifierPolicy,
    ExposureConfig,
)
from regimen.policies.calibration import IsotonicCalibration, TemperatureScaling, VectorScaling
from regimen.policies.ensemble import Average, Blend, CalibratedBlend, Committee, Stacker
from regimen.predictors import SnapshotPredictor, TorchPredictor, logits_of
from regimen.preprocess import StandardScaler
from regimen.runs.exporting.decision import Answer, Decision, certainty, not_exportable

_STEEP, _BLUR = 10.0, 1e-6
"""Slope of a curve from which on what it says is blurred by more than what it is given is, and by how much that is."""


@final
class ClassifierDecision(Decision):
    """One classifier, or a committee of several, and its exposure rule.

    A row is the feature row as it is, and the volatility behind it where the rule aims at one. The state is that of the
    policy, column by column: of each member of windows the number of rows seen, and the earlier rows, scaled.

    Args:
        policy: whose exposures are to be computed.

    Raises:
        RunError: a part that no graph computes.
    """

    contexts: Tensor

    def __init__(self, policy: ClassifierPolicy | Committee) -> None:
        super().__init__()
        members = _classifiers(policy)
        self.members = nn.ModuleList(_Member(member) for member in members)
        self.blend = _blend(policy.blend) if isinstance(policy, Committee) else None
        self.size = _Lean(policy.rule) if isinstance(policy.rule, ExposureConfig) else None
        self.rule = None if self.size is not None else policy.rule
        self.inputs, self.width = policy.schema.inputs, policy.schema.width
        edges = np.cumsum([0, *(member.initial_state(1).shape[1] for member in members)]).tolist()
        self.columns, self.memory = list(pairwise(edges)), edges[-1]
        sequences = [(first, member.classifier.context) for first, member in zip(edges, members, strict=False)]
        self.counts = [first for first, context in sequences if context > 1]
        contexts = [float(context) for _, context in sequences if context > 1]
        self.register_buffer("contexts", torch.tensor(contexts, dtype=torch.float64))
        self.details = tuple(f"probability {name}" for name in CLASSES)

    def forward(self, row: Tensor, state: Tensor) -> Answer:
        """Returns the answer for rows (n, width) and states (n, memory)."""
        features = row[:, : self.inputs]
        opinions, memories = [], []
        for member, (first, last) in zip(self.members, self.columns, strict=True):
            opinion, memory = member(features, state[:, first:last])
            opinions.append(opinion)
            memories.append(memory)
        chances = opinions[0] if self.blend is None else self.blend(opinions)
        sure = certainty(chances)
        if self.size is None:
            exposure = torch.full_like(sure, math.nan)
        else:
            exposure = self.size(chances, row[:, self.inputs] if self.width > self.inputs else None)
        if not self.memory:
            return exposure, sure, state, chances
        after = torch.cat(memories, 1)
        whole = (after[:, self.counts] >= self.contexts).all(1)
        exposure = torch.where(whole, exposure, 0.0) if self.size is not None else exposure
        return exposure, torch.where(whole, sure, math.nan), after, torch.where(whole[:, None], chances, math.nan)

    def gap(self, row: Tensor, state: Tensor, details: Tensor) -> Tensor:
        """Returns how near (n,) p_buy − p_sell is to the dead band's edge, where exposures jump; 0 on a steep curve."""
        gap = super().gap(row, state, details)
        if self.size is not None:
            lean = (details[:, BUY] - details[:, SELL]).abs()
            gap = (lean - self.size.config.dead_band).abs().nan_to_num(math.inf)
        given: list[tuple[_Curves, Tensor]] = []
        curves = [module for module in self.modules() if isinstance(module, _Curves)]
        hooks = [each.register_forward_pre_hook(lambda own, parts: given.append((own, parts[0]))) for each in curves]
        if hooks:
            self(row, state)
        for hook in hooks:
            hook.remove()
        for own, chances in given:
            gap = torch.where(own.steep(chances), 0.0, gap)
        return gap


def _classifiers(policy: ClassifierPolicy | Committee) -> list[ClassifierPolicy]:
    members = []
    for member in policy.members if isinstance(policy, Committee) else (policy,):
        if not isinstance(member, ClassifierPolicy):
            raise not_exportable(member)
        members.append(member)
    return members


@final
class _Member(nn.Module):
    """``row -> scaler -> window -> network -> calibration``: probabilities (n, 3), of a window that may not be full."""

    mean: Tensor
    scale: Tensor

    def __init__(self, policy: ClassifierPolicy) -> None:
        super().__init__()
        self.inputs, self.context = policy.classifier.inputs, policy.classifier.context
        scaler = policy.scaler
        self.clip = None
        self.scaled = scaler is not None
        if scaler is not None:
            if not isinstance(scaler, StandardScaler):
                raise not_exportable(scaler)
            self.clip = scaler.clip
            for name in ("mean", "scale"):
                self.register_buffer(name, torch.tensor(getattr(scaler, name)))
        self.speaker = _speaker(policy.classifier)

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        x = (features - self.mean) / self.scale if self.scaled else features
        if self.clip is not None:
            x = x.clamp(-self.clip, self.clip)
        if self.context == 1:
            return self.speaker(x.float()), state
        older = self.context - 1
        window = torch.cat([state[:, 1:].reshape(-1, older, self.inputs), x[:, None]], 1)
        seen = state[:, :1] + 1.0
        after = torch.cat([seen, window[:, 1:].reshape(-1, older * self.inputs)], 1)
        return self.speaker(window.float()), after


def _speaker(classifier: Classifier) -> nn.Module:
    """Returns a module that gives probabilities (n, 3) float64 of scaled rows, or windows of them, in float32."""
    if isinstance(classifier, CalibratedClassifier):
        return nn.Sequential(_speaker(classifier.below), _calibration(classifier.calibration))
    if isinstance(classifier, SnapshotPredictor):
        return _Mean([_speaker(each) for each in classifier.predictors])
    if isinstance(classifier, TorchPredictor):
        return _Softmax(classifier.module)
    raise not_exportable(classifier)


@final
class _Softmax(nn.Module):
    """Probabilities of a network's logits, of a deep ensemble the mean of its members'."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        chances = torch.softmax(logits_of(self.net(x)).double(), dim=-1)
        return chances.mean(1) if chances.ndim == 3 else chances


@final
class _Mean(nn.Module):
    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return _average([part(x) for part in self.parts])


def _average(opinions: Sequence[Tensor]) -> Tensor:
    total = opinions[0]
    for each in opinions[1:]:
        total = total + each
    return total / float(len(opinions))


def _calibration(calibration: Calibration) -> nn.Module:
    if isinstance(calibration, TemperatureScaling):
        return _Scaled(np.full(3, 1.0 / calibration.temperature), np.zeros(3))
    if isinstance(calibration, VectorScaling):
        return _Scaled(calibration.scale, calibration.bias)
    if isinstance(calibration, IsotonicCalibration):
        return _Curves(calibration)
    raise not_exportable(calibration)


@final
class _Scaled(nn.Module):
    """``softmax(s ln p + b)``; p counts as at least 1e-9."""

    factor: Tensor
    bias: Tensor

    def __init__(self, factor: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor))
        self.register_buffer("bias", torch.tensor(bias))
        self.alike, self.biased = bool(np.ptp(factor) == 0.0), bool(np.any(bias))

    def forward(self, chances: Tensor) -> Tensor:
        logs = chances.clamp(min=PROBABILITY_FLOOR).log()
        scores = (logs if self.alike else logs - logs.amax(1, keepdim=True)) * self.factor
        return torch.softmax(scores + self.bias if self.biased else scores, dim=-1)


@final
class _Curves(nn.Module):
    """Three piecewise linear curves, then a sum of 1: ``f(x) = v_0 + Σ_i (v_{i+1} − v_i) clamp((x − k_i) / w_i)``."""

    def __init__(self, calibration: IsotonicCalibration) -> None:
        super().__init__()
        self.floor = calibration.floor
        for k, (knots, values) in enumerate(zip(calibration.knots, calibration.values, strict=True)):
            curve = {"first": values[:1], "knots": knots[:-1], "widths": np.diff(knots), "rises": np.diff(values)}
            for name, numbers in curve.items():
                self.register_buffer(f"{name}_{k}", torch.tensor(numbers))

    def _curve(self, k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        first, knots, widths, rises = (getattr(self, f"{name}_{k}") for name in ("first", "knots", "widths", "rises"))
        return first, knots, widths, rises

    def steep(self, chances: Tensor) -> Tensor:
        """Returns where (n,) a probability is on a piece of a curve so steep that it is known to few digits after."""
        steep = torch.zeros(len(chances), dtype=torch.bool)
        for k in range(len(CLASSES)):
            _, knots, widths, rises = self._curve(k)
            p = chances[:, k : k + 1]
            inside = (p >= knots - _BLUR) & (p <= knots + widths + _BLUR) & (rises > _STEEP * widths)
            steep |= inside.any(1)
        return steep

    def forward(self, chances: Tensor) -> Tensor:
        parts = []
        for k in range(len(CLASSES)):
            first, knots, widths, rises = self._curve(k)
            share = ((chances[:, k : k + 1] - knots) / widths).clamp(0.0, 1.0)
            parts.append((first + (share * rises).sum(1)).clamp(min=self.floor))
        values = torch.stack(parts, 1)
        return values / values.sum(1, keepdim=True)


def _blend(blend: Blend) -> nn.Module:
    if isinstance(blend, CalibratedBlend):
        return nn.Sequential(_blend(blend.below), _calibration(blend.calibration))
    if isinstance(blend, Stacker):
        return _Pool(blend)
    if isinstance(blend, Average):
        return _Together()
    raise not_exportable(blend)


@final
class _Together(nn.Module):
    def forward(self, opinions: list[Tensor]) -> Tensor:
        return _average(opinions)


@final
class _Pool(nn.Module):
    """``p ∝ exp(b + Σ_k w_k (log p_k − its mean))``, p_k the mean of a member's seeds, at least 1e-9."""

    bias: Tensor

    def __init__(self, stacker: Stacker) -> None:
        super().__init__()
        self.groups, self.weights = stacker.groups, [float(weight) for weight in stacker.weights]
        self.register_buffer("bias", torch.tensor(stacker.bias))

    def forward(self, opinions: list[Tensor]) -> Tensor:
        scores = self.bias
        for member, weight in enumerate(self.weights):
            own = [each for each, group in zip(opinions, self.groups, strict=True) if group == member]
            logs = _average(own).clamp(min=PROBABILITY_FLOOR).log()
            scores = scores + weight * (logs - logs.mean(1, keepdim=True))
        return torch.softmax(scores, dim=-1)


@final
class _Lean(nn.Module):
    """The plain exposure rule, see `regimen.policies.lean`."""

    side: Tensor

    def __init__(self, config: ExposureConfig) -> None:
        super().__init__()
        self.config = config
        side = torch.zeros(len(CLASSES), dtype=torch.float64)
        side[BUY], side[SELL] = 1.0, -1.0
        self.register_buffer("side", side)

    def forward(self, chances: Tensor, volatility: Tensor | None) -> Tensor:
        rule = self.config
        raw = (chances * self.side).sum(1)  # of three numbers, one of them 0: the bits of their difference
        size = torch.where(raw.abs() >= rule.dead_band, raw, 0.0) * rule.scale
        if rule.volatility_target is not None and volatility is not None:
            size = torch.where(volatility > FLAT_VOLATILITY, size * (rule.volatility_target / volatility), 0.0)
        return size.clamp(0.0 if rule.long_only else -rule.max_exposure, rule.max_exposure)
