"""The canonical bytes of a row, and its place in the chain."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimen.journal import JournalError, JournalRow, Stored
from regimen.journal.row import canonical, chained, genesis

NUMBER = st.integers(-(2**63), 2**63 - 1)
ROWS = st.builds(JournalRow, st.text(), st.text(), NUMBER, st.text(), st.binary(), st.binary(), NUMBER)


def by_hand(seq: int, epoch: int, row: JournalRow) -> bytes:
    """The same bytes, written down without a struct."""
    texts = [row.account.encode(), row.symbol.encode(), row.kind.encode(), row.request, row.decision]
    numbers = [seq, epoch, row.bar, row.at, *(len(text) for text in texts)]
    return b"".join(number.to_bytes(8, "little", signed=True) for number in numbers) + b"".join(texts)


@given(ROWS, NUMBER, NUMBER)
def test_the_canonical_bytes_are_numbers_lengths_and_texts(row: JournalRow, seq: int, epoch: int) -> None:
    assert canonical(seq, epoch, row) == by_hand(seq, epoch, row)


@given(ROWS, ROWS)
def test_two_rows_never_have_the_same_bytes(one: JournalRow, other: JournalRow) -> None:
    assert (canonical(1, 1, one) == canonical(1, 1, other)) == (one == other)


def test_bytes_that_move_from_one_field_to_the_next_make_another_row() -> None:
    one = JournalRow("a", "bc", 1, "k", b"xy", b"z", 2)
    for other in (one._replace(account="ab", symbol="c"), one._replace(request=b"x", decision=b"yz")):
        assert canonical(1, 1, one) != canonical(1, 1, other)


def test_the_chain_is_sha256_over_the_digest_before_and_the_bytes() -> None:
    row = JournalRow("paper", "BTC", 1_700_000_000_000_000_000, "bar", b'{"close": 1.0}', b'{"exposure": 0.5}', 5)
    start = hashlib.sha256(b"regimen journal 1\npaper").digest()
    assert genesis("paper") == start
    assert chained(start, 1, 7, row) == hashlib.sha256(start + by_hand(1, 7, row)).digest()
    # what is stored today must be readable tomorrow: the literal is sha256sum's, of the bytes written by printf
    assert chained(start, 1, 7, row).hex() == "397b02da40e43303fef015dba0d9774ae6fa8236b757a49fe337537c35a1204e"


@pytest.mark.parametrize(
    "values",
    [{"bar": 2**63}, {"bar": 1.5}, {"at": None}, {"symbol": "\udcff"}, {"request": "text"}, {"kind": b"bytes"}],
    ids=str,
)
def test_what_is_no_row_is_refused_on_one_line(values: dict[str, object]) -> None:
    with pytest.raises(JournalError, match="journal row: must be text, whole nanoseconds of 64 bits, and bytes"):
        canonical(1, 1, JournalRow("a", "b", 1, "c", b"", b"", 2)._replace(**values))  # type: ignore[arg-type]


def test_a_stored_row_has_a_name() -> None:
    assert Stored(1234, JournalRow("a", "BTC", 5, "bar", b"", b"", 0), 1, b"").name == "row 1,234 (bar BTC 5)"
