"""Every error is one printable line, whatever it speaks of."""

from __future__ import annotations

import pickle

import pytest

from regimen.errors import ConfigError, DataError, RegimenError, one_line, printable


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


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("BTC-USD", "BTC-USD"),
        ("Ærø – 日本 σ²", "Ærø – 日本 σ²"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202eUSD", r"\u202eUSD"),
        ("\ud800", r"\ud800"),
        ("'\"\\", "'\"\\"),
    ],
)
def test_only_what_cannot_be_seen_is_spelt(raw: str, shown: str) -> None:
    assert printable(raw) == shown
    assert printable(shown) == shown
    assert printable(raw).isprintable()


def test_lines_may_be_kept() -> None:
    assert printable("a\n\x1b", kept="\n") == "a\n\\x1b"


@pytest.mark.parametrize("size", [1, 99, 100, 101, 399, 10**6])
def test_one_line_is_short_and_keeps_both_ends(size: int) -> None:
    line = one_line("a" * size + "\n" + "z" * size, 100)
    assert len(line) == min(2 * size + 1, 100)
    assert line.startswith("a")
    assert line.endswith("z")
    assert ("…" in line) == (2 * size + 1 > 100)


def test_one_line_of_what_grows_when_it_is_spelt() -> None:
    assert len(one_line("\x1b" * 90, 100)) == 100
