"""The `regimen` command: the list of subcommands, and every user's mistake as one line and exit code 2."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

import regimen
from regimen.cli import (
    backtest,
    bench,
    data,
    demo,
    doctor,
    features,
    new,
    report,
    reproduce,
    runs,
    train,
)
from regimen.cli.finished import (
    adapt,
    collapse,
    costs,
    export,
    forecast,
    importance,
    retrain,
    safeguards,
    signal,
    stress,
    validate,
    vault,
    watch,
)
from regimen.cli.production import audit, keys, operator, paper, serve
from regimen.cli.screen.interrupt import end_at_once_on_interrupt, raise_on_interrupt
from regimen.cli.screen.lines import say, spell_what_cannot_be_encoded
from regimen.cli.studies import ablate, calibrate, leaks, prove, simulate_operations, tune
from regimen.errors import RegimenError, one_line
from regimen.memory import ran_out

_LONGEST_LINE = 1000


class _Interrupted(Exception):
    """Ctrl-C. The framework would end silently; this passes it by, with what the command has to say."""


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _Interrupted(*error.args) from None


app = typer.Typer(
    name="regimen",
    cls=_Commands,
    help="Trains trading policies and tells the truth about them. Add --debug to any command for tracebacks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"regimen {regimen.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="print the version and exit"),
    ] = False,
) -> None:
    del version


app.command("demo", short_help="train and judge a policy on the S&P 500")(demo.demo)
app.command("new", short_help="write a commented config for your bars")(new.new)
app.add_typer(data.app, name="data", short_help="check, convert and fingerprint bars")
app.command("features", short_help="compute the causal features of a file")(features.features)
app.command("train", cls=train.TrainCommand, short_help="train a policy walk-forward and judge it")(train.train)
app.command("resume", short_help="continue a run that was stopped")(train.resume)
app.command("backtest", short_help="run a trained policy on other bars or costs")(backtest.backtest)
app.command("forecast", short_help="quantiles of the next bars, and the classes")(forecast.forecast)
app.command("signal", short_help="what a policy holds now, and why")(signal.signal)
app.command("adapt", short_help="adapt a run to its newest bars, if it gains")(adapt.adapt)
app.command("retrain", short_help="train a run again when its market has changed")(retrain.retrain)
app.command("watch", short_help="a run on newer bars, beside what it promised")(watch.watch)
app.command("collapse", short_help="why a policy holds")(collapse.collapse)
app.command("costs", short_help="what is left of a run at 0, 1, 2, 5 times its costs")(costs.costs)
app.command("safeguards", short_help="what each limit would have cost and saved")(safeguards.safeguards)
app.command("importance", short_help="which features of a run mattered")(importance.importance)
app.command("ablate", short_help="what each method of a config is worth")(ablate.ablate)
app.command("tune", short_help="search a config's space, judge the best")(tune.tune)
app.command("stress", short_help="a run under attack, in turbulence, in crises")(stress.stress)
app.command("validate", short_help="a run on every choice of folds, path by path")(validate.validate)
app.add_typer(vault.app, name="vault", short_help="lock or open a run's last, unread span")
app.command("report", short_help="write a run's report, print its verdict")(report.report)
app.command("export", short_help="a run as a folder that decides without torch")(export.export)
app.command("reproduce", short_help="run a run again, compare every number")(reproduce.reproduce)
app.command("paper", short_help="trade a bundle on an account of play money")(paper.paper)
app.command("audit", short_help="check a journal, row by row")(audit.audit)
app.command("leaks", short_help="check that nothing reads the future")(leaks.leaks)
app.add_typer(runs.app, name="runs", short_help="list runs and trials")
app.command("serve", short_help="a bundle's decisions over HTTP")(serve.serve)
app.add_typer(keys.app, name="keys", short_help="who may ask a server for what")
app.command("halt", short_help="stop trading on a running server")(operator.halt)
app.command("resume-trading", short_help="let a running server trade again")(operator.resume_trading)
app.command("prove", short_help="train agents on markets with known optima")(prove.prove)
app.command("calibrate", short_help="the judge on markets with and without an edge")(calibrate.calibrate)
app.command("simulate-operations", short_help="a live account through all that can go wrong")(
    simulate_operations.simulate_operations
)
app.command("doctor", short_help="is this installation well, and what mends it")(doctor.doctor)
app.command("bench", short_help="measure speed", context_settings={"ignore_unknown_options": True})(bench.bench)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line. Exit codes: 0 done, 1 done with a bad finding, 2 a mistake to mend, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    end_at_once_on_interrupt()
    words = [word for word in words if word != "--debug"]
    spell_what_cannot_be_encoded()
    try:
        code = _done(words)
    except TyperException as error:
        _end(_usage(error), error.exit_code, debug)
    except RegimenError as error:
        _end(f"error: {error}", 2, debug)
    except (_Interrupted, KeyboardInterrupt) as error:
        run, again = (*error.args, "", "")[:2]
        again = again or (run and f"regimen resume {run}")
        _end("interrupted" + (f"; `{again}` continues it" if again else ""), 130, debug)
    except Exception as error:
        if ran_out(error):
            _end(f"error: memory: not enough for this command ({one_line(str(error), 300)})", 2, debug)
        if not isinstance(error, OSError):
            raise
        # a full disk or a vanished folder may strike anywhere; the user needs the place, not the traceback
        place = f": {error.filename}" if error.filename else ""
        _end(f"error: {one_line(f'{error.strerror or error}{place}', _LONGEST_LINE)}", 2, debug)
    finally:
        raise_on_interrupt()
    raise SystemExit(code if isinstance(code, int) else 0)


def _done(words: list[str]) -> object:
    """Does what the words ask for; of processes that torchrun started, in the first one, which the others follow."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return app(words, prog_name="regimen", standalone_mode=False)
    from regimen.training import followed_by_the_others

    with followed_by_the_others() as leads:
        return app(words, prog_name="regimen", standalone_mode=False) if leads else 0


def _usage(error: TyperException) -> str:
    """A mistake in the command line itself, on one line with the way to help; bare groups show their help."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        return message
    where = f" (see {context.command_path} --help)" if context is not None else ""
    return f"error: command line: {one_line(message, _LONGEST_LINE).rstrip('.')}{where}"


def _end(line: str, code: int, debug: bool) -> NoReturn:
    """Ends the program after one line on standard error, with the traceback before it where that was asked for."""
    if debug:
        traceback.print_exc()
    say(line, error=True)
    raise SystemExit(code) from None
