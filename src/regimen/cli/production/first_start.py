"""The first start of a bundle on a machine: what has to be compiled for it is compiled by a process of its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import regimen

_MOST = 600.0
"""Seconds after which the server compiles by itself."""
_WARM = "import sys, pathlib, regimen.cli.production.first_start as own; own.warm(pathlib.Path(sys.argv[1]))"


def compile_beforehand(bundle: Path) -> bool:
    """Lets another process compile what a bundle needs, unless one has on this machine; returns whether it did.

    The compiler takes some 60 MB that its process never gives back; who reads from the disk what it made does without.
    Nothing rests on it: where it does not end well, the server compiles by itself and says what is wrong.

    Args:
        bundle: the folder.
    """
    from regimen.jit import COMPILER
    from regimen.scan import cache_folder

    with suppress(OSError, RuntimeError, subprocess.SubprocessError):
        manifest = (bundle / "manifest.json").read_bytes()
        digest = sha256(f"{regimen.__version__}\n{COMPILER}\n{regimen.__file__}\n".encode() + manifest).hexdigest()
        mark = cache_folder() / "served" / digest[:32]
        if mark.exists():
            return False
        command = [sys.executable, "-c", _WARM, str(bundle)]
        silent = subprocess.DEVNULL
        subprocess.run(command, stdin=silent, stdout=silent, stderr=silent, timeout=_MOST, check=True)
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch()
        return True
    return False


def warm(bundle: Path) -> None:
    """Compiles all that a bundle's account needs; what the compiler makes is on disk then.

    Args:
        bundle: the folder.
    """
    from regimen.cli.production.bundles import opened
    from regimen.live import Engine, Setup

    engine = Engine(Setup.of(opened(bundle)))
    engine.warm(engine.initial())
