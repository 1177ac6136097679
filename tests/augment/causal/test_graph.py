"""Causes before effects; a cycle is refused by name."""

from __future__ import annotations

import pytest

from regimen.augment.causal.graph import ordered
from regimen.errors import ConfigError


def test_causes_come_before_their_effects() -> None:
    causes = {"d": ("b", "c"), "b": ("a",), "c": ("a",), "e": ()}
    nodes = ordered(causes)
    assert sorted(nodes) == ["a", "b", "c", "d", "e"]
    assert all(nodes.index(cause) < nodes.index(node) for node in causes for cause in causes[node])
    assert ordered({}) == ()


@pytest.mark.parametrize(
    ("causes", "cycle"),
    [
        ({"return": ("momentum",), "momentum": ("return",)}, "return <- momentum <- return"),
        ({"a": ("a",)}, "a <- a"),
        ({"x": ("a",), "a": ("b",), "b": ("c",), "c": ("a",)}, "a <- b <- c <- a"),
    ],
)
def test_a_cycle_is_named(causes: dict[str, tuple[str, ...]], cycle: str) -> None:
    with pytest.raises(ConfigError, match=rf"^graph: must be acyclic; got '{cycle}'$"):
        ordered(causes)
