"""Every error is one printable line, whatever it speaks of."""

from __future__ import annotations

import pickle

import pytest

from regimen.errors import ConfigError, DataError, RegimenError


@pytest.mark.parametrize("hostile", ["\x1b[2Jgone", "two\nlines", "\u202eright to left", "\ud800", "a" * 1_000_000])
def test_field_rule_and_value_may_hold_anything(hostile: str) -> None:
    for error in (
        ConfigError(hostile, "must be"),
        DataError("x", f"must be one of {hostile}"),
        DataError("x", "y", hostile),
    ):
        assert str(error).isprintable()
        assert len(str(error)) < 1400


def test_the_end_of_a_long_rule_is_kept() -> None:
    assert str(DataError("file", f"has {'a, ' * 9999}; data.keep says which")).endswith("data.keep says which")


def test_a_value_nested_a_thousand_deep_has_a_line() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    assert str(ConfigError("market", "must be a mapping", value)).endswith("got a list nested too deeply to be shown")


def test_an_error_crosses_a_process() -> None:
    error = pickle.loads(pickle.dumps(ConfigError("seed", "must be whole", 0.5)))
    assert (type(error), str(error)) == (ConfigError, "seed: must be whole; got 0.5")
    assert isinstance(error, RegimenError)
