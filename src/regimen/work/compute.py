"""Where a command works, in the words of its ``--compute``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, final

from regimen.errors import ConfigError
from regimen.work.mapper import HERE, Mapper

_RULE = "must be local, processes:N with N from 1, ray, or ray://HOST:PORT"


@final
@dataclass(frozen=True)
class Compute:
    """Where work is done; results never depend on it.

    Attributes:
        kind: in this process, in processes of their own on this machine, or on Ray.
        processes: how many, for ``processes``.
        address: of a Ray head, ``ray://HOST:PORT``; None starts Ray on this machine.
    """

    kind: Literal["local", "processes", "ray"] = "local"
    processes: int = 1
    address: str | None = None

    @classmethod
    def parse(cls, text: str) -> Compute:
        """Reads ``local``, ``processes:2``, ``ray`` or ``ray://head:10001``.

        Raises:
            ConfigError: any other text.
        """
        if text == "local":
            return cls()
        if (match := re.fullmatch(r"processes:(\d{1,4})", text, re.ASCII)) and int(match[1]) > 0:
            return cls("processes", processes=int(match[1]))
        if text == "ray" or re.fullmatch(r"ray://[^\s/:@]+:\d{1,5}", text, re.ASCII):
            return cls("ray", address=None if text == "ray" else text)
        raise ConfigError("compute", _RULE, text)

    def __str__(self) -> str:
        if self.kind == "processes":
            return f"processes:{self.processes}"
        return self.address or self.kind

    @contextmanager
    def mapper(self) -> Iterator[Mapper]:
        """Lends workers that stay warm from one `Mapper.map` to the next; they start when they are first needed.

        Processes start interpreters of their own, so a script needs its ``if __name__ == "__main__":``.

        Raises:
            ConfigError: Ray is not installed.
            RunError: a Ray head that does not answer.
        """
        if self.kind == "local":
            yield HERE
        elif self.kind == "processes":
            from regimen.work.processes import Processes

            processes = Processes(self.processes)
            try:
                yield processes
            finally:
                processes.close()
        else:
            from regimen.work.cluster import Cluster, connected

            with connected(self.address) as ray:
                yield Cluster(ray)


LOCAL = Compute()
"""In this process."""
