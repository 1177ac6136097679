"""Bars of a live feed: what is seen and what happens is that of a file of them, and each mistake is one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.runs.conftest import silent, simulated

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.live import Posted, bar_messages
from regimen.monitoring import ChangesConfig
from regimen.records import RunConfig, RunDirectory
from regimen.runs import Happened, RetrainSettings, retrain_feed, retrain_run, start, watch_feed, watch_run
from regimen.runs.retraining.following import FedBars

OWN, ALL, HOUR = 900, 1500, 3_600_000_000_000
AT = int(np.datetime64("2030-01-01", "ns").astype(np.int64))
CHANGES = ChangesConfig(level=0.4, window=8, checks=4, period=24)


def bars_of(first: int = 0, stop: int = ALL) -> Bars:
    frame = simulated(ALL).iloc[first:stop]
    columns = {name: frame[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    return Bars.from_arrays(
        frame["timestamp"].dt.tz_localize(None).to_numpy(), **columns, bar_length=HOUR, checked=False
    )


def posted(bars: Bars) -> list[Posted]:
    """Messages of the only symbol, which are of any run of one."""
    messages = []
    for content in bar_messages(bars):
        message = json.loads(content)
        message |= message.pop("bars")["asset"]
        messages.append(Posted(json.dumps(message).encode(), AT, False))
    return messages


def together(messages: Sequence[Posted], sizes: Sequence[int]) -> Iterator[list[Posted]]:
    """Messages as they come: so many at once, and the last size for all that are left."""
    rest = list(messages)
    for size in sizes:
        yield rest[:size]
        rest = rest[size:]
    if rest:
        yield rest


def none(error: DataError) -> None:
    raise AssertionError(str(error))


@pytest.fixture
def champion(configured: Callable[..., RunConfig], tmp_path: Path) -> RunDirectory:
    """A finished run on the first 900 of 1,500 bars, and files of all of them and of the first 1,000 beside it."""
    simulated(ALL).to_parquet(tmp_path / "newer.parquet")
    simulated(ALL).iloc[:1000].to_parquet(tmp_path / "some.parquet")
    simulated(ALL).iloc[:OWN].to_parquet(tmp_path / "coin.parquet")
    return start(
        configured("training.epochs=2", "judge.random_controls=20", "tracking=none"), tmp_path / "runs", silent
    )[0]


def test_a_feed_is_seen_as_a_file_of_the_same_bars(champion: RunDirectory, tmp_path: Path) -> None:
    *_, whole = watch_run(champion, str(tmp_path / "newer.parquet"), CHANGES, silent)
    come = together(posted(bars_of(OWN)), [1, 1, 50, 0, 200])
    sights = list(watch_feed(champion, come, CHANGES, silent, none))
    assert [sight.bars for sight in sights] == [1, 2, 52, 252, 600]
    assert sights[-1] == replace(whole, of=None)
    assert whole.rings
    assert len(whole.readings) >= 4
    assert sights[3].rings == tuple(each for each in whole.rings if each[1].bar < 252)
    behind = watch_feed(
        champion, together(posted(bars_of(1000)), [500]), CHANGES, silent, none, bars=str(tmp_path / "some.parquet")
    )
    assert [sight.bars for sight in behind] == [100, 600]
    own = str(tmp_path / "coin.parquet")  # the run's own bars, as a file: nothing lies before the feed
    assert [s.bars for s in watch_feed(champion, [posted(bars_of(OWN))], CHANGES, silent, none, bars=own)] == [600]


def test_what_happens_on_a_feed_is_what_happens_on_a_file(champion: RunDirectory, tmp_path: Path) -> None:
    settings = RetrainSettings.parsed(when="every:10d")
    happened: list[Happened] = []
    come = together(posted(bars_of(OWN)), [239, 1, 100, 140])
    fed = retrain_feed(champion, come, settings, silent, none, happened.append)
    assert [each.kind for each in fed.happened] == ["retrain", "retrain"]
    assert list(fed.happened) == happened
    before = len(champion.trials.rows())
    filed = retrain_run(champion, str(tmp_path / "newer.parquet"), settings, silent)
    assert filed == fed  # the journal and the challengers are there: nothing is trained
    assert len(champion.trials.rows()) == before


def test_bars_that_are_none_of_the_run_are_refused_and_the_feed_goes_on() -> None:
    fed, (first, second, third) = FedBars(bars_of(0, OWN)), posted(bars_of(OWN, OWN + 3))

    def changed(message: Posted, **values: object) -> Posted:
        return message._replace(content=json.dumps({**json.loads(message.content), **values}).encode())

    stamp = json.loads(first.content)["time"]
    assert not fed.take(posted(bars_of(OWN - 1, OWN))[0])  # known, and the same
    assert fed.take(first)
    assert not fed.take(first)
    for wrong, message in (
        (changed(first, close=1.0, low=0.5), "bar: was seen already, and closed at"),
        (changed(posted(bars_of(5, 6))[0], close=1.0, low=0.5), "bar: was seen already"),
        (changed(first, time=stamp - HOUR // 2), "time: must be after the last bar"),
        (changed(first, time=stamp + HOUR // 2), "time: must be whole bars of 3600 seconds"),
        (changed(second, close=-1.0), "close: must be positive"),
        (changed(second, extras={"funding_rate": 0.1}), "extras: must be empty"),
        (second._replace(content=b"{}"), "bar: must be the JSON of a bar"),
        (second._replace(at=stamp - HOUR), "time: must be of a bar that has closed by now"),
    ):
        with pytest.raises(DataError, match=message):
            fed.take(wrong)
    assert fed.take(second)
    assert fed.take(third)
    joined = fed.bars()
    assert joined.close.tolist() == bars_of(0, OWN + 3).close.tolist()
    assert joined.periods_per_year == bars_of(0, OWN).periods_per_year


def test_a_feed_that_leaves_a_gap_or_has_longer_bars_ends() -> None:
    fed = FedBars(bars_of(0, OWN))
    assert fed.take(posted(bars_of(OWN + 3, OWN + 4))[0])
    with pytest.raises(DataError, match=r"must begin where the run's own end.*--bars FILE gives what came before"):
        fed.bars()
    fed = FedBars(bars_of(0, OWN))
    for message in posted(bars_of(OWN))[::4][:7]:
        assert fed.take(message)
    fed.bars()
    fed.take(posted(bars_of(OWN))[28])
    with pytest.raises(DataError, match=r"must be bars of 1h.*got '4h'"):
        fed.bars()


def test_a_symbol_that_lacks_the_last_bar_has_not_ended() -> None:
    parts = [simulated(60, seed) for seed in (0, 1)]
    prices = {name: np.stack([part[name].to_numpy() for part in parts], axis=1) for name in parts[0].columns[1:]}
    stamps = parts[0]["timestamp"].dt.tz_localize(None).to_numpy()
    known = Bars.from_arrays(
        stamps[:50], **{name: rows[:50] for name, rows in prices.items()}, symbols=("a", "b"), checked=False
    )
    fed = FedBars(known)
    names = ("open", "high", "low", "close", "volume")
    for t in range(50, 53):
        own = {
            symbol: {name: float(prices[name][t, s]) for name in names}
            for s, symbol in enumerate(("a", "b"))
            if s == 0 or t < 52
        }
        stamp = int(stamps[t].astype("datetime64[ns]").astype(np.int64))
        assert fed.take(Posted(json.dumps({"time": stamp, "bars": own}).encode(), AT, False))
    bars = fed.bars()
    assert bars.present[-1].tolist() == [True, False]
    assert bars.listed[-1].tolist() == [True, True]
