"""`serve`: one process that listens, recovers, answers, and drains before it ends."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, final

from regimen.errors import ConfigError
from regimen.live import Desk
from regimen.serving.access import LOCAL, Access
from regimen.serving.app import ServerApp
from regimen.serving.lane import lane_of

DRAIN = 4.0
"""Seconds that requests in flight have when the server ends."""
KEEP_ALIVE = 75
"""Seconds after which a connection on which nothing is asked is closed."""
BACKLOG = 2048
KEYS_EVERY = 2.0
"""Seconds from one look at the file of keys to the next."""


@dataclass(frozen=True)
class Address:
    """Where a server listens.

    Attributes:
        host: name or number of an interface.
        port: 0 for any that is free.
        tls_cert: PEM file of the certificate and those behind it; None: no TLS.
        tls_key: PEM file of its key.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def require_safe(self, access: Access) -> None:
        """Refuses to listen to other machines without keys.

        Raises:
            ConfigError: that, or half of what TLS needs.
        """
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("tls", "needs both --tls-cert and --tls-key")
        if access.keys is None and self.host not in LOCAL:
            rule = "must be 127.0.0.1 without keys, as anybody could trade; `regimen keys new --scope trade` makes one"
            raise ConfigError("host", rule, self.host)

    def url(self, port: int) -> str:
        """Returns the address as one types it."""
        scheme = "http" if self.tls_cert is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{port}"


def listening(address: Address) -> socket.socket:
    """Returns a socket that listens.

    Raises:
        ConfigError: the port is in use, or the host is none of this machine.
    """
    try:
        infos = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigError("host", f"must be a name or a number of this machine ({error})", address.host) from None
    family, kind, protocol, _, where = infos[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(where)
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError("port", "is in use by another program: choose another", address.port) from None
        if error.errno == errno.EACCES:
            raise ConfigError("port", "may not be opened by this user: choose one above 1023", address.port) from None
        raise ConfigError("host", f"cannot be listened on ({error.strerror or error})", address.host) from None
    return opened


def serve(
    app: ServerApp,
    prepare: Callable[[], Desk],
    address: Address,
    say: Callable[[str], None] = lambda _: None,
    keys: Path | None = None,
) -> None:
    """Serves until SIGTERM or Ctrl-C: listens at once, answers bars once the desk has recovered, drains, closes.

    Args:
        app: answers requests.
        prepare: opens the desk, on a thread of its own; ``/health`` answers meanwhile.
        address: where to listen.
        say: called with one line for people, now and then.
        keys: file of the keys, whose changes count within seconds; None: there is none.

    Raises:
        ConfigError: the address cannot be listened on.
        RegimenError: what `prepare` raised; the server has ended then.
    """
    address.require_safe(app.access)
    server = _server(app, address)
    opened = listening(address)
    process = _Process(app, prepare, server, address.url(opened.getsockname()[1]), say, keys)
    try:
        _run(process.run(opened))
    finally:
        opened.close()
    if process.failure is not None:
        raise process.failure


@final
class _Process:
    def __init__(
        self,
        app: ServerApp,
        prepare: Callable[[], Desk],
        server: Any,
        url: str,
        say: Callable[[str], None],
        keys: Path | None,
    ) -> None:
        self._app, self._prepare, self._server, self._url, self._say = app, prepare, server, url, say
        self._keys = keys
        self._began = time.monotonic()
        self.failure: BaseException | None = None

    async def run(self, opened: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server.ending = lambda: loop.call_soon_threadsafe(self._end)
        threading.Thread(target=self._recover, args=(loop,), name="recovery", daemon=True).start()
        watching = loop.create_task(self._watch_keys())
        try:
            await self._server.serve(sockets=[opened])
        finally:
            watching.cancel()
            await self._app.close()
        if self.failure is None:
            self._say("ended: everything that was answered is in the journal")

    async def _watch_keys(self) -> None:
        while self._keys is not None:
            await asyncio.sleep(KEYS_EVERY)
            try:
                if self._app.access.reread(self._keys):
                    self._say(f"keys: {self._app.access!r}")
            except ConfigError as error:
                self._say(f"warning: the keys stay as they were: {error}")

    def _recover(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            desk = self._prepare()
        except BaseException as error:  # noqa: BLE001 (it is raised again by whoever waits for the server)
            loop.call_soon_threadsafe(self._fail, error)
        else:
            loop.call_soon_threadsafe(self._open, desk)

    def _open(self, desk: Desk) -> None:
        if self._server.should_exit:
            desk.close()
            return
        self._app.open(desk)
        gc.collect()
        gc.freeze()  # what is there now stays, and need not be looked at again
        seconds = time.monotonic() - self._began
        self._say(
            f"ready after {seconds:.1f} s: {desk.state.seq:,} events in the journal, {self._app.mode}; {self._url}"
        )

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self._server.should_exit = True

    def _end(self) -> None:
        self._say("ending: requests in flight are answered")
        self._app.end()


def _server(app: ServerApp, address: Address) -> Any:
    try:
        import uvicorn
    except ImportError:
        raise ConfigError("serve", "needs uvicorn: pip install 'regimen[serve]'") from None

    class Server(uvicorn.Server):
        """Ends on a signal without raising it again: whoever drains has ended well."""

        ending: Callable[[], object]

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            del sig, frame
            if not self.should_exit:
                self.ending()
            self.should_exit = True

    config = uvicorn.Config(
        app,
        http=lane_of(app) or "auto",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=DRAIN,  # type: ignore[arg-type]
        ssl_certfile=address.tls_cert,
        ssl_keyfile=address.tls_key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("tls", f"must be PEM files of a certificate and its key ({error})") from None
    return Server(config)


def _run(coroutine: Any) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(coroutine)
    else:
        uvloop.run(coroutine)
