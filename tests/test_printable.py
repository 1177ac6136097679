"""Text for a terminal: what cannot be seen is spelt, what is too long is cut inside."""

from __future__ import annotations

import pytest

from regimen.printable import FALLBACK, one_line, printable


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


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"1-2 ... e sigma 2 \\u65e5"), ("latin-1", b"1-2 ... \xe9 sigma \xb2 \\u65e5")]
)
def test_a_character_set_that_lacks_a_character_gets_it_spelt(encoding: str, shown: bytes) -> None:
    assert "1–2 … é σ ² 日".encode(encoding, errors=FALLBACK) == shown
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", errors=FALLBACK)
