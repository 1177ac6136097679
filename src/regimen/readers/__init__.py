"""Files into bars: containers and formats, what their columns and clocks mean, and bundled samples."""

from regimen.readers.loading import Loaded, check, load, load_as_is, load_with_report

__all__ = ["Loaded", "check", "load", "load_as_is", "load_with_report"]
