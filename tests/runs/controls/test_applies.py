"""Which controls say something of which model."""

from __future__ import annotations

from typing import Any

import pytest

from regimen.records import RunConfig, resolve
from regimen.runs.controls.applies import no_features, no_labels


def config_of(model: Any) -> RunConfig:
    return resolve({"data": {"path": "bars.parquet"}, "model": model})


@pytest.mark.parametrize(
    ("model", "labels", "features"),
    [
        ({"kind": "logistic"}, "", ""),
        ({"kind": "lstm"}, "", ""),
        ({"kind": "forest"}, "", ""),
        ({"kind": "ppo"}, "An agent learns from rewards", ""),
        ({"kind": "momentum"}, "A rule learns nothing", "A rule reads prices"),
        ({"kind": "ensemble", "members": [{"kind": "logistic"}, {"kind": "lstm"}]}, "", ""),
        (
            {"kind": "ensemble", "combine": "hedge", "members": [{"kind": "logistic"}, {"kind": "lstm"}]},
            "Its members are weighted while they trade",
            "Its members are weighted while they trade",
        ),
        (
            {"kind": "meta", "primary": {"kind": "momentum"}, "secondary": {"kind": "logistic"}},
            "A rule learns nothing",
            "A rule reads prices",
        ),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_what_says_nothing_says_why(model: Any, labels: str, features: str) -> None:
    config = config_of(model)
    for reason, begins in ((no_labels(config), labels), (no_features(config), features)):
        assert bool(reason) == bool(begins)
        assert reason.startswith(begins)
