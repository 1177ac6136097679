"""The config of a wrapper, and lanes with wrappers around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from regimen.envs.spec import VectorEnv


class Wraps(Protocol):
    """The config of a wrapper; one that a user brings has the same.

    One that shows more columns than the lanes below it, behind theirs, has ``shows`` too: what these columns hold where
    the policy trades, by name, in their order.
    """

    def wrap(self, env: VectorEnv) -> VectorEnv:
        """Returns lanes around the lanes; they have them as their ``below``, and keep state and restore whole."""


def wrapped(env: VectorEnv, wrappers: Sequence[Wraps]) -> VectorEnv:
    """Returns lanes with wrappers around them, in the order written: the last stands outside."""
    for wrapper in wrappers:
        env = wrapper.wrap(env)
    return env


def shown_by(wrappers: Sequence[Wraps]) -> Mapping[str, float]:
    """Returns the columns that wrappers add to what lanes show, and what they hold where a policy trades."""
    return {name: value for wrapper in wrappers for name, value in getattr(wrapper, "shows", {}).items()}


def standing(env: object) -> Mapping[str, float]:
    """Returns how wrappers around lanes stand, by name: those that have ``numbers`` to tell."""
    numbers: dict[str, float] = {}
    while env is not None:
        numbers = {**getattr(env, "numbers", {}), **numbers}
        env = getattr(env, "below", None)
    return numbers
