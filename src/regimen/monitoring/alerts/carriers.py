"""Who carries alerts from the outbox to the channels: a thread for each, so that none waits for another."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Self

from regimen.errors import ConfigError, RunError
from regimen.monitoring.alerts.config import AlertsConfig
from regimen.monitoring.alerts.outbox import Delivery, Outbox

Send = Callable[[Delivery], bool]
"""Gives a row to a channel; whether it was taken."""

_FROM_ENVIRONMENT = re.compile(r"\$\{(\w+)\}")
_LONGEST_WAIT = 60.0


def apprise_sends(config: AlertsConfig) -> dict[str, Send]:
    """Returns for each channel what sends to it: one object of Apprise for one address.

    Raises:
        ConfigError: Apprise is not installed or does not know the address, or a variable is not set. The address is
            not shown, for it holds what is secret.
    """
    return {name: _apprise_send(name, address) for name, address in config.channels.items()}


def _apprise_send(name: str, address: str) -> Send:
    field = f"alerts.channels.{name}"
    try:
        import apprise
    except ImportError:
        raise ConfigError(field, "needs the package apprise: pip install 'regimen[serve]'") from None

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(field, "must name variables of the environment that are set", match[1])
        return os.environ[match[1]]

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would show addresses
    channel = apprise.Apprise()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its own imports, which it makes now
        known = channel.add(_FROM_ENVIRONMENT.sub(value, address))
    if not known:
        raise ConfigError(field, "must be an address that Apprise knows, such as json://host/path or mailto://…")
    kinds = {"warning": apprise.NotifyType.WARNING, "critical": apprise.NotifyType.FAILURE}

    def send(row: Delivery) -> bool:
        return bool(channel.notify(title=f"{row.level}: {row.title}", body=row.text, notify_type=kinds[row.level]))

    return send


class Carriers:
    """Threads that empty an outbox, one a channel.

    Args:
        outbox: where alerts wait.
        sends: by channel, what sends to it.
        clock: gives nanoseconds since 1970.

    Use it as a context, or call `close`.
    """

    def __init__(self, outbox: Outbox, sends: Mapping[str, Send], clock: Callable[[], int]) -> None:
        self._outbox, self._clock = outbox, clock
        self._ended = False
        self._bells = {name: threading.Event() for name in sends}
        self._threads = [
            threading.Thread(target=self._carry, args=(name, send), name=f"alerts-{name}", daemon=True)
            for name, send in sends.items()
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wake(self) -> None:
        """Says that something was put into the outbox."""
        for bell in self._bells.values():
            bell.set()

    def close(self, seconds: float = 5.0) -> None:
        """Ends the threads; one that is waiting for its channel is left to it after so long, and its rows wait on."""
        self._ended = True
        self.wake()
        for thread in self._threads:
            thread.join(seconds)

    def _carry(self, channel: str, send: Send) -> None:
        bell = self._bells[channel]
        while not self._ended:
            bell.clear()
            try:
                self._outbox.deliver(channel, send, self._clock(), self._clock)
                due = self._outbox.next_due(channel)
            except RunError:  # the disk takes nothing: what was sent may be sent again
                due = self._clock() + 1_000_000_000
            wait = _LONGEST_WAIT if due is None else (due - self._clock()) / 1e9
            if not self._ended:
                bell.wait(min(max(wait, 0.001), _LONGEST_WAIT))
