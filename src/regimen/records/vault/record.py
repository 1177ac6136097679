"""One thing that was done with a vault, in the trial ledger and in the run's folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Literal

from regimen.errors import RunError
from regimen.records.checksums import has_its_seal, sealed
from regimen.records.documents import read_json, write_json

_FILE = "vault.json"


@dataclass(frozen=True)
class VaultRecord:
    """A line of the ledger's table of vaults, which is append-only.

    Attributes:
        at: when (ISO, UTC).
        act: ``lock``: no run of the market may see the span; ``open``: its one look; ``again``: a further look.
        run: id of the run.
        source: fingerprint of its whole series.
        first, last: stamps of the first and the last bar of the span (ISO, UTC).
    """

    at: str
    act: Literal["lock", "open", "again"]
    run: str
    source: str
    first: str
    last: str

    @property
    def span(self) -> str:
        """The days of the span, for people."""
        return f"{self.first[:10]} to {self.last[:10]}"

    def overlaps(self, first: str, last: str) -> bool:
        """Whether the span shares a moment with another one; all stamps are written alike, so text compares."""
        return self.first <= last and first <= self.last


_COLUMNS = tuple(field.name for field in fields(VaultRecord))


def vault_records(connection: sqlite3.Connection) -> list[VaultRecord]:
    """Returns all lines of a ledger, in order."""
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM vaults ORDER BY rowid")
    return [VaultRecord(*row) for row in rows]


def add_vault_record(connection: sqlite3.Connection, record: VaultRecord) -> None:
    """Appends a line."""
    connection.execute(f"INSERT INTO vaults VALUES ({', '.join('?' * len(_COLUMNS))})", astuple(record))


def keep_vault_record(folder: Path, record: VaultRecord) -> None:
    """Writes a line into the folder of its run, from which a ledger that is lost is made again."""
    write_json(folder / _FILE, sealed({"vault": [asdict(each) for each in [*_kept(folder), record]]}))


def kept_vault_records(root: Path) -> Iterator[VaultRecord]:
    """Yields the lines that the runs of a folder tell of, oldest first."""
    records = [record for path in root.glob(f"*/{_FILE}") for record in _kept(path.parent)]
    return iter(sorted(records, key=lambda record: record.at))


def _kept(folder: Path) -> list[VaultRecord]:
    if not (folder / _FILE).exists():
        return []
    values = read_json(folder / _FILE)
    if not has_its_seal(values):
        raise RunError("run", f"holds a damaged {_FILE}: its checksum differs", str(folder))
    return [VaultRecord(**row) for row in values["vault"]]
