"""`regimen keys`: who may ask a server for what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from regimen.cli.screen.lines import say

app = typer.Typer(
    help="Make, list, check and revoke the keys of a server.", no_args_is_help=True, rich_markup_mode=None
)
KEYS = Path("keys.json")
File = Annotated[Path, typer.Option("--keys", metavar="FILE", help="file of keys")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command("new", short_help="make a key, and show it once")
def new(
    scope: Annotated[list[str], typer.Option("--scope", help="read, trade or operate; again for more of them")],
    name: Annotated[str, typer.Option("--name", help="whose it is")] = "",
    path: File = KEYS,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it once; the file keeps only what recognises it.

    read: decisions, account, events, metrics. trade: post bars. operate: halt, reduce, resume.

    Example: regimen keys new --scope trade --scope read --name feed
    """
    from regimen.errors import ConfigError
    from regimen.serving import SCOPES, new_key

    if unknown := next((each for each in scope if each not in SCOPES), None):
        raise ConfigError("scope", f"must be one of {', '.join(SCOPES)}", unknown)
    key, entry = new_key(path, [each for each in SCOPES if each in scope], name)
    if as_json:
        print(json.dumps({"key": key, "id": entry.id, "name": entry.name, "scopes": list(entry.scopes)}))
        return
    say(f"{key}")
    say(f"key {entry.id} ({', '.join(entry.scopes)}) is in {path}; it is not shown again", error=True)


@app.command("list", short_help="list the keys of a file")
def list_keys(path: File = KEYS, as_json: AsJson = False) -> None:
    """List the keys of a file by id, name and scopes.

    Example: regimen keys list
    """
    from regimen.serving import KeyRing

    rows: list[dict[str, Any]] = [
        {"id": each.id, "name": each.name, "scopes": list(each.scopes), "created": each.created}
        for each in KeyRing.read(path).keys
    ]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    from regimen.cli.screen.tables import print_table

    cells = [[row["id"], row["name"], ", ".join(row["scopes"]), row["created"]] for row in rows]
    print_table(("id", "name", "scopes", "created"), cells, words=("id", "name", "scopes", "created"))


@app.command("check", short_help="which key is this")
def check(
    path: File = KEYS,
    key: Annotated[str, typer.Option("--key", prompt="key", hide_input=True, help="asked for when left out")] = "",
) -> None:
    """Say which key of a file this is; exit with 1 where it is none of them.

    Example: regimen keys check
    """
    from regimen.serving import check_key

    entry = check_key(path, key)
    if entry is None:
        say(f"none of the keys in {path}")
        raise typer.Exit(1)
    say(f"{entry.id} {entry.name}: {', '.join(entry.scopes)}")


@app.command("revoke", short_help="remove a key")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="as regimen keys list shows it", show_default=False)],
    path: File = KEYS,
) -> None:
    """Remove a key; a running server forgets it within seconds.

    Example: regimen keys revoke 3f9a1c
    """
    from regimen.serving import revoke_key

    entry = revoke_key(path, key_id)
    say(f"removed {entry.id} {entry.name}")
