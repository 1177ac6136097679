"""`regimen new`: a commented config for a file of bars, asked for in three questions."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer

from regimen.cli import completion
from regimen.cli.recommended import MODEL, recommended
from regimen.cli.screen.lines import say

if TYPE_CHECKING:
    from regimen.bars import CalendarName, CheckReport

T = TypeVar("T")


def new(
    name: Annotated[str, typer.Argument(help="of the strategy; NAME.yaml is written", show_default=False)],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="further fields, e.g. data.repairs.sort=true")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="bars: a file, a folder, a 'pattern'", show_default=False)
    ] = None,
    venue: Annotated[
        str | None,
        typer.Option(
            "--venue",
            help="where it trades, for its costs; by the calendar if left out",
            show_default=False,
            autocompletion=completion.venues,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="what is trained; five seeds of a perceptron if left out",
            show_default=False,
            autocompletion=completion.models,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="ask nothing; what is not given has its default")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="ask nothing, print JSON")] = False,
) -> None:
    """Write a short config for your bars, each line explained, and print the command that trains on it.

    The file is read and checked first. Whatever is not given as an option is asked for. What is left open is as the
    study of what pays recommends: calibrated probabilities, the mean of five seeds, a no-trade band.

    Example: regimen new my-strategy

    Example: regimen new my-strategy --data btc-1h.csv --venue binance-spot --model cnn --yes
    """
    from regimen.cli.screen.progress import working
    from regimen.errors import ConfigError

    asks = sys.stdin.isatty() and not yes and not as_json
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if path.exists():
        raise ConfigError("NAME", "must be that of a new file; this one exists and is not overwritten", str(path))
    words = overrides or []
    with working("config"):
        _require_model("logistic", [f"name={json.dumps(path.stem)}"])
    data, report = _answer(
        "--data", "File, folder or pattern of bars", data, None, asks, lambda file: _check(file, words)
    )
    about = _about(report)
    if not as_json:
        say(about)
    venue, _ = _answer("--venue", "Where it trades, for its costs", venue, _usual(report), asks, _require_venue)
    model, _ = _answer("--model", "Model", model, MODEL, asks, lambda kind: _require_model(kind, words))
    text = _written(path, data, venue, model, words, about)
    following = shlex.join(["regimen", "train", str(path)])
    if as_json:
        print(json.dumps({"path": str(path), "yaml": text, "data": report.to_dict(), "next": following}, indent=1))
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    screen = console()
    print_sentence(screen, f"{path}, {len(text.splitlines())} lines, each with what it means", label="Written")
    print_sentence(screen, following, label="Next")


def _answer(
    option: str, question: str, given: str | None, usual: str | None, asks: bool, check: Callable[[str], T]
) -> tuple[str, T]:
    """Returns what was given or answered, and what its check says; asks again where a person can mend it.

    Raises:
        RegimenError: it is wrong or missing, and nobody can be asked.
    """
    from regimen.errors import ConfigError, RegimenError

    while True:
        if given is None and asks:
            given = str(typer.prompt(question, default=usual, err=True))
        given = given if given is not None else usual
        if given is None:
            raise ConfigError(option, "is required where nobody can be asked")
        try:
            return given, check(given)
        except RegimenError as error:
            if not asks:
                raise
            say(f"error: {error}", error=True)
            given = None


def _check(file: str, overrides: list[str]) -> CheckReport:
    """Reads and checks a file as training would; refuses what training would refuse."""
    from regimen.bars import DataConfig
    from regimen.cli.screen.progress import working
    from regimen.settings import apply_overrides

    with working("checking"):
        from regimen.readers import check

        options = [each.removeprefix("data.") for each in overrides if each.startswith("data.")]
        report = check(DataConfig.of(**apply_overrides({"path": file}, options)))
    report.raise_if_refused()
    return report


def _about(report: CheckReport) -> str:
    """Says what a file holds."""
    from regimen.spans import in_words

    symbols = f"{len(report.symbols)} symbols" if len(report.symbols) > 1 else report.symbols[0]
    return (
        f"{report.source}: {report.rows:,} rows of {in_words(report.bar_length)}, {symbols}, {report.start[:10]} to "
        f"{report.end[:10]}, calendar {report.calendar}"
    )


def _usual(report: CheckReport) -> str:
    from regimen.execution import Costs

    return str(Costs.of_calendar(cast("CalendarName", report.calendar)).venue)


def _require_venue(name: str) -> None:
    from regimen.errors import ConfigError
    from regimen.execution import VENUES

    if name not in VENUES:
        raise ConfigError("--venue", f"must be one of {', '.join(VENUES)}", name)


def _require_model(name: str, overrides: list[str]) -> None:
    """Refuses a model, or what is said of it, before anything is written; whatever the data are."""
    from regimen.records import choose_model

    others = [word for word in overrides if not word.startswith("data.")]
    choose_model(name, None, ["data.sample=sp500", *others])


def _written(path: Path, data: str, venue: str, model: str, overrides: list[str], about: str) -> str:
    """Writes the config, and returns what it says."""
    from regimen.cli.starter import starter
    from regimen.files import write_text
    from regimen.records import choose_model

    own = [f"name={json.dumps(path.stem)}", f"data.path={json.dumps(data)}", f"market.costs.venue={venue}"]
    others = [word for word in overrides if not word.startswith("data.")]
    config = choose_model(model, None, [*own, *recommended(model, others), *overrides]).config
    keys = [word.partition("=")[0].strip() for word in overrides]
    text = starter(config, about, shlex.join(["regimen", "train", str(path)]), keys)
    write_text(path, text)
    return text
