"""The bundle of a command: served without torch, what no graph computes by the library that trained it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regimen.bundle import Bundle
    from regimen.execution import Policy


def opened(folder: Path) -> Bundle:
    """Returns a bundle, checked to the last byte.

    Raises:
        RunError: it is no bundle, or it is damaged.
    """
    from regimen.bundle import open_bundle

    return open_bundle(folder, revive=_revived)


def _revived(folder: Path, member: int | None) -> Policy:
    from regimen.runs import revive

    return revive(folder, member)
