"""Where a server's notices go besides the terminal: into an outbox, and from there to every channel, at least once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from regimen.cli.screen.lines import say

if TYPE_CHECKING:
    from regimen.live import Notice


def shown(notice: Notice) -> None:
    """Says a notice on the terminal."""
    say(f"{notice.level}: {notice.text}", error=True)


@contextmanager
def noticing(file: Path | None, outbox: Path, account: str) -> Iterator[Callable[[Notice], None]]:
    """Yields what is called with each notice; warnings and worse go to the channels of a YAML file.

    Args:
        file: of the section ``alerts``; None: the terminal alone.
        outbox: file in which alerts wait until a channel has taken them, also over a restart.
        account: that the alerts are about.

    Raises:
        ConfigError: a channel that Apprise does not know, or a setting out of its range.
    """
    if file is None:
        yield shown
        return
    from regimen.monitoring import Alert, AlertsConfig, Carriers, Outbox, apprise_sends
    from regimen.records import read_yaml
    from regimen.settings import validated

    config = validated(AlertsConfig, dict(read_yaml(file)), "alerts.")
    sends = apprise_sends(config)
    outbox.parent.mkdir(parents=True, exist_ok=True)
    with closing(Outbox(outbox, config)) as kept, Carriers(kept, sends, time.time_ns) as carriers:

        def noticed(notice: Notice) -> None:
            shown(notice)
            if notice.level != "info":
                now = time.time_ns()
                kept.put([Alert(notice.name, notice.level, f"{account}: {notice.text}", "", now)], now)
                carriers.wake()

        yield noticed
