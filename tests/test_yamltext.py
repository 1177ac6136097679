"""YAML that cannot do harm: bounded in every direction, and with words as keys."""

from __future__ import annotations

import time

import pytest

from regimen.yamltext import MalformedError, UnboundedError, parse_yaml


def laughs(deep: int, wide: int, form: str) -> str:
    """Aliases of aliases: ``wide ** deep`` values in a few lines."""
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, deep + 1):
        of = ", ".join([f"*a{level - 1}"] * wide)
        lines.append(f"a{level}: &a{level} {form.format(of)}")
    return "\n".join(lines)


def test_ordinary_documents_are_read_as_they_were() -> None:
    assert parse_yaml("{a: 1, b: [x, null, 1.5], c: {d: true}}") == {"a": 1, "b": ["x", None, 1.5], "c": {"d": True}}
    assert parse_yaml("a: &x {y: 1}\nb: *x\nc: {<<: *x, z: 2}") == {"a": {"y": 1}, "b": {"y": 1}, "c": {"y": 1, "z": 2}}
    assert parse_yaml("") is None
    assert parse_yaml("- 1") == [1]


@pytest.mark.parametrize(("deep", "wide"), [(9, 9), (30, 2), (2, 1000)])
@pytest.mark.parametrize("form", ["[{0}]", "{{<<: [{0}]}}"])
def test_aliases_that_grow_are_refused_before_they_do(deep: int, wide: int, form: str) -> None:
    began = time.perf_counter()
    with pytest.raises(UnboundedError, match=r"at most 100,000 values, its aliases written out"):
        parse_yaml(laughs(deep, wide, form))
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[" * 10_000, "nested at most 50 deep"),
        ("[" * 10_000 + "]" * 10_000, "nested at most 50 deep"),
        ("[" * 60 + "]" * 60, "nested at most 50 deep"),
        (laughs(60, 1, "[{0}]"), "nested at most 50 deep"),
        ("a: &a [*a]", "a value contains itself"),
        ("a: &a {b: *a}", "a value contains itself"),
        ("market: {1: 2}", "text as keys, not 1 (line 1; put"),
        ("a: 1\nb: {c: [{on: 2}]}", "text as keys, not on (line 2; put"),
        ("{[a]: 1}", "text as keys"),
        ("? {a: 1}\n: 2", "text as keys"),
        ("a: {b: 1, b: 2}", "line 1: the key 'b' is written twice"),
        ("x" * (1 << 21), "at most 1,048,576 characters"),
    ],
)
def test_what_is_refused(text: str, rule: str) -> None:
    with pytest.raises(UnboundedError) as caught:
        parse_yaml(text)
    assert rule in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["a: [", "!!python/object:os.system {}", "a: 2024-13-45", "!!int x", "!!bool x", "!!float x", "!!timestamp x",
     "\x07", "1" * 5000, "*nobody", "=", "a: b: c"],
)  # fmt: skip
def test_what_is_no_yaml(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_yaml(text)
