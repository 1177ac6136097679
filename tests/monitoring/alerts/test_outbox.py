"""The outbox: at least once, a cooldown that begins with the delivery, a digest, retries, and a crash between."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen.errors import RunError
from regimen.monitoring import Alert, AlertsConfig, Delivery, Outbox

SECOND = 1_000_000_000
CONFIG = AlertsConfig(channels={"mail": "json://a", "chat": "json://b"}, cooldown=300.0, first_retry=5.0)


def alert(at: float, key: str = "drawdown", level: str = "warning", title: str = "") -> Alert:
    return Alert(key, level, title or f"{key} at {at:g}", "body", int(at * SECOND))  # type: ignore[arg-type]


class Channel:
    """Takes what it is given, or fails as it is told to."""

    def __init__(self, outbox: Outbox, name: str = "mail") -> None:
        self.outbox, self.name = outbox, name
        self.taken: list[Delivery] = []
        self.answer: Callable[[], bool] = lambda: True

    def send(self, row: Delivery) -> bool:
        if answer := self.answer():
            self.taken.append(row)
        return answer

    def at(self, seconds: float, taken_at: float | None = None) -> int:
        after = seconds if taken_at is None else taken_at
        return self.outbox.deliver(self.name, self.send, int(seconds * SECOND), lambda: int(after * SECOND))


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "alerts.sqlite", CONFIG)


def test_each_channel_has_its_row_and_takes_it_once(outbox: Outbox) -> None:
    mail, chat = Channel(outbox), Channel(outbox, "chat")
    outbox.put([alert(1)], SECOND)
    assert [row.channel for row in outbox.waiting()] == ["mail", "chat"]
    assert mail.at(1) == 1
    assert mail.at(2) == 0
    assert [row.channel for row in outbox.waiting()] == ["chat"]
    assert chat.at(3) == 1
    assert mail.taken[0].text == "body\n1970-01-01 00:00:01 UTC"
    assert outbox.latest(5)[0].delivered == 3 * SECOND


def test_the_cooldown_begins_with_the_delivery_and_ends_with_a_digest(outbox: Outbox) -> None:
    mail = Channel(outbox)
    outbox.put([alert(0)], 0)
    assert mail.at(100, taken_at=130) == 1
    for second in (140, 250, 420):  # 420 is more than 300 after the first, and not after its delivery
        outbox.put([alert(second)], second * SECOND)
        assert mail.at(second) == 0
    assert outbox.next_due("mail") == 430 * SECOND
    assert mail.at(429.9) == 0
    assert mail.at(430) == 1
    digest = mail.taken[-1]
    assert (digest.title, digest.again, digest.latest) == ("drawdown at 140", 2, "drawdown at 420")
    assert digest.text.endswith("2 more until 1970-01-01 00:07:00 UTC: drawdown at 420")
    assert mail.at(10_000) == 0
    outbox.put([alert(10_000)], 10_000 * SECOND)
    assert mail.at(10_000) == 1


def test_another_key_and_another_level_have_cooldowns_of_their_own(outbox: Outbox) -> None:
    mail = Channel(outbox)
    outbox.put([alert(0)], 0)
    assert mail.at(0) == 1
    outbox.put([alert(1), alert(1, level="critical"), alert(1, key="drift")], SECOND)
    assert mail.at(1) == 2
    assert {(row.key, row.level) for row in mail.taken[1:]} == {("drawdown", "critical"), ("drift", "warning")}


def test_what_failed_is_tried_again_ever_more_seldom_and_starts_no_cooldown(outbox: Outbox) -> None:
    mail = Channel(outbox)
    mail.answer = lambda: False
    outbox.put([alert(0), alert(0, key="drift")], 0)
    tries, now = [], 0.0
    for _ in range(12):
        assert mail.at(now) == 0
        tries.append(now)
        due = outbox.next_due("mail")
        assert due is not None
        assert mail.at(due / SECOND - 0.1) == 0
        now = due / SECOND
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == [min(5.0 * 2**n, 3600.0) for n in range(11)]
    assert sum(row.attempts for row in outbox.waiting("mail")) == 12  # not two for each time that it was tried
    assert outbox.waiting("mail")[0].error == "was not taken"
    mail.answer = lambda: True
    assert mail.at(now) == 2
    assert outbox.next_due("mail") is None


def test_a_row_that_a_channel_never_takes_does_not_keep_the_others_waiting(outbox: Outbox) -> None:
    taken = []

    def send(row: Delivery) -> bool:
        if row.key == "poison":
            raise ConnectionError("https://user:secret@host refused")
        taken.append(row.key)
        return True

    outbox.put([alert(0, key="poison"), alert(0, key="drift")], 0)
    for second in (0, 10):
        outbox.deliver("mail", send, second * SECOND, lambda second=second: second * SECOND)  # type: ignore[misc]
    assert taken == ["drift"]
    (left,) = outbox.waiting("mail")
    assert left.error == "ConnectionError: https://***@host refused"


def test_what_is_counted_in_a_row_on_its_way_is_sent_later(outbox: Outbox) -> None:
    mail = Channel(outbox)

    def meanwhile() -> bool:
        outbox.put([alert(2), alert(3)], 3 * SECOND)
        return True

    mail.answer = meanwhile
    outbox.put([alert(1)], SECOND)
    assert mail.at(1, taken_at=4) == 1
    assert mail.taken[0].again == 0
    (left,) = outbox.waiting("mail")
    assert (left.title, left.again) == ("drawdown at 3", 1)
    mail.answer = lambda: True
    assert mail.at(303) == 0
    assert mail.at(304) == 1


def test_what_was_delivered_long_ago_is_deleted_and_what_waits_never(outbox: Outbox) -> None:
    mail, day = Channel(outbox), 86_400
    outbox.put([alert(0)], 0)
    assert mail.at(0) == 1
    assert outbox.unsent() == {"mail": 0, "chat": 1}
    outbox.put([alert(day, key="drift")], 30 * day * SECOND)
    assert len(outbox.latest(9)) == 4
    outbox.put([alert(day, key="collapse")], 30 * day * SECOND + 1)
    assert [(row.channel, row.key) for row in outbox.waiting()] == [
        ("chat", "drawdown"),
        ("mail", "drift"),
        ("chat", "drift"),
        ("mail", "collapse"),
        ("chat", "collapse"),
    ]
    assert len(outbox.latest(9)) == 5
    assert outbox.unsent() == {"mail": 2, "chat": 3}


def test_a_process_that_dies_between_sending_and_marking_sends_again(tmp_path: Path) -> None:
    path = tmp_path / "alerts.sqlite"
    outbox = Outbox(path, CONFIG)
    outbox.put([alert(1)], SECOND)

    def dies(_: Delivery) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outbox.deliver("mail", dies, SECOND, lambda: SECOND)
    outbox.close()
    mail = Channel(Outbox(path, CONFIG))
    assert mail.at(2) == 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 200), st.booleans(), st.booleans()), min_size=1, max_size=25))
def test_every_alert_arrives_in_a_row_or_a_count(steps: list[tuple[int, bool, bool]]) -> None:
    """Alerts and failures in any order: nothing is lost, nothing twice, and no two within a cooldown."""
    outbox, now, put = Outbox(Path(":memory:"), CONFIG), 0, 0
    mail, times = Channel(outbox), []
    for pause, comes, works in steps:
        now += pause
        if comes:
            outbox.put([alert(now)], now * SECOND)
            put += 1
        mail.answer = lambda works=works: works  # type: ignore[misc]
        times += [now] * mail.at(now)
    mail.answer = lambda: True
    while (due := outbox.next_due("mail")) is not None:
        now = max(now, due // SECOND)
        times += [now] * mail.at(now)
    assert sum(1 + row.again for row in mail.taken) == put
    assert all(later - earlier >= 300 for earlier, later in pairwise(times))


def test_files_that_are_none_of_this_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("this is no database, and it is longer than the header of one would be")
    with pytest.raises(RunError, match="outbox: must be a writable SQLite file"):
        Outbox(tmp_path / "text.sqlite", CONFIG)
    connection = sqlite3.connect(tmp_path / "newer.sqlite")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(RunError, match="is of version 9; this program knows 1"):
        Outbox(tmp_path / "newer.sqlite", CONFIG)
