"""A perceptron adapted to many tasks in one compiled call: every step of every task, and the gradient at its end."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit_loose

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Number = Any
"""A float32, which is a float in Python and none of its types."""

LINEAR, NORM, RELU, GELU, SILU, TANH = range(6)
"""Kinds of layers."""

_ZERO, _ONE, _HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)
_ROOT_HALF, _ROOT_TAU = np.float32(math.sqrt(0.5)), np.float32(1.0 / math.sqrt(2.0 * math.pi))
_TINY = np.finfo(np.float32).tiny


class Layers(NamedTuple):
    """A chain of layers, and where in one flat vector their parameters lie.

    Attributes:
        kinds: (layer,).
        widths: (layer + 1,) numbers in a row before each layer, and after the last one.
        weights: (layer,) where the weights (out, in) of a linear layer or the gains of a norm begin; −1: none.
        biases: (layer,) the same of the biases.
        adapts: (layer,) whether a layer's parameters are adapted.
        epsilons: (layer,) what a norm adds to the variance.
    """

    kinds: Integers
    widths: Integers
    weights: Integers
    biases: Integers
    adapts: NDArray[np.bool_]
    epsilons: Floats


@jit_loose
def meta_gradient(
    layers: Layers,
    start: Floats,
    x: Floats,
    y: Integers,
    weights: Floats,
    class_weights: Floats,
    smoothing: float,
    shots: int,
    steps: int,
    rate: float,
    slopes: Floats,
) -> float:
    """Returns the mean loss of the queries after adapting to the supports; ``slopes`` becomes its first-order gradient.

    Each task for itself: what it works on stays in the cache of one core. Of a first layer that is linear the adapted
    weights are never made. After the gradients δ by what it gave to the support X they are W − α Σ δᵀX, so what it
    gives to any rows is what W gives, less α (rows Xᵀ + 1) Σ δ. All but Σ δ is known before the first step, and with
    fewer rows than inputs that is less to multiply.

    Args:
        layers: the chain.
        start: (parameters,) before the adaptation.
        x: (task, row, input).
        y: (task, row) classes.
        weights: (task, row).
        class_weights: (classes,).
        smoothing: share of each row's class that is spread evenly.
        shots: rows of the support; all later ones are the query.
        steps, rate: of the adaptation.
        slopes: (parameters,) of the mean loss by the adapted parameters, the mean over tasks.

    Raises:
        ValueError: a class that the last layer has no number for.
    """
    tasks, rows = y.shape
    for label in y.ravel():
        if not 0 <= label < layers.widths[-1]:
            raise ValueError("y must hold classes that the module has an output for")
    height, widest, numbers = max(shots, rows - shots), 0, 0
    for width in layers.widths:
        widest, numbers = max(widest, width), numbers + width
    seen, scaled = np.empty(numbers * height, np.float32), np.empty(numbers * height, np.float32)
    spreads = np.empty(len(layers.kinds) * height, np.float32)
    one, other = np.empty(widest * height, np.float32), np.empty(widest * height, np.float32)
    own, everything = np.empty_like(start), np.ones(len(layers.kinds), np.bool_)
    share, total = _ONE / np.float32(tasks), _ZERO
    smooth, step = np.float32(smoothing), np.float32(rate)
    short, wide = layers.kinds[0] == LINEAR and shots < 2 * layers.widths[0], layers.widths[1]
    begun, like = np.empty((rows, wide), np.float32), np.empty((rows, shots), np.float32)
    pulls = np.empty((shots if short else 0, wide), np.float32)
    slopes[:] = _ZERO
    for task in range(tasks):
        own[:], pulls[:] = start, _ZERO
        if short:
            _linear(layers, 0, own, x[task], begun)
            _rows_times_rows(x[task], x[task][:shots], like)
            if layers.biases[0] >= 0:
                like += _ONE
        for part in range(steps + 1):
            query = part == steps
            low, high = (shots, rows) if query else (0, shots)
            count = high - low
            given, first = seen[: count * x.shape[2]].reshape(count, x.shape[2]), 0
            given[:] = x[task][low:high]
            if short:
                after, first = seen[given.size : given.size + count * wide].reshape(count, wide), 1
                after[:] = begun[low:high]
                if layers.adapts[0] and part > 0:
                    _times(like[low:high], pulls, after)
            _forward(layers, first, count, own, seen, scaled, spreads)
            rows_of = y[task][low:high], weights[task][low:high]
            loss = _loss(layers, seen, rows_of[0], rows_of[1], class_weights, smooth, one)
            if query:
                total += share * loss
                _backward(layers, everything, own, seen, scaled, spreads, count, one, other, share, slopes, pulls[:0])
            else:
                _backward(layers, layers.adapts, own, seen, scaled, spreads, count, one, other, -step, own, pulls)
    return float(total)


@jit_loose
def _forward(layers: Layers, first: int, rows: int, own: Floats, seen: Floats, scaled: Floats, spreads: Floats) -> None:
    """Computes ``seen``: what each layer is given, one after another, and at the end what the last one gives.

    Args:
        first: the first layer to compute; what it is given is there.
    """
    place = rows * layers.widths[: first + 1].sum()
    for layer in range(first, len(layers.kinds)):
        kind, narrow, width = layers.kinds[layer], layers.widths[layer], layers.widths[layer + 1]
        before = seen[place - rows * narrow : place].reshape(rows, narrow)
        after = seen[place : place + rows * width].reshape(rows, width)
        gain, bias = layers.weights[layer], layers.biases[layer]
        if kind == LINEAR:
            _linear(layers, layer, own, before, after)
        elif kind == NORM:
            norm = scaled[place : place + rows * width].reshape(rows, width)
            for row in range(rows):
                mean, square = _ZERO, _ZERO
                for column in range(width):
                    mean += before[row, column]
                mean /= np.float32(width)
                for column in range(width):
                    apart = before[row, column] - mean
                    square += apart * apart
                inverse = _ONE / math.sqrt(square / np.float32(width) + layers.epsilons[layer])
                spreads[layer * rows + row] = inverse
                for column in range(width):
                    norm[row, column] = (before[row, column] - mean) * inverse
                for column in range(width):
                    value = norm[row, column]
                    if gain >= 0:
                        value *= own[gain + column]
                    if bias >= 0:
                        value += own[bias + column]
                    after[row, column] = value
        else:
            source, target = before.ravel(), after.ravel()
            if kind == RELU:
                for at in range(source.size):
                    target[at] = max(source[at], _ZERO)
            elif kind == GELU:
                for at in range(source.size):
                    target[at] = _HALF * source[at] * (_ONE + math.erf(source[at] * _ROOT_HALF))
            elif kind == SILU:
                for at in range(source.size):
                    target[at] = source[at] / (_ONE + math.exp(-source[at]))
            else:
                for at in range(source.size):
                    target[at] = math.tanh(source[at])
        place += rows * width


@jit_loose
def _linear(layers: Layers, layer: int, own: Floats, before: Floats, after: Floats) -> None:
    """Computes what a linear layer gives."""
    gain, bias, (width, narrow) = layers.weights[layer], layers.biases[layer], (after.shape[1], before.shape[1])
    _rows_times_rows(before, own[gain : gain + width * narrow].reshape(width, narrow), after)
    if bias >= 0:
        for row in range(len(after)):
            for column in range(width):
                after[row, column] += own[bias + column]


@jit_loose
def _loss(
    layers: Layers,
    seen: Floats,
    y: Integers,
    weights: Floats,
    class_weights: Floats,
    smoothing: Number,
    slope: Floats,
) -> Number:
    """Returns the mean cross-entropy of what the last layer gave; ``slope`` begins with its gradient by that."""
    rows, classes = len(y), layers.widths[-1]
    place = rows * layers.widths[:-1].sum()
    mass = _ZERO
    for row in range(rows):
        mass += weights[row]
    mass, total = max(mass, _TINY), _ZERO
    even = smoothing / np.float32(classes)
    for row in range(rows):
        at = place + row * classes
        most = seen[at]
        for label in range(1, classes):
            most = max(most, seen[at + label])
        summed = _ZERO
        for label in range(classes):
            slope[row * classes + label] = math.exp(seen[at + label] - most)
            summed += slope[row * classes + label]
        counts = weights[row] * class_weights[y[row]] / mass
        level, loss = most + math.log(summed), _ZERO
        for label in range(classes):
            wanted = even + (_ONE - smoothing if label == y[row] else _ZERO)
            loss += wanted * (level - seen[at + label])
            slope[row * classes + label] = counts * (slope[row * classes + label] / summed - wanted)
        total += counts * loss
    return total


@jit_loose
def _backward(
    layers: Layers,
    learns: NDArray[np.bool_],
    own: Floats,
    seen: Floats,
    scaled: Floats,
    spreads: Floats,
    rows: int,
    one: Floats,
    other: Floats,
    scale: Number,
    target: Floats,
    pulls: Floats,
) -> None:
    """Adds ``scale`` times the gradient of each layer's parameters to ``target``, which may be ``own`` itself.

    Args:
        pulls: (row, number) where to add ``scale`` times the gradient by what the first layer gave, in place of that by
            its parameters; empty: nowhere.
        one: begins with the gradient by what the last layer gave; both buffers are written over.
        other: as large.
    """
    first = 0
    while not (learns[first] and (layers.weights[first] >= 0 or layers.biases[first] >= 0)):
        first += 1
    place = rows * layers.widths.sum()
    for back in range(len(layers.kinds) - first):
        layer = len(layers.kinds) - 1 - back
        kind, width, wide = layers.kinds[layer], layers.widths[layer], layers.widths[layer + 1]
        place -= rows * wide
        slope = one[: rows * wide].reshape(rows, wide)
        given = seen[place - rows * width : place].reshape(rows, width)
        below = other[: rows * width].reshape(rows, width)
        gain, bias = layers.weights[layer], layers.biases[layer]
        if layer == 0 and len(pulls) > 0:
            for row in range(rows):
                for column in range(wide):
                    pulls[row, column] += scale * slope[row, column]
            return
        if kind == LINEAR:
            if layer > first:
                below[:] = _ZERO
                _times(slope, own[gain : gain + wide * width].reshape(wide, width), below)
            if learns[layer]:
                _columns_times(slope, given, scale, target[gain : gain + wide * width].reshape(wide, width))
        elif kind == NORM:
            norm = scaled[place : place + rows * width].reshape(rows, width)
            if layer > first:
                _norm_slope(slope, norm, spreads[layer * rows : (layer + 1) * rows], own, gain, below)
            if learns[layer] and gain >= 0:
                for row in range(rows):
                    for column in range(width):
                        target[gain + column] += scale * slope[row, column] * norm[row, column]
        elif kind == RELU:
            source, into, value = slope.ravel(), below.ravel(), given.ravel()
            for at in range(source.size):
                into[at] = source[at] if value[at] > _ZERO else _ZERO
        elif kind == GELU:
            source, into, value = slope.ravel(), below.ravel(), given.ravel()
            for at in range(source.size):
                density = _ROOT_TAU * math.exp(-_HALF * value[at] * value[at])
                into[at] = source[at] * (_HALF * (_ONE + math.erf(value[at] * _ROOT_HALF)) + value[at] * density)
        elif kind == SILU:
            source, into, value = slope.ravel(), below.ravel(), given.ravel()
            for at in range(source.size):
                gate = _ONE / (_ONE + math.exp(-value[at]))
                into[at] = source[at] * gate * (_ONE + value[at] * (_ONE - gate))
        else:
            source, into, value = slope.ravel(), below.ravel(), seen[place : place + rows * wide]
            for at in range(source.size):
                into[at] = source[at] * (_ONE - value[at] * value[at])
        if kind <= NORM and learns[layer] and bias >= 0:
            for row in range(rows):
                for column in range(wide):
                    target[bias + column] += scale * slope[row, column]
        one, other = other, one


@jit_loose
def _norm_slope(slope: Floats, norm: Floats, spreads: Floats, own: Floats, gain: int, below: Floats) -> None:
    """Computes the gradient by what a layer norm is given."""
    rows, width = slope.shape
    for row in range(rows):
        mean, along = _ZERO, _ZERO
        for column in range(width):
            value = slope[row, column]
            if gain >= 0:
                value *= own[gain + column]
            below[row, column] = value
            mean += value
            along += value * norm[row, column]
        mean, along = mean / np.float32(width), along / np.float32(width)
        for column in range(width):
            below[row, column] = spreads[row] * (below[row, column] - mean - norm[row, column] * along)


@jit_loose
def _rows_times_rows(a: Floats, b: Floats, c: Floats) -> None:
    """``c = a bᵀ``: (m, k), (n, k), (m, n)."""
    rows, inner = a.shape
    columns = len(b)
    whole, even = rows - rows % 4, columns - columns % 2
    for i in range(0, whole, 4):
        for j in range(0, even, 2):
            s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = _ZERO
            for k in range(inner):
                u, v = b[j, k], b[j + 1, k]
                a0, a1, a2, a3 = a[i, k], a[i + 1, k], a[i + 2, k], a[i + 3, k]
                s0 += u * a0
                s1 += u * a1
                s2 += u * a2
                s3 += u * a3
                t0 += v * a0
                t1 += v * a1
                t2 += v * a2
                t3 += v * a3
            c[i, j], c[i + 1, j], c[i + 2, j], c[i + 3, j] = s0, s1, s2, s3
            c[i, j + 1], c[i + 1, j + 1], c[i + 2, j + 1], c[i + 3, j + 1] = t0, t1, t2, t3
    for i in range(rows):
        for j in range(even if i < whole else 0, columns):
            s0 = _ZERO
            for k in range(inner):
                s0 += a[i, k] * b[j, k]
            c[i, j] = s0


@jit_loose
def _times(a: Floats, b: Floats, c: Floats) -> None:
    """``c += a b``: (m, k), (k, n), (m, n)."""
    rows, inner = a.shape
    columns = b.shape[1]
    even, whole = rows - rows % 2, inner - inner % 4
    for i in range(0, even, 2):
        for k in range(0, whole, 4):
            u0, u1, u2, u3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            v0, v1, v2, v3 = a[i + 1, k], a[i + 1, k + 1], a[i + 1, k + 2], a[i + 1, k + 3]
            for j in range(columns):
                b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
                c[i, j] += u0 * b0 + u1 * b1 + u2 * b2 + u3 * b3
                c[i + 1, j] += v0 * b0 + v1 * b1 + v2 * b2 + v3 * b3
    for i in range(rows):
        for k in range(whole if i < even else 0, inner):
            for j in range(columns):
                c[i, j] += a[i, k] * b[k, j]


@jit_loose
def _columns_times(a: Floats, b: Floats, scale: Number, c: Floats) -> None:
    """``c += scale aᵀ b``: (k, m), (k, n), (m, n)."""
    inner, rows = a.shape
    columns = b.shape[1]
    even, whole = rows - rows % 2, inner - inner % 4
    for i in range(0, even, 2):
        for k in range(0, whole, 4):
            u0, v0, u1, v1 = scale * a[k, i], scale * a[k, i + 1], scale * a[k + 1, i], scale * a[k + 1, i + 1]
            u2, v2, u3, v3 = scale * a[k + 2, i], scale * a[k + 2, i + 1], scale * a[k + 3, i], scale * a[k + 3, i + 1]
            for j in range(columns):
                b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
                c[i, j] += u0 * b0 + u1 * b1 + u2 * b2 + u3 * b3
                c[i + 1, j] += v0 * b0 + v1 * b1 + v2 * b2 + v3 * b3
    for i in range(rows):
        for k in range(whole if i < even else 0, inner):
            for j in range(columns):
                c[i, j] += scale * a[k, i] * b[k, j]
