"""Feature sets and their config: order, selection, schema hash, user features, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.features import STANDARD_GROUPS, Bar, Feature, FeaturesConfig, FeatureSet, Stateless
from regimen.jit import jit

DAY = 86_400_000_000_000


@jit
def scaled_step(state: Stateless, bar: Bar, factor: float) -> tuple[Stateless, float]:
    return state, factor * bar.close


@jit
def pair_step(state: Stateless, bar: Bar) -> tuple[Stateless, tuple[float, float]]:
    return state, (bar.high, bar.low)


def scaled(name: str, factor: float, group: str = "mine") -> Feature:
    return Feature((name,), group, scaled_step, Stateless(), params=(factor,))


PAIR = Feature(("top", "bottom"), "pairs", pair_step, Stateless())
OWN = (scaled("double", 2.0), PAIR)


def bars_of(count: int = 4) -> Bars:
    close = np.arange(1.0, count + 1.0)
    return Bars.from_arrays(
        np.arange(count) * DAY,
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=close,
        bar_length=DAY,
        time_unit="ns",
        checked=False,
    )


def test_columns_come_in_the_order_asked_for() -> None:
    features = FeatureSet(OWN)
    assert features.names == ("double", "top", "bottom")
    assert features.groups == {"mine": ("double",), "pairs": ("top", "bottom")}
    chosen = features.select(["bottom", "double"])
    frame = chosen.compute(bars_of())
    assert frame.names == ("bottom", "double")
    np.testing.assert_array_equal(frame.values[:, 0], [[0, 2], [1, 4], [2, 6], [3, 8]])
    assert features.select(groups=["pairs"]).names == ("top", "bottom")
    assert features.select(["double"], ["pairs"]).names == ("top", "bottom", "double")
    assert features.select().names == features.names
    assert features.select(["double"]).features == OWN[:1]


def test_standard_has_sixty_columns_in_six_groups_of_ten() -> None:
    groups = FeatureSet.standard().groups
    assert tuple(groups) == STANDARD_GROUPS
    assert {len(names) for names in groups.values()} == {10}


def test_hash_changes_with_what_is_computed_and_with_nothing_else() -> None:
    one = FeatureSet([scaled("a", 2.0), scaled("b", 3.0)])
    assert one.hash == FeatureSet([scaled("a", 2.0), scaled("b", 3.0)]).hash
    assert len(one.hash) == 64
    others = [
        FeatureSet([scaled("a", 2.0), scaled("b", 4.0)]),
        FeatureSet([scaled("b", 3.0), scaled("a", 2.0)]),
        FeatureSet([scaled("a", 2.0), scaled("c", 3.0)]),
        one.select(["a"]),
        FeatureSet([scaled("a", 2.0), Feature(("b",), "mine", scaled_step, Stateless(5), params=(3.0,))]),
    ]
    assert len({one.hash, *(other.hash for other in others)}) == 6


def test_refusals_of_a_set() -> None:
    with pytest.raises(ConfigError, match="features: must be at least one feature"):
        FeatureSet([])
    with pytest.raises(ConfigError, match="must not give two columns the same name; got 'top'"):
        FeatureSet([PAIR, scaled("top", 1.0)])
    with pytest.raises(ConfigError, match=r"features\.columns: must be one of double, top, bottom; got 'middle'"):
        FeatureSet(OWN).select(["middle"])
    with pytest.raises(ConfigError, match=r"features\.groups: must be one of mine, pairs; got 'theirs'"):
        FeatureSet(OWN).select(groups=["theirs"])
    with pytest.raises(ConfigError, match="must name each column once; got 'top'"):
        FeatureSet(OWN).select(["top"], ["pairs"])
    with pytest.raises(ConfigError, match=r"features\.columns"):
        FeatureSet(OWN).compute(bars_of()).column("middle")
    with pytest.raises(ConfigError, match="threads: must be at least 1; got 0"):
        FeatureSet(OWN).compute(bars_of(), threads=0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"names": ()}, "feature.names"),
        ({"names": ("a b",)}, "feature.names"),
        ({"warmup": -1}, "warmup"),
        ({"rings": (0,)}, "rings"),
    ],
)
def test_refusals_of_a_feature(changes: dict, field: str) -> None:
    given = {"names": ("x",), "group": "g", "step": scaled_step, "state": Stateless(), **changes}
    with pytest.raises(ConfigError, match=field):
        Feature(**given)


FILE = """
from regimen.features import Feature, Stateless
from regimen.jit import jit

@jit
def half_step(state, bar):
    return state, 0.5 * bar.close

HALF = Feature(("half",), "own", half_step, Stateless())
BOTH = [HALF, Feature(("again",), "own", half_step, Stateless())]
NUMBER = 3
"""


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_config_builds_sets(user_file: Path) -> None:
    assert len(FeaturesConfig().build().names) == 60
    assert len(FeaturesConfig(kind="indicators").build().names) == 27
    assert FeaturesConfig(kind="indicators", columns=("obv", "rsi_7")).build().names == ("obv", "rsi_7")
    assert FeaturesConfig(groups=("volume", "momentum")).build().names[:10] == FeatureSet.standard().groups["volume"]
    own = FeaturesConfig(kind="custom", features=(f"{user_file}:BOTH",)).build()
    assert own.names == ("half", "again")
    assert own.compute(bars_of()).values[:, 0, 0].tolist() == [0.5, 1.0, 1.5, 2.0]
    added = FeaturesConfig(kind="indicators", columns=("obv", "half"), features=(f"{user_file}:HALF",)).build()
    assert added.names == ("obv", "half")
    packaged = FeaturesConfig(kind="custom", features=("regimen.features.indicators:INDICATORS",)).build()
    assert len(packaged.names) == 27


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "custom"}, r"features\.features: must name at least one feature"),
        ({"groups": ("mood",)}, r"features\.groups: must be one of momentum, volatility, .*got 'mood'"),
        ({"columns": ("mood",)}, r"features\.columns: must be one of .*got 'mood'"),
        (
            {"features": ("nothing",)},
            r"must be 'path/to/file\.py:NAME' or 'package\.module:NAME'; got 'nothing'",
        ),
        (
            {"features": ("no.such.module:X",)},
            r"must name a module that can be imported .*'no\.such\.module:X'",
        ),
        ({"features": ("no/such/file.py:X",)}, r"must name a file that exists; got 'no/such/file\.py:X'"),
        ({"features": ("{file}:NONE",)}, "must name something that"),
        ({"features": ("{file}:NUMBER",)}, "must name a Feature, a function of a frame, or a tuple of them"),
        ({"features": ("{file}:HALF", "{file}:HALF")}, "must not give two columns the same name; got 'half'"),
    ],
)
def test_config_refusals_are_one_line(given: dict, message: str, user_file: Path) -> None:
    given = {
        name: value if name == "kind" else tuple(v.format(file=user_file) for v in value)
        for name, value in given.items()
    }
    with pytest.raises(ConfigError, match=message) as caught:
        FeaturesConfig(**given).build()
    assert "\n" not in str(caught.value)


def test_a_users_file_that_fails_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("1 / 0\n")
    with pytest.raises(ConfigError, match=r"must be a file that runs \(ZeroDivisionError: division by zero, line 1\)"):
        FeaturesConfig(kind="custom", features=(f"{path}:X",)).build()


def test_config_forbids_unknown_keys() -> None:
    with pytest.raises(ValidationError, match="colums"):
        FeaturesConfig.model_validate({"colums": ["rsi_7"]})
