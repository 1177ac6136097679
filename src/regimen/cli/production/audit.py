"""`regimen audit`: read a journal again, from its first row to its last."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from regimen.journal import Verified

_DATABASE = ("postgres://", "postgresql://")


def audit(
    journal: Annotated[
        str, typer.Argument(metavar="JOURNAL", help="a SQLite file, or postgresql://...", show_default=False)
    ],
    account: Annotated[str | None, typer.Option(help="whose journal, in a PostgreSQL database")] = None,
    noted: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="a last digest that an earlier audit printed")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check every row of a journal against its hash chain, and name the first that is not what was written.

    It may run while the journal is written to. Note the digest that it prints where nobody can change it: the next
    audit, given that digest, also shows that no row was taken away from the end. Exits 1 when anything differs.

    Example: regimen audit journal.sqlite

    Example: regimen audit postgresql://user@host/trading --account paper
    """
    from regimen.cli.screen.progress import working
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    with working("reading the journal"):
        verified = _verified(journal, account, _digest(noted))
    if as_json:
        print(json.dumps({**verified._asdict(), "digest": verified.digest.hex()}, indent=1))
    else:
        screen = console()
        rows = f"{verified.rows:,} rows of account {verified.account}"
        if verified.broken is None:
            print_sentence(screen, f"{rows}, all as they were written.", label="Whole", style="bold green")
        else:
            print_sentence(screen, verified.broken, label="Broken", style="bold red")
            print_sentence(screen, f"{rows} before it are as they were written.")
        print_sentence(screen, verified.digest.hex(), label="Digest")
    if verified.broken is not None:
        raise typer.Exit(1)


def _verified(journal: str, account: str | None, noted: bytes | None) -> Verified:
    from regimen.errors import ConfigError
    from regimen.journal import PostgresJournal, verify

    if not journal.startswith(_DATABASE):
        if account is not None:
            raise ConfigError("--account", "must be left out for a file, which is one account's", account)
        return verify(Path(journal), noted)
    if account is None:
        raise ConfigError("--account", "must say whose journal of the database to read")
    with closing(PostgresJournal(journal, account, lead=False)) as opened:
        return verify(opened, noted)


def _digest(noted: str | None) -> bytes | None:
    from regimen.errors import ConfigError

    try:
        digest = None if noted is None else bytes.fromhex(noted)
    except ValueError:
        digest = b""
    if digest is not None and len(digest) != 32:
        raise ConfigError("--noted", "must be 64 hexadecimal digits", noted)
    return digest
