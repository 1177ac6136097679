"""Containers and formats: a file, or a folder of them, to columns that are not yet understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.readers.formats.folder import is_data, path_exists

__all__ = [
    "is_data",
    "path_exists",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "is_data": ".folder",
        "path_exists": ".folder",
    },
)
