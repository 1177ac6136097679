"""What a person sees at the end of every command that judges: the table, the alarms, the verdict."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from regimen.cli.arguments import run_name
from regimen.cli.screen.browser import open_page
from regimen.cli.screen.sentences import print_sentence
from regimen.cli.screen.terminal import console
from regimen.judging import CONFIDENCE, LOOKS_GOOD
from regimen.reporting.report import grown

_STYLES = {
    "evidence": "bold green",
    "weak evidence": "bold yellow",
    "worse than doing nothing": "bold red",
    "suspicious": "bold red",
    "not tradable": "bold red",
}
_WIDE = 118
"""Columns of the widest table of one row each: a ruined policy on minute bars."""

_STATISTICS = {
    "PSR": "how likely the true Sharpe ratio is above 0, were this the only trial.",
    "DSR": f"the same of its timing, after all trials; evidence asks for {CONFIDENCE:.2f}.",
    "Trials": "all that was ever tried on this market; the best of many may be luck.",
}
"""What the last columns of the table mean, in a line each; `regimen.reporting` has the definitions."""
MEANINGS: Mapping[str, str] = {
    "evidence": "every rule is passed. It may still be a leak; the future may differ.",
    "no evidence": "luck, drift or costs explain it as well; it proves nothing either way.",
    "worse than doing nothing": "it loses after costs, and bad luck hardly explains that.",
    "suspicious": "better than markets allow: look for a leak or wrong prices first.",
    "does nothing": "it holds the same all the time, so there is no skill to measure.",
    "too short": "the sample is too small to tell anything; more bars are needed.",
    "not tradable": "it lost all that the account had; nothing else counts then.",
    "weak evidence": "of an earlier version: a profit beyond chance; a rule is failed.",
}
"""What each level of a verdict means, in a line; the last one is not given any more."""

_CONTROLS = ("policy", "flat", "buy_and_hold", "random", "reference")


def _number(value: object, form: str) -> str:
    return "–" if not isinstance(value, (int, float)) else format(value, form)


def _sharpe(row: Mapping[str, Any]) -> str:
    interval = row.get("sharpe_interval")
    text = _number(row.get("sharpe"), ".2f")
    if isinstance(interval, Sequence) and all(isinstance(end, (int, float)) for end in interval):
        text += f" [{interval[0]:.2f}, {interval[1]:.2f}]"
    return text


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    """What the table says of one row of the judgement, by heading."""
    break_even = row.get("break_even_bps")
    return {
        "net return": _number(row.get("total_return"), "+.1%"),
        "Sharpe [95 %]": _sharpe(row),
        "drawdown": _number(row.get("max_drawdown"), ".1%"),
        "turnover/yr": _number(row.get("turnover"), ",.1f"),
        "break-even": "–" if break_even is None else f"{break_even:,.1f} bp",
        "PSR": _number(row.get("psr"), ".2f"),
        "DSR": _number(row.get("dsr"), ".2f"),
        "trials": _number(row.get("trials"), "d") if isinstance(row.get("trials"), int) else "–",
    }


def verdict_table(judgement: Mapping[str, Any], width: int = _WIDE) -> Table:
    """The policy beside its controls; Sharpe ratios are annual, intervals 95 %.

    One row each where the terminal is wide enough, else one column each: a number is never cut off.
    """
    rows = [row for row in judgement["rows"] if row["name"] in _CONTROLS]
    cells = [_cells(row) for row in rows]
    if _since(judgement):
        cells[0]["DSR"] += "*"
    table = Table(
        title="After costs, out of sample",
        title_justify="left",
        header_style="bold",
        padding=(0, 1, 0, 0),
        pad_edge=False,
        box=SIMPLE_HEAD,
    )
    table.add_column("", no_wrap=True)
    if width >= _WIDE:
        for heading in cells[0]:
            table.add_column(heading, justify="right", no_wrap=True)
        for row, texts in zip(rows, cells, strict=True):
            table.add_row(escape(row["label"]), *texts.values(), style="bold" if row["name"] == "policy" else "")
        return table
    for row in rows:
        table.add_column(escape(row["label"]), justify="right")
    for heading in cells[0]:
        parts = [texts[heading] for texts in cells]
        if heading == "Sharpe [95 %]":
            table.add_row("Sharpe", *(part.split(" ")[0] for part in parts))
            table.add_row(escape("[95 %]"), *(escape(part.partition(" ")[2]) for part in parts))
        else:
            table.add_row(heading, *parts)
    return table


def print_judgement(
    judgement: Mapping[str, Any], *, as_json: bool, run: Path, report: Path, opens: bool = False
) -> None:
    """Prints the table and the verdict for a person, or the whole judgement as JSON for a machine.

    Args:
        judgement: of a run, or of a backtest inside it.
        as_json: for a machine.
        run: folder of that run or backtest.
        report: its page.
        opens: whether the page is opened in the browser as well.
    """
    if as_json:
        print(json.dumps({"run": str(run), "report": str(report), **judgement}, indent=1, allow_nan=False))
    else:
        _print(judgement, run, report)
    if opens:
        open_page(report)


def _print(judgement: Mapping[str, Any], run: Path, report: Path) -> None:
    screen = console()
    screen.print(verdict_table(judgement, screen.width))
    for label, meaning in _STATISTICS.items():
        print_sentence(screen, meaning, label=label, dim=True)
    skipped = judgement.get("skipped_bars")
    if skipped:
        before = f"the first {skipped:,} bars, before the first model was trained."
        print_sentence(screen, before, label="Not traded")
    for alarm in judgement["alarms"]:
        print_sentence(screen, alarm["sentence"], label="Alarm", style="bold red")
    if judgement.get("controls") is not None:
        print_sentence(screen, _controls(judgement["controls"]), label="Controls")
    charged = judgement.get("charged")
    if charged:
        print_sentence(screen, charged["sentence"], label="Costs")
    level = judgement["verdict"]["level"]
    print_sentence(screen, judgement["verdict"]["sentence"], label="Verdict", style=_STYLES.get(level, "bold"))
    print_sentence(screen, MEANINGS[level], label="Means", dim=True)
    if judgement["verdict"].get("paragraph"):
        print_sentence(screen, judgement["verdict"]["paragraph"], label="Why")
    since = _since(judgement)
    if since:
        print_sentence(screen, f"* {since}")
    print_sentence(screen, str(run), label="Run")
    print_sentence(screen, str(report), label="Report")
    print_sentence(screen, following(judgement, run), label="Next")


def _since(judgement: Mapping[str, Any]) -> str:
    """What more trials of now make of the judgement; empty where there are none."""
    trials, (policy, *_) = judgement.get("trials", {}), judgement["rows"]
    then, now, dsr_now, verdict_now = (trials.get(name) for name in ("count", "now", "dsr_now", "verdict_now"))
    return grown(then, now, policy["dsr"], dsr_now, verdict_now)


def _controls(controls: Sequence[Mapping[str, Any]]) -> str:
    """Says how the control experiments of a run came out."""
    if not controls:
        return "none was made, though the result looks good: judge.controls is never."
    if good := [each["name"] for each in controls if each["levels"] and set(each["levels"]) <= set(LOOKS_GOOD)]:
        return f"{', '.join(good)} {'look' if len(good) > 1 else 'looks'} good too, and must not."
    shown = [each["name"] for each in controls if each["levels"]]
    return f"made again where there is nothing to find, it does not look good ({', '.join(shown)})."


def following(judgement: Mapping[str, Any], run: Path) -> str:
    """Returns what a careful person would do now, as a command, and why.

    What is good is examined for leaks before it is believed; what was lost is traded again at other costs, which is
    no trial; what cannot be told is tried on more bars, and not on more models.

    Args:
        judgement: of a run, or of a backtest or a look into its vault inside it.
        run: folder of that run, backtest or look.
    """
    look = run.name.partition("-")[0] == "vault"
    level, own = judgement["verdict"]["level"], not look and run.parent.name != "backtests"
    name = run_name(run if own else run.parent if look else run.parent.parent)
    config = shlex.quote(str(run / "config.yaml"))
    if level in ("evidence", "weak evidence", "suspicious"):
        return f"regimen leaks {config}   (before you believe it)"
    if level == "too short":
        return f"regimen {f'train {config} data.path=FILE' if own else f'backtest {name} --bars FILE'}   (more bars)"
    if level == "does nothing":
        return f"regimen signal {name}   (what it sees, and how sure it is)"
    if not own:
        return f"regimen backtest {name} --bars FILE   (further bars it has not seen)"
    if (judgement.get("charged") or {}).get("zero_costs"):
        return f"regimen backtest {name} market.costs=VENUE   (it paid nothing)"
    return f"regimen costs {name}   (is it the costs?)"
