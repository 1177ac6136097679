"""`regimen forecast`: quantiles of the price some bars ahead, and the probabilities of the classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, DataOverrides, Run, Runs, UpToNow, run_name

if TYPE_CHECKING:
    from regimen.runs import Holding, Signal


def forecast(
    run: Run,
    bars: UpToNow = None,
    overrides: DataOverrides = None,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print every symbol and horizon as JSON")] = False,
) -> None:
    """Ask a run's newest model for quantiles of the price some bars after the last one of a file.

    Only a model that forecasts quantiles can answer: --model tft. Nothing is judged, so it is no trial.

    Example: regimen forecast latest --bars today.csv
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.errors import ConfigError
        from regimen.predictors import TFTConfig
        from regimen.records import find_run
        from regimen.runs import signal_of

        directory = find_run(run, runs)
        model = directory.located_config().model
        if not isinstance(model, TFTConfig):
            raise ConfigError("run", "must be of a model that forecasts quantiles (--model tft)", model.kind)
        answer = signal_of(directory, bars, overrides or [], advance)
    if as_json:
        print(json.dumps({"run": str(directory.path), **_values(answer)}, indent=1, allow_nan=False))
        return
    _print(answer, run_name(directory.path), model.quantiles)


def _values(signal: Signal) -> dict[str, object]:
    """Returns what is foretold, without what is held."""
    kept = ("symbol", "probabilities", "ahead")
    values = signal.to_dict()
    symbols = [{name: each[name] for name in kept} for each in values["holdings"]]
    return {name: values[name] for name in ("bar", "close", "model", "window", "notes", "verdict")} | {
        "symbols": symbols
    }


def _print(signal: Signal, run: str, levels: tuple[float, ...]) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console

    headings = ["symbol", "bars ahead", "closes (UTC)", *(f"{100.0 * level:g} %" for level in levels)]
    print_table(
        headings, [row for holding in signal.holdings for row in _rows(holding, len(levels))], words=("symbol",)
    )
    screen = console()
    for holding in signal.holdings[:5]:
        if holding.probabilities is not None:
            sell, hold, buy = holding.probabilities
            words = f"SELL {sell:.2f}, HOLD {hold:.2f}, BUY {buy:.2f}, calibrated."
            print_sentence(
                screen, words if len(signal.holdings) == 1 else f"{holding.symbol}: {words}", label="Classes"
            )
    print_sentence(
        screen, f"at the close of the bar of {signal.bar} UTC: moves from its close, by quantile.", label="Foretold"
    )
    for note in signal.notes:
        print_sentence(screen, note, label="Beware", style="bold yellow")
    print_sentence(screen, f"of this run's backtest: {signal.verdict}", label="Verdict", style="bold")
    print_sentence(screen, f"regimen report {run}   (how often its intervals held)", label="Next")


def _rows(holding: Holding, levels: int) -> list[list[str]]:
    """Returns a line for each horizon; one that says nothing where nothing is seen whole."""
    if holding.ahead is None:
        return [[holding.symbol, "–", "–", *(["–"] * levels)]]
    return [
        [holding.symbol, str(each.bars), each.close, *(f"{100.0 * move:+.2f} %" for move in each.moves)]
        for each in holding.ahead
    ]
