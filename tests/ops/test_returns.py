"""Returns and advantages, on tensors and on arrays: golden vectors, O(T²) twins, limits, and the two kinds of end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen import ops
from regimen.errors import ConfigError, DataError
from regimen.ops import arrays

Array = np.ndarray[Any, Any]


def on_tensors(name: str) -> Callable[..., Any]:
    function = getattr(ops, name)

    def call(*args: Any) -> Any:
        result = function(*[torch.from_numpy(arg) if isinstance(arg, np.ndarray) else arg for arg in args])
        return tuple(part.numpy() for part in result) if isinstance(result, tuple) else result.numpy()

    return call


ENGINES = {"tensors": on_tensors, "arrays": lambda name: getattr(arrays, name)}
engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES.keys())
Engine = Callable[[str], Callable[..., Any]]


class Rollout(NamedTuple):
    rewards: Array
    values: Array
    next_values: Array
    terminated: Array
    truncated: Array
    log_ratio: Array


def rollout(seed: int, steps: int, envs: int, ends: float, dtype: type = np.float64) -> Rollout:
    """A rollout with ends of both kinds, whose successors' values differ from the next row's where it was cut."""
    rng = np.random.default_rng(seed)
    rewards, values, final, log_ratio = rng.normal(size=(4, steps, envs)).astype(dtype)
    terminated, truncated = rng.random((2, steps, envs)) < ends / 2.0
    bootstrap = rng.normal(size=envs).astype(dtype)
    following = arrays.successor_values(values, bootstrap, truncated, final)
    return Rollout(rewards, values, following, terminated, truncated, log_ratio)


rollouts = st.builds(
    rollout,
    seed=st.integers(0, 2**32),
    steps=st.integers(1, 12),
    envs=st.integers(1, 3),
    ends=st.sampled_from([0.0, 0.3, 0.9]),
)
fractions = st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0])


def one_step(data: Rollout, t: int, n: int, gamma: float) -> float:
    after = 0.0 if data.terminated[t, n] else gamma * data.next_values[t, n]
    return float(data.rewards[t, n] + after)


def stretch(data: Rollout, t: int, n: int) -> int:
    """The number of rows from ``t`` to the end of its episode or of the rollout."""
    ended = (data.terminated | data.truncated)[t:, n]
    return int(np.argmax(ended)) + 1 if ended.any() else len(ended)


def twin(data: Rollout, value: Callable[[int, int], float]) -> Array:
    steps, envs = data.rewards.shape
    return np.array([[value(t, n) for n in range(envs)] for t in range(steps)])


def brute_n_step(data: Rollout, t: int, n: int, gamma: float, count: int) -> float:
    rows = min(count, stretch(data, t, n))
    total = sum(gamma**k * data.rewards[t + k, n] for k in range(rows - 1))
    return float(total + gamma ** (rows - 1) * one_step(data, t + rows - 1, n, gamma))


def brute_lambda(data: Rollout, t: int, n: int, gamma: float, lam: float) -> float:
    """The λ-return as the mixture of all n-step returns that it is defined as."""
    rows = stretch(data, t, n)
    mixed = sum((1 - lam) * lam ** (m - 1) * brute_n_step(data, t, n, gamma, m) for m in range(1, rows))
    return float(mixed + lam ** (rows - 1) * brute_n_step(data, t, n, gamma, rows))


def brute_gae(data: Rollout, t: int, n: int, gamma: float, lam: float) -> float:
    rows = range(t, t + stretch(data, t, n))
    return float(sum((gamma * lam) ** (k - t) * (one_step(data, k, n, gamma) - data.values[k, n]) for k in rows))


def brute_target(data: Rollout, t: int, n: int, gamma: float, lam: float, rho_bar: float, c_bar: float) -> float:
    """Equation 1 of the V-trace paper: a sum over the later rows, each with its product of traces."""
    ratio = np.exp(data.log_ratio[:, n])
    total = data.values[t, n]
    for k in range(t, t + stretch(data, t, n)):
        trace = np.prod(lam * np.minimum(c_bar, ratio[t:k]))
        delta = min(rho_bar, ratio[k]) * (one_step(data, k, n, gamma) - data.values[k, n])
        total += gamma ** (k - t) * trace * delta
    return float(total)


GOLDEN = (np.array([1.0, 0.0, 2.0]), np.array([0.5, 0.2, 0.1]), np.array([0.2, 0.1, 0.3]))  # r, V, V of the successor
ON = np.zeros(3, dtype=bool)


@engine
def test_golden_gae(engine: Engine) -> None:
    # From two independent codes: r = [1, 0, 2], V = [.5, .2, .1], bootstrap .3, γ = .9, λ = .95
    advantages = engine("gae")(*GOLDEN, ON, ON, 0.9, 0.95)
    np.testing.assert_allclose(advantages, [2.17227425, 1.74535, 2.17], atol=1e-9)


@engine
def test_golden_vtrace(engine: Engine) -> None:
    # The same rollout off policy: ρ = [2, .5, 1], ρ̄ = c̄ = 1
    targets, advantages = engine("vtrace")(np.log([2.0, 0.5, 1.0]), *GOLDEN, ON, ON, 0.9)
    np.testing.assert_allclose(targets, [2.00935, 1.1215, 2.27], atol=1e-9)
    np.testing.assert_allclose(advantages, [1.50935, 0.9215, 2.17], atol=1e-9)


@engine
def test_golden_successors(engine: Engine) -> None:
    values, final = GOLDEN[1], np.array([7.0, 8.0, 9.0])
    following = engine("successor_values")
    assert following(values, np.array(0.3), ON, final).tolist() == [0.2, 0.1, 0.3]
    assert following(values, np.array(0.3), np.array([False, True, True]), final).tolist() == [0.2, 8.0, 9.0]


@engine
@given(data=rollouts, gamma=fractions, lam=fractions)
@settings(max_examples=60, deadline=None)
def test_gae_is_the_sum_over_all_later_errors(engine: Engine, data: Rollout, gamma: float, lam: float) -> None:
    advantages = engine("gae")(*data[:5], gamma, lam)
    np.testing.assert_allclose(advantages, twin(data, lambda t, n: brute_gae(data, t, n, gamma, lam)), atol=1e-9)


@engine
@given(data=rollouts, gamma=fractions, lam=fractions)
@settings(max_examples=60, deadline=None)
def test_lambda_returns_are_the_mixture_of_n_step_returns(
    engine: Engine, data: Rollout, gamma: float, lam: float
) -> None:
    returns = engine("lambda_returns")(data.rewards, *data[2:5], gamma, lam)
    np.testing.assert_allclose(returns, twin(data, lambda t, n: brute_lambda(data, t, n, gamma, lam)), atol=1e-9)
    advantages = engine("gae")(*data[:5], gamma, lam)
    np.testing.assert_allclose(advantages + data.values, returns, atol=1e-9)


@engine
@given(data=rollouts, gamma=fractions, count=st.integers(1, 14))
@settings(max_examples=60, deadline=None)
def test_n_step_returns_are_their_sum(engine: Engine, data: Rollout, gamma: float, count: int) -> None:
    returns = engine("n_step_returns")(data.rewards, *data[2:5], gamma, count)
    np.testing.assert_allclose(returns, twin(data, lambda t, n: brute_n_step(data, t, n, gamma, count)), atol=1e-9)


@engine
@given(data=rollouts, gamma=fractions)
@settings(max_examples=60, deadline=None)
def test_discounted_returns_and_returns_to_go_are_their_sums(engine: Engine, data: Rollout, gamma: float) -> None:
    returns = engine("discounted_returns")(data.rewards, *data[2:5], gamma)
    np.testing.assert_allclose(returns, twin(data, lambda t, n: brute_n_step(data, t, n, gamma, 99)), atol=1e-9)

    def to_go(t: int, n: int) -> float:
        return float(sum(gamma**k * data.rewards[t + k, n] for k in range(stretch(data, t, n))))

    ended = data.terminated | data.truncated
    np.testing.assert_allclose(engine("returns_to_go")(data.rewards, ended, gamma), twin(data, to_go), atol=1e-9)


@engine
@given(data=rollouts, gamma=fractions, lam=fractions, bars=st.sampled_from([(1.0, 1.0), (2.0, 0.5), (np.inf, 1.5)]))
@settings(max_examples=60, deadline=None)
def test_vtrace_is_the_sum_of_the_paper(
    engine: Engine, data: Rollout, gamma: float, lam: float, bars: tuple[float, float]
) -> None:
    targets, advantages = engine("vtrace")(data.log_ratio, *data[:5], gamma, lam, *bars)
    expected = twin(data, lambda t, n: brute_target(data, t, n, gamma, lam, *bars))
    np.testing.assert_allclose(targets, expected, atol=1e-8)

    def advantage(t: int, n: int) -> float:
        after = data.next_values[t, n]
        if stretch(data, t, n) > 1:
            after = expected[t + 1, n]
        target = data.rewards[t, n] + (0.0 if data.terminated[t, n] else gamma * after)
        return float(min(bars[0], np.exp(data.log_ratio[t, n])) * (target - data.values[t, n]))

    np.testing.assert_allclose(advantages, twin(data, advantage), atol=1e-8)


@engine
@given(data=rollouts, gamma=fractions, lam=fractions)
@settings(max_examples=30, deadline=None)
def test_limits_of_lambda(engine: Engine, data: Rollout, gamma: float, lam: float) -> None:
    rest = (data.rewards, *data[2:5], gamma)
    np.testing.assert_allclose(engine("lambda_returns")(*rest, 0.0), engine("n_step_returns")(*rest, 1), atol=1e-12)
    np.testing.assert_allclose(engine("lambda_returns")(*rest, 1.0), engine("discounted_returns")(*rest), atol=1e-12)
    np.testing.assert_allclose(engine("n_step_returns")(*rest, 99), engine("discounted_returns")(*rest), atol=1e-12)
    on_policy = engine("vtrace")(np.zeros_like(data.rewards), *data[:5], gamma, lam)[0]
    np.testing.assert_allclose(on_policy, engine("lambda_returns")(*rest, lam), atol=1e-9)


@engine
def test_on_policy_vtrace_stays_bounded_over_a_long_trace(engine: Engine) -> None:
    # A wrong recursion gives 1e6 at T = 20 and 1e29 at T = 100; the discounted return is below Σγ^k·max|r| + max|V|
    data = rollout(0, 100, 2, 0.0)
    targets = engine("vtrace")(np.zeros_like(data.rewards), *data[:5], 0.9)[0]
    np.testing.assert_allclose(targets, engine("discounted_returns")(data.rewards, *data[2:5], 0.9), atol=1e-9)
    assert np.abs(targets).max() <= np.abs(data.rewards).max() / 0.1 + np.abs(data.next_values).max()


@engine
def test_ruin_counts_nothing_and_a_time_limit_counts_the_final_value(engine: Engine) -> None:
    rewards, values = np.array([[1.0], [2.0]]), np.array([[0.5], [0.25]])
    following = np.array([[10.0], [0.75]])  # 10: the final observation's value; 0.25 would be the next episode's
    yes, no = np.array([[True], [False]]), np.zeros((2, 1), dtype=bool)
    # γ = .5, λ = 1. Ruin: 1 − .5. Time limit: 1 + .5·10 − .5. Both: ruin wins. The last row: 2 + .5·.75 − .25.
    for terminated, truncated, first in ((yes, no, 0.5), (no, yes, 5.5), (yes, yes, 0.5)):
        advantages = engine("gae")(rewards, values, following, terminated, truncated, 0.5, 1.0)
        assert advantages.tolist() == [[first], [2.125]]
        returns = engine("discounted_returns")(rewards, following, terminated, truncated, 0.5)
        assert returns.tolist() == [[first + 0.5], [2.375]]


@engine
def test_a_nan_stays_in_its_episode(engine: Engine) -> None:
    data = rollout(1, 6, 1, 0.0)
    data.terminated[2] = True
    data.truncated[4] = True
    data.next_values[2] = np.nan  # the value after ruin is never read
    clean = engine("gae")(*data[:5], 0.9, 0.9)
    assert np.isfinite(clean).all()
    assert np.isfinite(engine("vtrace")(data.log_ratio, *data[:5], 0.9)).all()
    assert np.isfinite(engine("lambda_returns")(data.rewards, *data[2:5], 0.9, 0.9)).all()
    assert np.isfinite(engine("n_step_returns")(data.rewards, *data[2:5], 0.9, 3)).all()
    data.rewards[4] = np.nan
    expected = [False, False, False, True, True, False]
    assert np.isnan(engine("gae")(*data[:5], 0.9, 0.9))[:, 0].tolist() == expected
    assert np.isnan(engine("vtrace")(data.log_ratio, *data[:5], 0.9)[0])[:, 0].tolist() == expected
    assert np.isnan(engine("n_step_returns")(data.rewards, *data[2:5], 0.9, 9))[:, 0].tolist() == expected


CALLS: dict[str, Callable[[Rollout], tuple[Any, ...]]] = {
    "gae": lambda data: (*data[:5], 0.99, 0.95),
    "lambda_returns": lambda data: (data.rewards, *data[2:5], 0.99, 0.95),
    "discounted_returns": lambda data: (data.rewards, *data[2:5], 0.99),
    "n_step_returns": lambda data: (data.rewards, *data[2:5], 0.99, 5),
    "returns_to_go": lambda data: (data.rewards, data.terminated | data.truncated),
    "vtrace": lambda data: (data.log_ratio, *data[:5], 0.99, 0.95),
}
each = pytest.mark.parametrize("name", CALLS)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_and_arrays_agree(name: str, dtype: type) -> None:
    data = rollout(2, 128, 64, 0.05, dtype)
    ours, theirs = ENGINES["arrays"](name)(*CALLS[name](data)), ENGINES["tensors"](name)(*CALLS[name](data))
    for mine, other in zip(np.atleast_3d(ours), np.atleast_3d(theirs), strict=True):
        assert mine.dtype == other.dtype == dtype
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6)


@each
@engine
def test_the_inputs_are_left_alone_and_lanes_are_independent(engine: Engine, name: str) -> None:
    data = rollout(3, 9, 3, 0.3)
    before = [part.copy() for part in data]
    whole = np.array(engine(name)(*CALLS[name](data)))
    assert all(np.array_equal(part, old) for part, old in zip(data, before, strict=True))
    for lane in range(3):
        alone = Rollout(*[part[:, lane] for part in data])  # not contiguous, and without an axis of environments
        assert np.array_equal(np.array(engine(name)(*CALLS[name](alone))), whole[..., lane])


@each
@engine
def test_no_rows_give_no_rows(engine: Engine, name: str) -> None:
    data = Rollout(*[part[:0] for part in rollout(4, 2, 3, 0.0)])
    assert np.array(engine(name)(*CALLS[name](data))).shape[-2:] == (0, 3)


@each
@engine
def test_unequal_shapes_and_flags_that_are_numbers_are_refused(engine: Engine, name: str) -> None:
    args = CALLS[name](rollout(5, 4, 3, 0.3))
    for position, arg in enumerate(args):
        if not isinstance(arg, np.ndarray):
            continue
        for wrong in (arg[:, :1], arg[:1], arg[..., None], arg[0]):
            with pytest.raises(DataError, match="must have the shape of"):
                engine(name)(*args[:position], wrong, *args[position + 1 :])
        if arg.dtype == bool:
            with pytest.raises(DataError, match=r"must be boolean; got '.*float64'"):
                engine(name)(*args[:position], arg.astype(float), *args[position + 1 :])
    with pytest.raises(DataError, match="must have a time axis"):
        engine(name)(*[np.asarray(arg[0, 0]) if isinstance(arg, np.ndarray) else arg for arg in args])


@each
@engine
def test_a_discount_outside_its_range_is_refused(engine: Engine, name: str) -> None:
    args = CALLS[name](rollout(6, 4, 3, 0.3))
    if name == "returns_to_go":
        args = (*args, 1.0)
    numbers = [i for i, arg in enumerate(args) if isinstance(arg, float)]
    for position in numbers:
        for wrong in (-0.1, 1.1, float("nan")):
            with pytest.raises(ConfigError, match="must be between 0 and 1"):
                engine(name)(*args[:position], wrong, *args[position + 1 :])


@engine
def test_other_bad_input(engine: Engine) -> None:
    data = rollout(7, 4, 3, 0.3)
    with pytest.raises(ConfigError, match="steps: must be at least 1; got 0"):
        engine("n_step_returns")(data.rewards, *data[2:5], 0.9, 0)
    with pytest.raises(ConfigError, match=r"c_bar: must not exceed rho_bar, 1; got 2\.0"):
        engine("vtrace")(data.log_ratio, *data[:5], 0.9, 1.0, 1.0, 2.0)
    with pytest.raises(ConfigError, match="rho_bar: must be positive"):
        engine("vtrace")(data.log_ratio, *data[:5], 0.9, 1.0, 0.0, 0.0)
    with pytest.raises(DataError, match="bootstrap: must have the shape"):
        engine("successor_values")(data.values, np.zeros(1), data.truncated, data.values)


def test_arrays_of_mixed_or_whole_numbers_are_refused() -> None:
    data = rollout(8, 4, 3, 0.3)
    with pytest.raises(DataError, match="values: must be float64 like rewards; got 'float32'"):
        arrays.gae(data.rewards, data.values.astype(np.float32), *data[2:5], 0.9, 0.9)
    with pytest.raises(DataError, match="rewards: must be float32 or float64; got 'int64'"):
        arrays.returns_to_go(np.ones((4, 3), dtype=np.int64), data.terminated)


def test_gradients_of_the_recursions() -> None:
    data = rollout(9, 5, 2, 0.4)
    flags = [torch.from_numpy(part) for part in data[3:5]]
    floats = [torch.from_numpy(part).requires_grad_() for part in data[:3]]
    assert torch.autograd.gradcheck(lambda r, v, after: ops.gae(r, v, after, *flags, 0.9, 0.8), floats)
    assert torch.autograd.gradcheck(lambda r, after: ops.lambda_returns(r, after, *flags, 0.9, 0.8), floats[::2])
    assert torch.autograd.gradcheck(lambda r, after: ops.discounted_returns(r, after, *flags, 0.9), floats[::2])
    assert torch.autograd.gradcheck(lambda r, after: ops.n_step_returns(r, after, *flags, 0.9, 3), floats[::2])
    assert not ops.vtrace(torch.zeros(5, 2).double(), *floats, *flags, 0.9).targets.requires_grad


@pytest.mark.compiled
def test_advantages_of_a_large_rollout_take_less_than_five_milliseconds() -> None:
    data = rollout(10, 128, 4096, 0.01, np.float32)
    durations = []
    for _ in range(20):
        start = time.perf_counter()
        arrays.gae(*data[:5], 0.99, 0.95)
        durations.append(time.perf_counter() - start)
    assert min(durations) < 5e-3
