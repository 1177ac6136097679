"""What every step of preprocessing refuses in the same words."""

from __future__ import annotations

import pytest

from regimen.errors import ConfigError
from regimen.preprocess.fitted import require_columns


def test_a_column_that_does_not_reach_a_step_is_refused_with_the_nearest_that_does() -> None:
    require_columns("preprocess.kalman.columns", ("rsi_14",), ("rsi_14", "return_1"))
    words = (
        r"^preprocess\.kalman\.columns: must be columns that reach this step \(did you mean 'rsi_14'\?\); got 'rsi_41'$"
    )
    with pytest.raises(ConfigError, match=words):
        require_columns("preprocess.kalman.columns", ("return_1", "rsi_41"), ("rsi_14", "return_1"))
