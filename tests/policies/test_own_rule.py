"""A function of the user's own as a policy: what it is shown, what it may answer, and each mistake in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen import Bars, Market
from regimen.errors import ConfigError, RunError
from regimen.execution import History
from regimen.observation import Observation
from regimen.policies import ExposureConfig, FunctionConfig, OwnRule, share, targets

NAMES = ("slope", "size")
SHOWN = (*NAMES, "target", "open", "high", "low", "close", "volume")


def history(volatility: bool = False) -> History:
    """Two symbols, of which the second has a hole; features are not warm for five bars, nor the first at bar 20."""
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (60, 2)), axis=0))
    close[[30, 31], 1] = np.nan
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(60),
        open=close, high=close * 1.01, low=close * 0.99, close=close, volume=np.where(np.isnan(close), np.nan, 1e6),
        symbols=("A", "B"),
    )  # fmt: skip
    features = rng.normal(size=(60, 2, 2))
    features[:5] = features[20, 0, 1] = np.nan
    risk = np.full((60, 2), 0.5) if volatility else None
    rows = Market().history(bars, features, risk)
    return History(bars, rows.features, rows.costs, rows.delisting, risk, NAMES)


def built(function: Any, rule: ExposureConfig | None = None, **settings: Any) -> OwnRule:
    return OwnRule(function, settings, "mine.py:decide", rule or ExposureConfig(), NAMES)


def test_it_holds_what_the_function_says_of_whole_rows() -> None:
    known = history()
    rows = targets(built(lambda seen, cut: np.where(seen["slope"] > cut, 1.0, -0.5), cut=0.2), known)
    slope, present = known.features[..., 0], known.bars.present
    expected = np.where(np.isfinite(known.features).all(axis=2), np.where(slope > 0.2, 1.0, -0.5), 0.0)
    np.testing.assert_array_equal(rows, share(expected, present, known.bars.listed))
    assert (rows[:5] == 0.0).all()
    assert rows[20, 0] == 0.0
    assert rows[20, 1] != 0.0


def test_what_it_is_shown() -> None:
    known, seen = history(volatility=True), []

    def decide(observation: Observation) -> float:
        seen.append(observation)
        return 0.25 if len(seen) % 2 else -0.75

    targets(built(decide, ExposureConfig(volatility_target=0.2)), known, 8)
    assert len(seen) == 52
    first, second, holed = seen[0], seen[1], seen[30 - 8]
    assert first.columns == ("slope", "size", "volatility", *SHOWN[2:])
    np.testing.assert_array_equal(first["slope"], known.features[8, :, 0])
    np.testing.assert_array_equal(first["high"], known.bars.high[8])
    np.testing.assert_array_equal(first["volume"], known.bars.volume[8])
    assert first["target"].tolist() == [0.0, 0.0]
    assert second["target"].tolist() == [0.25, 0.25]
    assert first["volatility"].tolist() == [0.5, 0.5]
    assert holed.shape == (1, 9)  # no row of a symbol without a bar


def test_a_symbol_without_a_bar_keeps_the_exposure_that_was_chosen() -> None:
    known, seen = history(), []

    def decide(observation: Observation) -> Any:
        seen.append(observation["target"].copy())
        return np.full(len(observation), len(seen) / 100.0)

    targets(built(decide), known, 8)
    after_the_hole = seen[32 - 8]
    np.testing.assert_allclose(after_the_hole, [0.24, 0.22])  # the 24th and the 22nd time that it was asked


def test_where_no_row_is_whole_it_is_not_asked() -> None:
    known = history()

    def decide(observation: Observation) -> float:
        raise AssertionError(observation)

    assert (targets(built(decide), known, 0, 5) == 0.0).all()


MISTAKES = [
    (lambda _: np.nan, r"must return exposures in \[-1, 1\] at the bar 2020-01-06T00:00:00 of A; got nan$"),
    (lambda _: None, r"must return exposures in \[-1, 1\] at the bar 2020-01-06T00:00:00 of A; got None$"),
    (lambda _: [0.0, 1.5], r"must return exposures in \[-1, 1\] at the bar 2020-01-06T00:00:00 of B; got 1\.5$"),
    (lambda _: [0.0, np.inf], r"at the bar 2020-01-06T00:00:00 of B; got inf$"),
    (lambda _: [0.1], r"one number, or one for each of the 2 rows, at the bar 2020-01-06T00:00:00; got \(1,\)$"),
    (lambda _: np.zeros((2, 1)), r"one for each of the 2 rows, at the bar 2020-01-06T00:00:00; got \(2, 1\)$"),
    (lambda _: "long", r"must return numbers at the bar 2020-01-06T00:00:00; got 'long'$"),
    (lambda _: 1 / 0, r"must run at the bar 2020-01-06T00:00:00 \(ZeroDivisionError: division by zero\)$"),
]


@pytest.mark.parametrize(("function", "line"), MISTAKES)
def test_an_answer_that_cannot_be_traded_is_one_line(function: Any, line: str) -> None:
    with pytest.raises(RunError, match=rf"^mine\.py:decide: .*{line}"):
        targets(built(function), history())
    known = history()
    policy = built(function)
    with pytest.raises(RunError, match=line.replace("of A", "of symbol 0").replace("of B", "of symbol 1")):
        policy.act(known.at(5), policy.initial_state(2))


def test_what_is_allowed_is_said_by_the_exposure() -> None:
    with pytest.raises(RunError, match=r"must return exposures in \[0, 1\] .* of A; got -0\.1$"):
        targets(built(lambda _: -0.1, ExposureConfig(long_only=True)), history())
    rows = targets(built(lambda _: -3.0, ExposureConfig(max_exposure=3.0)), history(), 6, 8)
    assert (rows == -1.5).all()  # shared between two symbols


def test_a_column_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(RunError, match=r"^observation: has no such column \(did you mean 'slope'\?\), asked by mine"):
        targets(built(lambda seen: seen["slop"]), history())
    with pytest.raises(RunError, match=r"\(there are slope, size, target, open, high, low, close, volume\)"):
        targets(built(lambda seen: seen["xyz"]), history())


def test_a_config_names_the_function_by_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def decide(seen, cut=0.0):\n    return 1.0 * (seen['slope'] > cut)\n\nclass Rule:\n    pass\n")
    config = FunctionConfig(source=f"{file}:decide", settings={"cut": 0.5})
    rows = targets(config.build(ExposureConfig(), NAMES), history())
    assert set(np.unique(rows[~np.isnan(rows)])) == {0.0, 0.5}
    with pytest.raises(ConfigError, match=r"^model\.settings\.slow: is not a setting of decide; it has cut; got 1$"):
        FunctionConfig(source=f"{file}:decide", settings={"slow": 1}).build(ExposureConfig(), NAMES)
    with pytest.raises(ConfigError, match=r"^model\.source: must name a function of the observation; got .*:Rule'$"):
        FunctionConfig(source=f"{file}:Rule").build(ExposureConfig(), NAMES)
    file.write_text("def decide(seen, cut=0.0):\n    return 0.0\n")
    with pytest.raises(ConfigError, match=r"^model\.source: must be the code that the run was begun with"):
        config.build(ExposureConfig(), NAMES)
