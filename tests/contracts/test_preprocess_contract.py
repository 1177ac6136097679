"""Every step of preprocessing: each of its fields does something, and the same fit gives the same bytes."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any, get_args

import numpy as np
import pytest
from pydantic_core import PydanticUndefined

from regimen.bars import Bars
from regimen.labels import Labels
from regimen.preprocess import Chain, PreprocessConfig
from regimen.splits import Slice, WalkForwardConfig, walk_forward

BARS, TRAIN, NAMES = 1_000, 600, ("a", "b", "c", "d")
MEMBERS = {member.model_fields["kind"].default: member for member in get_args(get_args(PreprocessConfig)[0])}

BASE: dict[str, dict[str, Any]] = {"consensus": {"steps": 20, "hidden": 4, "bottleneck": 1}}
"""What a step needs to be small enough; nothing by default."""

OTHER: dict[tuple[str, str], Any] = {
    ("consensus", "columns"): ("a", "b"),
    ("consensus", "views"): (("a", "b"), ("b", "c", "d")),
    ("consensus", "clip"): None,
    ("kalman", "columns"): ("a",),
    ("kalman", "rows"): 400,
    ("running", "half_life"): 30.0,
    ("running", "clip"): 1.0,
    ("standard", "clip"): 1.0,
}
"""Fields whose other value is not found by itself."""


def _part() -> Slice:
    price = np.full((BARS, 1), 10.0)
    time = np.datetime64("2020-01-01", "ns") + np.arange(BARS) * np.timedelta64(1, "D")
    bars = Bars.from_arrays(time, open=price, high=price, low=price, close=price, symbols=("x",), checked=False)
    t_end = np.minimum(np.arange(BARS)[:, None] + 3, BARS - 1)
    labels = Labels(np.random.default_rng(0).integers(0, 3, (BARS, 1)).astype(np.int8), t_end, np.zeros((BARS, 1)), 3)
    return walk_forward(WalkForwardConfig(train=TRAIN, test=200), bars, labels)[0].train


PART = _part()


def _values() -> np.ndarray:
    """Signals behind noise, whose persistence changes; a few values are far out."""
    random = np.random.default_rng(0)
    persistence = np.where(np.arange(BARS) // 100 % 2, 0.99, 0.3)
    signal = random.normal(size=(BARS, 1, 4))
    for t in range(1, BARS):
        signal[t] += persistence[t] * signal[t - 1]
    values = signal + random.normal(size=signal.shape)
    values[::97] *= 10.0
    return values


VALUES = _values()


@cache
def _behaviour_of(kind: str) -> str:
    return _behaviour(MEMBERS[kind](**BASE.get(kind, {})))


def _behaviour(config: Any) -> str:
    """A hash of what a step says of the series, and of what it writes."""
    chain = Chain.fit([config], VALUES, PART, NAMES)
    digest = hashlib.sha256(chain.scan(VALUES).tobytes())
    for name, array in sorted(chain.state().items()):
        digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()


def _other(kind: str, name: str, value: Any) -> Any:
    if (kind, name) in OTHER:
        return OTHER[kind, name]
    assert isinstance(value, bool | int | float), f"OTHER must say another value of {kind}.{name}"
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value / 2


FIELDS = [(kind, name) for kind, member in MEMBERS.items() for name in member.model_fields if name != "kind"]


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[".".join(field) for field in FIELDS])
def test_every_field_changes_what_a_step_does(kind: str, name: str) -> None:
    before = MEMBERS[kind](**BASE.get(kind, {}))
    after = MEMBERS[kind](**{**BASE.get(kind, {}), name: _other(kind, name, getattr(before, name))})
    assert _behaviour_of(kind) != _behaviour(after), f"{kind}.{name} does nothing"


@pytest.mark.parametrize("kind", MEMBERS)
def test_the_same_fit_gives_the_same_bytes_and_every_field_has_a_default(kind: str) -> None:
    config = MEMBERS[kind](**BASE.get(kind, {}))
    assert _behaviour_of(kind) == _behaviour(config)
    assert all(field.default is not PydanticUndefined for field in MEMBERS[kind].model_fields.values())
