"""How sure a policy is."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.runs.guarding import entropy_confidence


def test_confidence_is_one_less_the_share_of_the_entropy() -> None:
    """By hand: H(.5, .3, .2) = 1.02965 nats of ln 3 = 1.09861."""
    rows = np.array([[1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0], [0.5, 0.3, 0.2], [np.nan, np.nan, np.nan]])
    known = entropy_confidence(rows)
    assert known[:3] == pytest.approx([0.0, 1.0, 1.0 - 1.0296530 / 1.0986123], abs=1e-7)
    assert np.isnan(known[3])
