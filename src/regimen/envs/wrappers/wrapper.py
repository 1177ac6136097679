"""The config of a wrapper, and lanes with wrappers around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from regimen.envs.spec import VectorEnv


class Wraps(Protocol):
    """The config of a wrapper; one that a user brings has the same."""

    def wrap(self, env: VectorEnv) -> VectorEnv:
        """Returns lanes around the lanes; they have them as their ``below``, and keep state and restore whole."""


def wrapped(env: VectorEnv, wrappers: Sequence[Wraps]) -> VectorEnv:
    """Returns lanes with wrappers around them, in the order written: the last stands outside."""
    for wrapper in wrappers:
        env = wrapper.wrap(env)
    return env
