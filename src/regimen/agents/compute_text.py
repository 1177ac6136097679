"""`ComputeText`: where an agent's actors live, in its config."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from regimen.errors import ConfigError
from regimen.work import Compute


def _readable(text: str) -> str:
    try:
        Compute.parse(text)
    except ConfigError as error:
        raise ValueError(error.rule) from None
    return text


ComputeText = Annotated[str, AfterValidator(_readable)]
"""Where actors live, as ``--compute`` takes it."""
