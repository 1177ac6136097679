"""A finished run as if it were live: its bars one by one, and data that end earlier."""

from regimen.runs.live.checks import live_checks
from regimen.runs.live.result import LiveCheck, LiveChecks

__all__ = ["LiveCheck", "LiveChecks", "live_checks"]
