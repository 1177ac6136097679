"""The command line: one file per command, and the only place where the rooms are wired together."""

from __future__ import annotations


def main() -> None:
    """Runs the `regimen` command; see `regimen.cli.app.main`."""
    from regimen.cli.screen.interrupt import end_at_once_on_interrupt

    end_at_once_on_interrupt()
    from regimen.cli.app import main as run

    run()
