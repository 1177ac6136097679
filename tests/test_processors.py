"""Work in threads: in order, the first error, and as many processors as the process may use."""

from __future__ import annotations

import pytest

from regimen import processors
from regimen.processors import beside, in_threads


@pytest.mark.parametrize("count", [1, 2, 8])
def test_results_come_in_order(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(processors, "processors", lambda: count)
    assert list(in_threads(lambda number: number**2, range(20))) == [number**2 for number in range(20)]
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda number: 1 // number, [1, 0]))


def test_there_is_at_least_one() -> None:
    assert processors.processors() >= 1


@pytest.mark.parametrize(("count", "worth"), [(1, True), (2, True), (2, False)])
def test_what_is_begun_beside_gives_its_result_or_its_error(
    monkeypatch: pytest.MonkeyPatch, count: int, worth: bool
) -> None:
    monkeypatch.setattr(processors, "processors", lambda: count)
    assert beside(lambda: 7, worth=worth)() == 7
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0, worth=worth)()
