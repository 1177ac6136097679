"""`regimen signal`: what a run's policy holds now, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, DataOverrides, Run, Runs, UpToNow, run_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regimen.runs import Holding, Signal


def signal(
    run: Run,
    bars: UpToNow = None,
    overrides: DataOverrides = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="explain this one of a panel", show_default=False)
    ] = None,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print every symbol with its reasons as JSON")] = False,
) -> None:
    """Ask a run's newest model at the last bar of a file: target exposures now, the change, and the reasons.

    The file needs as much history as the features look back on. Nothing is judged, so it is no trial.

    Example: regimen signal latest --bars today.csv
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.errors import ConfigError
        from regimen.records import find_run
        from regimen.runs import signal_of

        directory = find_run(run, runs)
        answer = signal_of(directory, bars, overrides or [], advance)
    names = [holding.symbol for holding in answer.holdings]
    if symbol is not None and symbol not in names:
        raise ConfigError("--symbol", f"must be one of {', '.join(names[:5])}{', …' if len(names) > 5 else ''}", symbol)
    if as_json:
        print(json.dumps({"run": str(directory.path), **answer.to_dict()}, indent=1, allow_nan=False))
        return
    _print(answer, run_name(directory.path), symbol)


def _print(signal: Signal, run: str, symbol: str | None) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    _print_table(signal.holdings)
    screen = console()
    fill = "the next open" if signal.latency_bars == 1 else f"the open of bar t + {signal.latency_bars}"
    print_sentence(screen, f"at the close of the bar of {signal.bar} UTC, to be filled at {fill}.", label="Decided")
    model = f"{signal.model} of window {signal.window}, trained on bars before {signal.trained_until}."
    if signal.trained_until is None:
        model = f"{signal.model}, a rule: nothing is fitted."
    print_sentence(screen, model, label="Model")
    chosen = _most_held(signal.holdings) if symbol is None else _of(signal.holdings, symbol)
    for sentence in _why(chosen, alone=len(signal.holdings) == 1):
        print_sentence(screen, sentence, label="Why")
    for note in signal.notes:
        print_sentence(screen, note, label="Beware", style="bold yellow")
    print_sentence(screen, f"of this run's backtest: {signal.verdict}", label="Verdict", style="bold")
    print_sentence(screen, f"regimen backtest {run} --bars FILE   (is it worth following?)", label="Next")


def _print_table(holdings: Sequence[Holding]) -> None:
    from regimen.cli.screen.tables import print_table

    headings = ["symbol", "target", "change", "volatility/yr", "features"]
    classes = any(holding.probabilities is not None for holding in holdings)
    if classes:
        headings[3:3] = ["SELL", "HOLD", "BUY"]
    cells = []
    for holding in holdings:
        row = [holding.symbol, _signed(holding.target, "keep"), _signed(holding.change, "–")]
        if classes:
            row += ["–"] * 3 if holding.probabilities is None else [f"{each:.2f}" for each in holding.probabilities]
        volatility = "–" if holding.volatility is None else f"{holding.volatility:.0%}"
        cells.append([*row, volatility, _knowledge(holding)])
    print_table(headings, cells, words=("symbol", "features"))


def _signed(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value + 0.0:+.3f}"


def _knowledge(holding: Holding) -> str:
    """Whether the model sees something whole, and what it lacks."""
    if holding.known:
        return "known"
    if holding.missing:
        return f"{holding.missing} bars missing"
    if holding.target is None:
        return "no bar"
    return f"{len(holding.unknown)} not known" if holding.unknown else "context not whole"


def _of(holdings: Sequence[Holding], symbol: str) -> Holding:
    return next(holding for holding in holdings if holding.symbol == symbol)


def _most_held(holdings: Sequence[Holding]) -> Holding:
    """The holding with the largest target among those that can be explained."""
    return max(holdings, key=lambda holding: (holding.reasons is not None, abs(holding.target or 0.0)))


def _why(holding: Holding, *, alone: bool) -> list[str]:
    """Sentences on one symbol."""
    if holding.target is None:
        return [f"{holding.symbol} has no bar at this time: what is held of it is kept."]
    if holding.unknown:
        return [f"{holding.symbol} is flat: {', '.join(holding.unknown[:3])} not known at this bar."]
    if holding.reasons is None:
        return ["no reasons can be given: this model weighs no features, or these bars do not reach into its training."]
    of = "" if alone else f"{holding.symbol}: "
    far = ", ".join(f"{each.feature} {each.deviations:+.1f}" for each in holding.reasons.furthest)
    effects = ", ".join(f"{each.group} {each.effect:+.3f}" for each in holding.reasons.effects)
    parts = ", ".join(
        f"{each.name} {each.answer:+.3f}" + ("" if each.weight is None else f" (weight {each.weight:.2f})")
        for each in holding.reasons.parts
    )
    return [
        *([f"{of}{holding.reasons.answer} by part: {parts}."] if parts else []),
        f"{of}furthest from their mean in training, in standard deviations: {far}.",
        f"{of}{holding.reasons.answer} now, less that with a group at its mean: {effects}.",
    ]
