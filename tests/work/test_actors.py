"""Actors answer in their order, and what they act with is always as old."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.work import Actors, Compute

WITH_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: regimen[ray]")
WAYS = [
    "local",
    "processes:2",
    pytest.param("ray", marks=[pytest.mark.slow, WITH_RAY]),
]


class Walker:
    """Draws from a stream of its own, and keeps count."""

    def __init__(self, k: int) -> None:
        self.k, self.count, self.random = k, 0, np.random.default_rng(k)

    def __call__(self, weight: Any) -> tuple[int, int, Any]:
        if np.isinf(weight).any():
            raise ConfigError("weight", "must be finite", weight)
        time.sleep(float(np.random.default_rng().uniform(0.0, 0.02)))  # scheduling is another one each time
        self.count += 1
        return self.k, self.count, weight + self.random.normal()


def learnt(way: str, lag: int) -> tuple[list[float], list[list[tuple[int, int, float]]]]:
    """A learner of one weight; what each round was asked with, and what it gave."""
    weight, weights, rounds = 0.0, [], []

    def current(_number: int) -> float:
        weights.append(weight)
        return weight

    with Actors(Walker, 3, Compute.parse(way)) as actors:
        for answers in actors.rounds(current, 6, lag):
            rounds.append(answers)
            weight = 0.5 * weight + 0.1 * sum(value for _, _, value in answers)
    return weights, rounds


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("lag", [0, 2])
def test_learning_is_the_same_bit_for_bit(way: str, lag: int) -> None:
    weights, rounds = learnt(way, lag)
    assert (weights, rounds) == learnt("local", lag)
    assert [[(k, count) for k, count, _ in answers] for answers in rounds] == [
        [(k, number + 1) for k in range(3)] for number in range(6)
    ]
    assert weights[: lag + 1] == [0.0] * (lag + 1)  # nothing has been learnt yet
    assert 0.0 not in weights[lag + 1 :]


@pytest.mark.parametrize("way", WAYS[:2])
def test_an_actor_answers_in_the_order_of_its_messages_as_they_were(way: str) -> None:
    with Actors(Walker, 1, Compute.parse(way)) as actors:
        for weight in (np.zeros(2), np.inf, 2.0):
            actors.send(0, weight)
            if isinstance(weight, np.ndarray):
                weight += 100.0  # by its owner, who goes on with it
        k, count, answer = actors.recv(0)
        assert (k, count) == (0, 1)
        assert np.abs(answer).max() < 50.0
        with pytest.raises(ConfigError, match="weight: must be finite"):
            actors.recv(0)
        assert actors.recv(0)[:2] == (0, 2)


def mortal(k: int) -> Callable[[int], int]:
    def answer(message: int) -> int:
        if message == k:
            os.kill(os.getpid(), signal.SIGKILL)
        return message

    return answer


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_an_actor_that_is_killed_is_not_begun_again() -> None:
    with Actors(mortal, 2, Compute.parse("processes:2")) as actors:
        actors.send(0, 5)
        actors.send(1, 1)
        assert actors.recv(0) == 5
        with pytest.raises(RunError, match="must let its actors live"):
            actors.recv(1)


def stillborn(k: int) -> Callable[[int], int]:
    os.kill(os.getpid(), signal.SIGKILL)
    return mortal(k)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_an_actor_that_is_killed_while_it_is_built_is_the_same_error() -> None:
    with pytest.raises(RunError, match="must let its actors live"):
        Actors(stillborn, 1, Compute.parse("processes:1"))


def test_there_is_an_actor_at_least() -> None:
    with pytest.raises(ConfigError, match="actors: must be at least 1; got 0"):
        Actors(mortal, 0)
