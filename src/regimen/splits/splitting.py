"""`split`: a config, bars and labels become windows."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from regimen.bars import Bars
from regimen.labels import Labels
from regimen.splits.own_splits import OwnSplitsConfig, split_own
from regimen.splits.walk_forward import WalkForwardConfig, Window, walk_forward

SplitsConfig = Annotated[WalkForwardConfig | OwnSplitsConfig, Field(discriminator="kind")]
"""Every way to split; ``kind`` chooses."""


def split(
    config: WalkForwardConfig | OwnSplitsConfig,
    bars: Bars,
    labels: Labels,
    memory: int = 0,
    *,
    usable: NDArray[np.bool_] | None = None,
    until: int | None = None,
) -> tuple[Window, ...]:
    """Cuts the series into windows, purged and embargoed; see `walk_forward` for the arguments.

    Raises:
        SplitError, ConfigError: see `walk_forward` and `split_own`.
    """
    if isinstance(config, OwnSplitsConfig):
        return split_own(config, bars, labels, memory, usable=usable, until=until)
    return walk_forward(config, bars, labels, memory, usable=usable, until=until)
