"""The structural model by closed form: effects are products along paths, and what was observed gives itself back."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.augment.causal import StructuralModel

CAUSES = {"b": ("a",), "c": ("a", "b"), "d": ("b", "c")}
WEIGHTS = {"b": (0.7,), "c": (-0.4, 1.3), "d": (0.5, 0.9)}
EFFECT = 0.7 * 0.5 + (-0.4 + 0.7 * 1.3) * 0.9
"""Of a on d: the paths a-b-d, a-c-d and a-b-c-d, each the product of its weights."""


def _drawn(n: int, seed: int) -> dict[str, np.ndarray]:
    """Values of the graph, with noise of different kinds."""
    rng = np.random.default_rng(seed)
    values = {"a": rng.normal(2.0, 1.0, n)}
    noise = {"b": rng.laplace(0, 1, n), "c": rng.normal(0, 0.5, n), "d": rng.uniform(-1, 1, n)}
    for node, causes in CAUSES.items():
        terms = [weight * values[cause] for weight, cause in zip(WEIGHTS[node], causes, strict=True)]
        values[node] = 1.5 + sum(terms) + noise[node]
    return values


def test_an_effect_is_the_sum_over_paths_of_products() -> None:
    n, parts = 100_000, 20
    values = _drawn(n, 0)
    fitted = StructuralModel.fit(CAUSES, values)
    each = [
        StructuralModel.fit(CAUSES, {name: column[k::parts] for name, column in values.items()}) for k in range(parts)
    ]
    for cause, on, expected in (("a", "d", EFFECT), ("a", "c", -0.4 + 0.7 * 1.3), ("b", "d", 0.5 + 1.3 * 0.9)):
        error = np.std([model.effect(cause, on) for model in each], ddof=1) / np.sqrt(parts)
        assert error < 0.01
        assert fitted.effect(cause, on) == pytest.approx(expected, abs=3 * error)
    assert fitted.effect("d", "a") == 0.0
    true = StructuralModel(
        ("a", "b", "c", "d"),
        {"a": {}, **{node: dict(zip(CAUSES[node], WEIGHTS[node], strict=True)) for node in CAUSES}},
        dict.fromkeys("abcd", 1.5),
    )
    assert true.effect("a", "d") == pytest.approx(EFFECT, abs=1e-12)
    risen = true.counterfactual(values, {"a": values["a"] + 2.0})
    np.testing.assert_allclose(risen["d"] - values["d"], 2.0 * EFFECT, atol=1e-10)


@pytest.mark.parametrize("nodes", [(), ("a",), ("c",), ("a", "b", "c", "d")])
def test_setting_what_was_observed_changes_nothing(nodes: tuple[str, ...]) -> None:
    values = _drawn(10_000, 1)
    same = StructuralModel.fit(CAUSES, values).counterfactual(values, {node: values[node] for node in nodes})
    for name, column in values.items():
        np.testing.assert_allclose(same[name], column, rtol=0, atol=1e-10)


def test_a_node_that_is_set_does_not_listen_to_its_causes() -> None:
    values = _drawn(1000, 2)
    model = StructuralModel.fit(CAUSES, values)
    done = model.counterfactual(values, {"a": values["a"] + 5.0, "b": np.zeros(1000)})
    np.testing.assert_array_equal(done["b"], 0.0)
    only = model.counterfactual(values, {"b": np.zeros(1000)})
    direct = model.weights["c"]["a"] * 5.0
    np.testing.assert_allclose(done["c"] - only["c"], direct, atol=1e-10)


def test_a_confounder_is_told_from_an_effect() -> None:
    rng = np.random.default_rng(3)
    regime = rng.normal(size=100_000)
    values = {"regime": regime, "x": regime + rng.normal(size=100_000), "y": 2 * regime + rng.normal(size=100_000)}
    model = StructuralModel.fit({"x": ("regime",), "y": ("regime", "x")}, values)
    assert model.effect("x", "y") == pytest.approx(0.0, abs=3 / np.sqrt(100_000))  # they are correlated all the same
    assert np.corrcoef(values["x"], values["y"])[0, 1] > 0.6
