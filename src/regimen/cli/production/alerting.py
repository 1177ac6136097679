"""Where a server's notices go besides the terminal: into an outbox, and from there to every channel, at least once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, final

from regimen.cli.screen.lines import say
from regimen.errors import RunError

if TYPE_CHECKING:
    from regimen.live import Notice
    from regimen.monitoring import AlertsConfig, Carriers, Outbox


@final
class Notices:
    """Says each notice on the terminal, and puts warnings and worse into an outbox.

    Args:
        account: that the alerts are about.
        config: what numbers are worth an alert.
        outbox: where they wait; None: the terminal alone.
        carriers: who empty it.
    """

    def __init__(
        self, account: str, config: AlertsConfig, outbox: Outbox | None = None, carriers: Carriers | None = None
    ) -> None:
        self._account, self._config, self._outbox, self._carriers = account, config, outbox, carriers
        self._before: set[tuple[str, str]] = set()

    def __call__(self, notice: Notice) -> None:
        """Takes a notice; an outbox that cannot be written is said, and holds up nobody."""
        say(f"{notice.level}: {notice.text}", error=True)
        if self._outbox is None or self._carriers is None or notice.level == "info":
            return
        from regimen.monitoring import Alert

        now = time.time_ns()
        alert = Alert(notice.name, notice.level, f"{self._account}: {notice.text}", "", now)
        try:
            self._outbox.put([alert], now)
        except RunError as error:
            say(f"warning: no channel hears of this: {error}", error=True)
        else:
            self._carriers.wake()

    def beyond(self, numbers: Mapping[str, float]) -> list[Notice]:
        """Returns a notice for each number that is beyond a threshold of the config, and was not at the last look."""
        from regimen.live import Notice
        from regimen.monitoring import breaches

        alerts = breaches(self._config.thresholds, numbers, time.time_ns())
        before, self._before = self._before, {(each.key, each.level) for each in alerts}
        return [Notice(each.level, each.key, each.body) for each in alerts if (each.key, each.level) not in before]

    def unsent(self) -> dict[str, int]:
        """Returns by channel how many alerts it has not taken yet."""
        return {} if self._outbox is None else self._outbox.unsent()


@contextmanager
def noticing(file: Path | None, outbox: Path, account: str) -> Iterator[Notices]:
    """Yields what is called with each notice; warnings and worse go to the channels of a YAML file.

    Args:
        file: of the section ``alerts``; None: the terminal alone.
        outbox: file in which alerts wait until a channel has taken them, also over a restart.
        account: that the alerts are about.

    Raises:
        ConfigError: a channel that Apprise does not know, or a setting out of its range.
    """
    from regimen.monitoring import AlertsConfig

    if file is None:
        yield Notices(account, AlertsConfig())
        return
    from regimen.monitoring import Carriers, Outbox, apprise_sends
    from regimen.records import read_yaml
    from regimen.settings import validated

    config = validated(AlertsConfig, dict(read_yaml(file)), "alerts.")
    sends = apprise_sends(config)
    outbox.parent.mkdir(parents=True, exist_ok=True)
    with closing(Outbox(outbox, config)) as kept, Carriers(kept, sends, time.time_ns) as carriers:
        yield Notices(account, config, kept, carriers)
