"""`regimen halt` and `regimen resume-trading`: an operator's word to a running server."""

from __future__ import annotations

import getpass
import json
from typing import Annotated

import typer

from regimen.cli.screen.lines import say

URL = "http://127.0.0.1:8000"
Url = Annotated[str, typer.Option("--url", help="of the server")]
Reason = Annotated[str, typer.Option("--reason", help="why, for the journal")]
By = Annotated[str, typer.Option("--by", help="who; your user name when left out")]
Key = Annotated[
    str, typer.Option("--key", envvar="REGIMEN_KEY", help="with the scope operate, where the server has keys")
]
AsJson = Annotated[bool, typer.Option("--json", help="print the server's answer")]


def halt(
    url: Url = URL,
    reason: Reason = "",
    by: By = "",
    key: Key = "",
    reduce: Annotated[bool, typer.Option("--reduce", help="hold on to positions, and let them only shrink")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop trading on a running server: every position is closed, and nothing is opened until somebody resumes.

    Example: regimen halt --reason "exchange is down"
    """
    _send("reduce" if reduce else "halt", url, reason, by, key, as_json)


def resume_trading(url: Url = URL, reason: Reason = "", by: By = "", key: Key = "", as_json: AsJson = False) -> None:
    """Let a running server trade again after a halt.

    Example: regimen resume-trading --reason "exchange is back"
    """
    _send("resume", url, reason, by, key, as_json)


def _send(word: str, url: str, reason: str, by: str, key: str, as_json: bool) -> None:
    from regimen.serving import post

    answer = post(f"{url.rstrip('/')}/{word}", {"by": by or _user(), "reason": reason}, key)
    if as_json:
        print(json.dumps(answer, indent=1))
        return
    say(f"{answer['mode']}: event {answer['seq']} of the account, equity {answer['equity']:,.2f}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
