"""Crises by their mathematics: moments of jumps, of liquidations that set off others, figures of templates."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.augment.crises import TEMPLATES, Template
from regimen.augment.crises.falls import PriceJumps, deepest_fall
from regimen.augment.crises.mechanisms import crisis, jump_diffusion, liquidations
from regimen.seeding import generator

EACH = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)


@pytest.mark.parametrize("jumps", [PriceJumps(0.05, -0.03, 0.02, 0.01), PriceJumps(0.4, 0.01, 0.05, 0.02)])
def test_the_variance_of_a_jump_diffusion_is_that_of_both_its_parts(jumps: PriceJumps) -> None:
    # Merton (1976): Var = s² + l (m² + d²), mean l m; three standard errors of the sample's own.
    returns = jump_diffusion(generator(0), 400_000, jumps)
    expected = jumps.quiet**2 + jumps.rate * (jumps.mean**2 + jumps.deviation**2)
    squares = (returns - jumps.rate * jumps.mean) ** 2
    assert squares.mean() == pytest.approx(expected, abs=3 * squares.std() / np.sqrt(len(squares)))
    error = 3 * returns.std() / np.sqrt(len(returns))
    assert returns.mean() == pytest.approx(jumps.rate * jumps.mean, abs=error)


@pytest.mark.parametrize("branching", [0.0, 0.5, 0.8])
def test_liquidations_come_as_often_as_said_and_in_clusters(branching: float) -> None:
    # Hawkes and Oakes (1974): the mean is the rate; the variance of long counts is rate / (1 − n)² of a step.
    counts = liquidations(generator(1), 2_000_000, 0.05, branching).reshape(-1, 1000).sum(axis=1)
    error = counts.std() / np.sqrt(len(counts))
    assert counts.mean() == pytest.approx(50.0, abs=3 * error)
    assert counts.var() / counts.mean() == pytest.approx((1 - branching) ** -2, rel=0.1)


@EACH
def test_every_path_has_the_drawdown_duration_and_volatility_of_its_template(template: Template) -> None:
    rebounds = []
    for seed in range(40):
        path = np.exp(np.concatenate([[0.0], np.cumsum(crisis(generator(seed), template)[:, 0])]))
        fall = deepest_fall(path)
        assert len(path) == template.length + 1
        assert fall.steps == pytest.approx(template.steps, rel=0.1)
        assert np.log1p(-fall.drawdown) == pytest.approx(np.log1p(-template.drawdown), rel=0.05)  # and so is drawdown
        assert fall.volatility == pytest.approx(template.volatility, rel=0.1)
        rebounds.append(np.log(path[-1] / path[template.steps]) / np.log(path[0] / path[template.steps]))
    np.testing.assert_allclose(rebounds, template.rebound if template.rebound else 0.0, atol=1e-9)


@EACH
def test_in_a_panel_all_symbols_fall_together(template: Template) -> None:
    symbols, draws = 6, 30
    pairs = np.triu_indices(symbols, 1)
    means, alone = [], []
    for seed in range(draws):
        returns = crisis(generator(seed), template, symbols)[: template.steps]
        np.testing.assert_allclose(returns.sum(axis=0), np.log1p(-template.drawdown))
        np.testing.assert_allclose(returns.std(axis=0), template.volatility)
        means.append(np.corrcoef(returns.T)[pairs].mean())
        alone.append(returns[:, 0])
    error = np.std(means, ddof=1) / np.sqrt(draws)
    assert np.mean(means) == pytest.approx(template.correlation, abs=3 * error)
    assert len({path.tobytes() for path in alone}) == draws


def test_the_deepest_fall_of_a_series() -> None:
    fall = deepest_fall(np.array([1.0, 2.0, 1.5, 1.8, 1.0, 1.2, 1.1, np.sqrt(2.0)]))
    assert fall[:3] == (1, 4, 0.5)
    assert fall.steps == 3
    assert fall.volatility == pytest.approx(np.std(np.log([0.75, 1.2, 1 / 1.8])))
    assert fall.rebound == pytest.approx(0.5)
    assert np.isnan(deepest_fall(np.array([1.0, 2.0, 1.0, 0.9])).rebound)
    assert deepest_fall(np.array([1.0, 2.0])).steps == 0
