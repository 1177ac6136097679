"""How often a vault was looked into, and the sentence that every later report of its market carries."""

from __future__ import annotations

from collections.abc import Sequence

from regimen.records.vault.record import VaultRecord


def looks(records: Sequence[VaultRecord], first: str, last: str) -> list[VaultRecord]:
    """Returns the openings of a market's vaults that share a moment with a span, in order."""
    return [record for record in records if record.act != "lock" and record.overlaps(first, last)]


def brand(records: Sequence[VaultRecord]) -> str:
    """Returns one sentence where a vault of a market was looked into more than once; else nothing.

    Args:
        records: of the market, see `regimen.records.TrialLedger.vaults`.
    """
    again = [record for record in records if record.act == "again"]
    if not again:
        return ""
    newest = again[-1]
    count = len(looks(records, newest.first, newest.last))
    times = f"{count} times" if count > 1 else "after other trials had traded in it"
    return (
        f"The vault of this market ({newest.span}) was opened {times}, last on {newest.at[:10]} by run {newest.run}: "
        "what is measured in it has been chosen from, and is no longer out of sample."
    )
