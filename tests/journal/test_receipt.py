"""A receipt says what a future would say, whoever asks when."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from time import sleep

import pytest

from regimen.journal import Receipt


@pytest.mark.parametrize("failure", [None, ValueError("the disk is full")])
def test_it_says_what_a_future_says(failure: ValueError | None) -> None:
    receipt: Receipt[int] = Receipt()
    future: Future[int] = Future()
    heard: list[str] = []
    for name, each in (("receipt", receipt), ("future", future)):
        assert not each.done()
        with pytest.raises(TimeoutError):
            each.result(0.0)
        each.add_done_callback(lambda own, name=name: heard.append(f"{name} {own.done()}"))  # type: ignore[misc]
    if failure is None:
        receipt.give(7)
        future.set_result(7)
        assert (receipt.result(), receipt.exception()) == (future.result(), future.exception()) == (7, None)
    else:
        receipt.fail(failure)
        future.set_exception(failure)
        assert receipt.exception() is future.exception() is failure
        with pytest.raises(ValueError, match="the disk is full"):
            receipt.result()
    receipt.add_done_callback(lambda own: heard.append(f"late {own.done()}"))
    assert heard == ["receipt True", "future True", "late True"]


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01])
def test_whoever_waits_hears_of_it_whenever_it_comes(seconds: float) -> None:
    receipts: list[Receipt[int]] = [Receipt() for _ in range(200)]
    heard: list[int] = []
    answers: list[int] = []
    waiting = [Thread(target=lambda each=each: answers.append(each.result(30.0))) for each in receipts]  # type: ignore[misc]
    for each in receipts[::2]:
        each.add_done_callback(lambda own: heard.append(own.result()))

    def give() -> None:
        sleep(seconds)
        for number, each in enumerate(receipts):
            each.give(number)

    giving = Thread(target=give)
    giving.start()
    for thread in waiting:
        thread.start()
    for each in receipts[1::2]:
        each.add_done_callback(lambda own: heard.append(own.result()))
    for thread in [*waiting, giving]:
        thread.join()
    assert sorted(answers) == list(range(200))
    assert sorted(heard) == list(range(200))
