"""`regimen paper`: a bundle decides bar by bar on an account of play money, every cost charged."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from regimen.live import Answer, Desk, Effects, PaperRecord, Posted


def paper(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="folder of regimen export", show_default=False)],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[data.KEY=VALUE]...", help="how the file of a replay is read")
    ] = None,
    feed: Annotated[
        str, typer.Option(help="replay:FILE, - for JSON lines on standard input, ws://... for a websocket")
    ] = "-",
    speed: Annotated[
        float | None,
        typer.Option(min=1e-6, help="of a replay, times the market's own; as fast as it goes when left out"),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="first bar that a replay trades on; those before are watched")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="its journal; journals/<run>-<account>.sqlite when left out")
    ] = None,
    account: Annotated[str, typer.Option(help="what the account is called")] = "paper",
    cash: Annotated[float | None, typer.Option(help="that it opens with; as in the run when left out")] = None,
    safeguards: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="the limits; the bundle's own when left out")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON: each answer of a live feed, then the record")
    ] = False,
) -> None:
    """Trade a bundle on paper: the same features, policy, account and safeguards as in the backtest, bar by bar.

    Every bar and every decision is in the journal before it is shown; the same command goes on where it was stopped. A
    replay trades the bars that the model was not trained on, unless --since says otherwise.

    Example: regimen paper bundles/mine --feed replay:btcusdt-1h.parquet

    Example: regimen paper bundles/mine --feed replay:btcusdt-1h.parquet --speed 1000 --since 2024-01-01

    Example: my-feed | regimen paper bundles/mine --feed -
    """
    from regimen.cli.production.feeds import bars_of, is_replay, limits_of
    from regimen.cli.screen.progress import working

    replay = is_replay(feed)
    with working("opening the bundle"):
        from regimen.cli.production.bundles import opened as open_bundle
        from regimen.journal import SqliteJournal
        from regimen.live import Desk, Setup
        from regimen.safeguards import SafeguardsConfig

        opened = open_bundle(bundle)
        limits = limits_of(safeguards)
        setup = Setup.of(opened, safeguards=None if limits is None else SafeguardsConfig(**limits), cash=cash)
        bars = bars_of(feed, overrides or []) if replay else None
        origin = opened.manifest.origin
        if bars is not None and setup.start is not None and int(bars.time[0].astype("int64")) <= setup.start.time:
            setup, since = setup.without_start(), since or origin.trained_until
        path = journal or Path("journals") / f"{origin.run}-{account}.sqlite"
        desk = Desk(setup, SqliteJournal(path, account))
    with closing(desk):
        record = _replay(desk, bars, since, speed) if bars is not None else _live(desk, feed, as_json)
    if as_json:
        print(json.dumps({"journal": str(path), **record.to_dict()}, indent=None if bars is None else 1))
        return
    _print(record, path, setup.notes())


def _replay(desk: Desk, bars: object, since: str | None, speed: float | None) -> PaperRecord:
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        import numpy as np

        from regimen.bars import Bars
        from regimen.errors import ConfigError
        from regimen.live import paced, replayed, trade

        assert isinstance(bars, Bars)
        try:
            first = None if since is None else np.datetime64(since, "ns")
        except ValueError:
            raise ConfigError("--since", "must be a date such as 2024-01-31", since) from None
        feed: Iterable[Posted] = replayed(bars, desk.setup, first)
        if speed is not None:
            feed = paced(feed, speed)

        def counted() -> Iterator[Posted]:
            for done, each in enumerate(feed):
                if done % 250 == 0 or speed is not None:
                    day = str(np.datetime64(each.at, "ns"))[:10]
                    advance(done, len(bars), f"{'watching' if each.watched else 'trading'} {day}")
                yield each

        record = trade(desk, counted(), lambda *_: None, most=1 if speed is not None else 64)
        advance(len(bars), len(bars), "done")
    return record


def _live(desk: Desk, feed: str, as_json: bool) -> PaperRecord:
    """Trades what arrives, says each decision, and goes on after a bar that is refused."""
    from regimen.cli.production.feeds import posted
    from regimen.cli.screen.lines import say
    from regimen.errors import RegimenError
    from regimen.live import PaperBook, encoded

    def show(answer: Answer, effects: Effects) -> None:
        if as_json:
            sys.stdout.buffer.write(encoded(answer) + b"\n")
            sys.stdout.flush()
            return
        import numpy as np

        time = str(np.datetime64(answer.time, "ns"))[:16].replace("T", " ")
        aims = ", ".join(f"{o.symbol} {o.target:+.3f}" for o in effects.orders) or "as it is"
        why = f"  ({', '.join(answer.reasons)})" if answer.reasons else ""
        say(f"{time}  {answer.mode}  equity {answer.equity:,.2f}  {aims}{why}")
        for notice in effects.notices:
            say(f"{notice.level}: {notice.text}")

    book = PaperBook(desk, show)
    for each in posted(feed):
        try:
            book.post(each)
        except RegimenError as error:
            say(str(error), error=True)
    return book.record()


def _print(record: PaperRecord, path: Path, notes: tuple[str, ...]) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console
    from regimen.numerals import count

    screen = console()
    if not record.bars:
        print_sentence(screen, "No bar was decided that is not in the journal already.", label="Result")
        print_sentence(screen, str(path), label="Journal")
        return
    sharpe = "–" if record.sharpe is None else f"{record.sharpe:.2f}"
    rows = [
        ("bars", count(record.bars), f"{record.first} to {record.last}"),
        ("equity", f"{record.equity:,.2f}", f"of {record.start_equity:,.2f}: {record.net_return:+.2%}"),
        ("Sharpe ratio", sharpe, "annual, after costs"),
        ("deepest drawdown", f"{record.drawdown:.2%}", ""),
        ("new targets", count(record.orders), f"turnover {record.turnover:,.1f} times the first equity"),
    ]
    rows += [(name.replace("_", " "), f"{paid:,.2f}", "paid") for name, paid in record.costs.items() if paid]
    rows += [(f"limit: {name.replace('_', ' ')}", count(bars), "bars") for name, bars in sorted(record.acted.items())]
    print_table(("", record.account, " "), rows, words=("", " "))
    print_sentence(screen, f"The account is {record.mode}.", label="Result", style="bold")
    for note in notes or _silence(record):
        print_sentence(screen, note, label="Note")
    print_sentence(screen, str(path), label="Journal")
    print_sentence(screen, f"regimen audit {path} --bundle BUNDLE   (the same bits as a backtest?)", label="Next")


def _silence(record: PaperRecord) -> tuple[str, ...]:
    """Why nothing was traded, where a limit let nothing through."""
    if record.turnover or not record.acted:
        return ()
    most = max(record.acted, key=lambda name: record.acted[name])
    return (f"Nothing was traded: the limit {most} acted most. `{most}: null` in --safeguards FILE.yaml lifts it.",)
