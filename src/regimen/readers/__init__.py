"""Files into bars: containers and formats, what their columns and clocks mean, and bundled samples."""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.readers.loading import (
        Loaded,
        check,
        file_name,
        load,
        load_as_is,
        load_bars,
        load_frame,
        load_with_report,
        read_back,
    )

__all__ = [
    "Loaded",
    "check",
    "file_name",
    "load",
    "load_as_is",
    "load_bars",
    "load_frame",
    "load_with_report",
    "read_back",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "check": ".loading",
        "file_name": ".loading",
        "load": ".loading",
        "load_as_is": ".loading",
        "load_bars": ".loading",
        "load_frame": ".loading",
        "load_with_report": ".loading",
        "Loaded": ".loading",
        "read_back": ".loading",
    },
)
