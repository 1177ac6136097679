"""`regimen serve`: a bundle's decisions over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import regimen
from regimen.cli.screen.lines import say

if TYPE_CHECKING:
    from regimen.journal import JournalLost
    from regimen.live import Desk, Setup


def serve(
    bundle: Annotated[Path, typer.Argument(help="folder that regimen export wrote", show_default=False)],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any that is free")] = 8000,
    host: Annotated[str, typer.Option("--host", help="interface; others than this machine's own need --keys")] = (
        "127.0.0.1"
    ),
    journal: Annotated[
        Path | None,
        typer.Option("--journal", metavar="FILE", help="its journal; journals/<run>-<account>.sqlite when left out"),
    ] = None,
    account: Annotated[str, typer.Option("--account", help="name of the account in the journal")] = "paper",
    cash: Annotated[
        float | None, typer.Option("--cash", help="that a new account opens with; that of the run when left out")
    ] = None,
    safeguards: Annotated[
        Path | None,
        typer.Option("--safeguards", metavar="FILE.yaml", help="limits; those of the bundle when left out"),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FILE", help="who may do what; regimen keys new writes it"),
    ] = None,
    alerts: Annotated[
        Path | None,
        typer.Option("--alerts", metavar="FILE.yaml", help="channels that warnings and worse are sent to"),
    ] = None,
    live_intent: Annotated[
        bool, typer.Option("--live-intent", help="orders will be real: refuse a verdict below evidence")
    ] = False,
    warmup: Annotated[
        Path | None,
        typer.Option("--warmup", metavar="FILE", help="bars since the run's data ended, to be seen before the first"),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", metavar="FILE.pem", help="certificate, for https")] = (
        None
    ),
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE.pem", help="its key")] = None,
    rate: Annotated[float, typer.Option("--rate", min=0, help="requests a second of one key; 0: any number")] = 1000.0,
    in_flight: Annotated[
        int, typer.Option("--in-flight", min=1, help="bars on their way to the journal; more are refused")
    ] = 1024,
    gather: Annotated[
        float, typer.Option("--gather", min=0, help="seconds that a bar waits for symbols that are posted one by one")
    ] = 5.0,
) -> None:
    """Answer bars with decisions over HTTP; every answer is in the journal before it goes out.

    It listens at once and is ready when the journal is recovered; SIGTERM or Ctrl-C lets what is in flight finish.

    Example: regimen serve bundles/mine --port 8000
    """
    from regimen.cli.production.alerting import noticing
    from regimen.cli.production.feeds import limits_of
    from regimen.serving import Access, Address, KeyRing, ServerApp
    from regimen.serving import serve as run

    limits = limits_of(safeguards)
    access = Access(None if keys is None else KeyRing.read(keys), rate=rate if keys is not None else 0.0)
    if keys is not None:
        access.reread(keys)
    address = Address(host, port, tls_cert, tls_key)
    address.require_safe(access)
    if keys is None:
        say("no keys: only programs of this machine are answered (--keys FILE lets others in)", error=True)

    def prepare() -> Desk:
        from regimen.cli.production.bundles import opened as open_bundle
        from regimen.cli.production.first_start import compile_beforehand
        from regimen.journal import SqliteJournal
        from regimen.live import Desk, Setup
        from regimen.safeguards import SafeguardsConfig

        compile_beforehand(bundle)
        opened = open_bundle(bundle)
        if live_intent:
            opened.require_evidence()
        setup = Setup.of(opened, safeguards=None if limits is None else SafeguardsConfig(**limits), cash=cash)
        path = journal or Path("journals") / f"{opened.manifest.origin.run}-{account}.sqlite"
        record = SqliteJournal(path, account)
        try:
            desk = Desk(setup, record, lost=_lost)
        except BaseException:
            record.close()
            raise
        desk.engine.warm(desk.state)
        for note in setup.notes():
            say(note, error=True)
        if warmup is not None:
            _watch(desk, warmup, setup)
        return desk

    with noticing(alerts, Path("journals") / f"{account}-alerts.sqlite", account) as noticed:
        app = ServerApp(
            access,
            most=in_flight,
            gather=gather,
            version=regimen.__version__,
            noticed=noticed,
            unsent=noticed.unsent,
            beyond=noticed.beyond,
            lost=_lost,
        )
        run(app, prepare, address, lambda line: say(line, error=True), keys)


def _watch(desk: Desk, path: Path, setup: Setup) -> None:
    """Lets features and policy see bars that nothing is decided at."""
    import numpy as np

    from regimen.bars import Bars
    from regimen.errors import DataError
    from regimen.live import bar_messages

    if desk.state.opened:
        say("warm-up: not needed, the account trades already", error=True)
        return
    bars = Bars.read(path)
    if bars.symbols != setup.symbols or bars.bar_length != setup.bar_length:
        wanted = f"{', '.join(setup.symbols)} with bars of {setup.bar_length // 10**9:,} s"
        raise DataError("warmup", f"must be of {wanted}", f"{', '.join(bars.symbols)}, {bars.bar_length // 10**9:,} s")
    stamps = bars.time.view(np.int64)
    newer = np.flatnonzero(stamps > desk.state.time)
    messages = bar_messages(bars)
    taken = [desk.bar(messages[t], int(stamps[t]) + setup.bar_length, watched=True) for t in newer.tolist()]
    if taken and taken[-1].stored is not None:
        taken[-1].stored.result()
    desk.settle()
    say(f"warm-up: {len(taken):,} bars seen, {len(messages) - len(taken):,} older ones left out", error=True)


def _lost(error: JournalLost) -> None:
    """Ends the process at once: nobody can say what was stored, and the next process reads what is there."""
    say(f"error: {error}", error=True)
    os._exit(1)
