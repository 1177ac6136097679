"""`regimen audit`: read a journal again, from its first row to its last."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from regimen.journal import Verified
    from regimen.live import Refolded

_DATABASE = ("postgres://", "postgresql://")


def audit(
    journal: Annotated[
        str, typer.Argument(metavar="JOURNAL", help="a SQLite file, or postgresql://...", show_default=False)
    ],
    account: Annotated[str | None, typer.Option(help="whose journal, in a PostgreSQL database")] = None,
    noted: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="a last digest that an earlier audit printed")
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="that decided: fold every row again, and trade it in a backtest"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check every row of a journal against its hash chain, and name the first that is not what was written.

    It may run while the journal is written to. Note the digest that it prints where nobody can change it: the next
    audit, given that digest, also shows that no row was taken away from the end.

    With --bundle every event is decided again, byte for byte, and the account is held against a backtest of the same
    bars and targets, to the last bit. Exits 1 when anything differs, and names the first row or bar that does.

    Example: regimen audit journal.sqlite --bundle bundles/mine

    Example: regimen audit postgresql://user@host/trading --account paper
    """
    from regimen.cli.screen.progress import working
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    with working("reading the journal"):
        verified = _verified(journal, account, _digest(noted))
        again = None if bundle is None or verified.broken is not None else _refolded(journal, account, bundle)
    if as_json:
        shown = {**verified._asdict(), "digest": verified.digest.hex()}
        print(json.dumps(shown if again is None else {**shown, **again._asdict()}, indent=1))
    else:
        screen = console()
        rows = f"{verified.rows:,} rows of account {verified.account}"
        if verified.broken is None:
            print_sentence(screen, f"{rows}, all as they were written.", label="Whole", style="bold green")
        else:
            print_sentence(screen, verified.broken, label="Broken", style="bold red")
            print_sentence(screen, f"{rows} before it are as they were written.")
        print_sentence(screen, verified.digest.hex(), label="Digest")
        if again is not None:
            _print(again)
    if verified.broken is not None or (again is not None and (again.differs or again.backtest)):
        raise typer.Exit(1)


def _print(again: Refolded) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console
    from regimen.reprs import many

    screen = console()
    folded = f"{many(again.events, 'event')} decided again, byte for byte."
    print_sentence(
        screen, again.differs or folded, label="Decided", style="bold red" if again.differs else "bold green"
    )
    if again.differs is None:
        same = f"a backtest has the same equity, to the last bit, at {many(again.bars, 'bar')}."
        style = "bold red" if again.backtest else "bold green"
        print_sentence(screen, again.backtest or same, label="Backtest", style=style)


def _refolded(journal: str, account: str | None, folder: Path) -> Refolded:
    from regimen.cli.production.bundles import opened as open_bundle
    from regimen.errors import RunError
    from regimen.journal import PostgresJournal, rows_of
    from regimen.live import Setup, refolded

    bundle = open_bundle(folder)
    if not journal.startswith(_DATABASE):
        rows = list(rows_of(Path(journal)))
    else:
        assert account is not None
        with closing(PostgresJournal(journal, account, lead=False)) as opened:
            rows = list(opened.read())
    if not rows:
        raise RunError(journal, "must have at least one row")
    return refolded(rows, Setup.of(bundle).as_opened(rows[0].row.request))


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
