"""The hidden Markov model against hmmlearn, against Bayes' filter of a known market, and against its own truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.metrics import GaussianHMM, fit_gaussian_hmm
from regimen.simulators import HiddenRegimeConfig


def model(states: int, seed: int = 0) -> GaussianHMM:
    random = np.random.default_rng(seed)
    return GaussianHMM(
        random.dirichlet(np.ones(states)),
        np.array([random.dirichlet(np.where(np.arange(states) == k, 20.0, 1.0)) for k in range(states)]),
        random.normal(0.0, 0.002, states),
        np.linspace(0.005, 0.03, states),
    )


def path(of: GaussianHMM, bars: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random, state = np.random.default_rng(seed), 0
    states = np.empty(bars, np.int64)
    for t in range(bars):
        states[t] = state
        state = int(random.choice(len(of.means), p=of.transition[state]))
    return of.means[states] + of.deviations[states] * random.normal(size=bars), states


def theirs(of: GaussianHMM, **options: Any) -> Any:
    """The same model in hmmlearn, without the priors that it would add to each step."""
    hmm = pytest.importorskip("hmmlearn.hmm")
    states = len(of.means)
    other = hmm.GaussianHMM(states, "diag", covars_prior=0.0, covars_weight=1.0, min_covar=0.0, **options)
    other.startprob_, other.transmat_ = of.start, of.transition
    other.means_, other.covars_ = of.means[:, None], of.deviations[:, None] ** 2
    return other


@pytest.mark.parametrize("states", [2, 3, 4])
@pytest.mark.parametrize("implementation", ["log", "scaling"])
def test_the_filter_is_that_of_hmmlearn(states: int, implementation: str) -> None:
    """P(z_t | x_1..t) is what hmmlearn says of the last bar of the first t, and the likelihood is its score."""
    own = model(states)
    values, _ = path(own, 600)
    other = theirs(own, implementation=implementation)
    assert own.log_likelihood(values) == pytest.approx(other.score(values[:, None]), abs=1e-8)
    filtered = own.filtered(values)
    for t in (0, 1, 2, 10, 99, 300, 598, 599):
        assert filtered[t] == pytest.approx(other.predict_proba(values[: t + 1, None])[-1], abs=1e-8)


def test_a_step_of_the_fit_is_that_of_hmmlearn() -> None:
    truth = model(3)
    values, _ = path(truth, 800)
    ours = model(3, seed=5)
    other = theirs(ours, init_params="", n_iter=4, tol=-np.inf)
    other.fit(values[:, None])
    likelihoods = []
    for _ in range(4):
        ours, likelihood = ours.improved(values)
        likelihoods.append(likelihood)
    assert likelihoods == pytest.approx(list(other.monitor_.history), abs=1e-6)
    assert np.all(np.diff(likelihoods) > 0.0)
    assert ours.start == pytest.approx(other.startprob_, abs=1e-8)
    assert ours.transition == pytest.approx(other.transmat_, abs=1e-8)
    assert ours.means == pytest.approx(other.means_[:, 0], abs=1e-10)
    assert ours.deviations == pytest.approx(np.sqrt(other.covars_[:, 0, 0]), abs=1e-10)


def test_it_is_bayes_filter_of_the_hidden_regime() -> None:
    """One step of the chain after the filter is the belief of the market whose best policy is known."""
    market = HiddenRegimeConfig(mean=0.4, deviation=1.1, stay=0.93)
    returns = market.simulate(2000, seed=3).returns
    stay = np.array([[0.93, 0.07], [0.07, 0.93]])
    own = GaussianHMM(np.array([0.5, 0.5]), stay, np.array([-0.4, 0.4]), np.array([1.1, 1.1]))
    assert (own.filtered(returns) @ stay)[:, 1] == pytest.approx(market.beliefs(returns), abs=1e-10)


def test_the_fit_comes_to_the_truth() -> None:
    truth = GaussianHMM(
        np.array([0.5, 0.5]),
        np.array([[0.99, 0.01], [0.04, 0.96]]),
        np.array([0.0008, -0.001]),
        np.array([0.006, 0.02]),
    )
    values, states = path(truth, 6000)
    fitted = fit_gaussian_hmm(values)
    assert fitted.deviations == pytest.approx(truth.deviations, rel=0.05)
    assert np.diag(fitted.transition) == pytest.approx(np.diag(truth.transition), abs=0.02)  # three standard errors
    assert (fitted.filtered(values).argmax(1) == states).mean() > 0.95
    assert fitted.log_likelihood(values) > truth.log_likelihood(values)
    again = fit_gaussian_hmm(values)
    assert all(np.array_equal(getattr(again, name), part) for name, part in vars(fitted).items())


def test_nothing_later_changes_what_the_filter_says() -> None:
    own = model(2)
    values, _ = path(own, 300)
    poisoned = np.concatenate((values[:150], np.full(150, 1e6)))
    assert np.array_equal(own.filtered(poisoned)[:150], own.filtered(values)[:150])


def test_a_bar_that_is_not_there_tells_nothing() -> None:
    own = model(2)
    values, _ = path(own, 50)
    values[20:30] = np.nan
    filtered = own.filtered(values)
    for t in range(20, 30):
        assert filtered[t] == pytest.approx(filtered[t - 1] @ own.transition, abs=1e-12)
    assert np.isfinite(own.log_likelihood(values))
    assert np.isfinite(fit_gaussian_hmm(values).deviations).all()


def test_no_outlier_breaks_it() -> None:
    own = model(2)
    values, _ = path(own, 100)
    values[40] = 1e3  # 33,000 deviations
    filtered = own.filtered(values)
    assert np.isfinite(filtered).all()
    assert filtered.sum(axis=1) == pytest.approx(np.ones(100))
    assert filtered[40, 1] == 1.0


def test_a_series_of_few_values_has_no_state_of_deviation_zero() -> None:
    values = np.zeros(400)
    values[::7] = 0.01
    assert (fit_gaussian_hmm(values).deviations > 0.0).all()


@pytest.mark.parametrize(
    ("values", "states", "field"),
    [(np.ones(100), 2, "values"), (np.arange(19.0), 2, "values"), (np.arange(100.0), 1, "states")],
)
def test_bad_input(values: np.ndarray, states: int, field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        fit_gaussian_hmm(values, states)
