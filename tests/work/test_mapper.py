"""The map: the same results in the same order here, in processes and on Ray; what is killed is done again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from regimen.errors import ConfigError, RunError
from regimen.work import Compute

WITH_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: regimen[ray]")
WAYS = [
    "local",
    "processes:2",
    pytest.param("ray", marks=[pytest.mark.slow, WITH_RAY]),
]


def square(item: int) -> int:
    time.sleep(0.02 * (item % 3))  # the first ones are the slow ones now and then
    return item * item


def counted(item: int, report: Callable[[Any], None]) -> int:
    for step in range(3):
        report((item, step))
    return item


def refuses(item: int) -> int:
    if item >= 3:
        raise ConfigError("item", "must be below 3", item)
    return item


def threads(_item: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def process(_item: int) -> int:
    return os.getpid()


def killed_once(place: Path) -> str:
    """Kills its own process unless it has done so before; what its neighbours do is not touched."""
    name = place.name
    with (place.parent / f"{name}.begun").open("a") as file:
        file.write("x")
    if name.startswith("killed") and not place.exists():
        place.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "always":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
    return name


@pytest.mark.parametrize("way", WAYS)
def test_a_map_is_the_same_everywhere(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cluster for all of it: Ray takes ten seconds to start."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with Compute.parse(way).mapper() as mapper:
        assert mapper.workers >= 1
        assert list(mapper.map(square, range(9))) == [item * item for item in range(9)]
        assert list(mapper.map(square, [])) == []

        reports: list[tuple[int, Any]] = []
        assert list(mapper.map(counted, [5, 6], lambda *report: reports.append(report))) == [5, 6]
        assert sorted(reports) == [(number, (item, step)) for number, item in enumerate((5, 6)) for step in range(3)]

        results = mapper.map(refuses, range(6))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ConfigError, match="item: must be below 3; got 3") as caught:
            next(results)
        assert type(caught.value) is ConfigError
        if way != "local":
            assert set(mapper.map(threads, range(4))) == {"1"}
            names = ["a", "killed", "b"]
            assert list(mapper.map(killed_once, [tmp_path / name for name in names])) == names
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_workers_stay_warm_and_end_with_the_block() -> None:
    with Compute.parse("processes:2").mapper() as mapper:
        first = set(mapper.map(process, range(4)))
        assert set(mapper.map(process, range(4))) <= first
        assert len(first) <= 2
        assert os.getpid() not in first
    for worker in first:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_worker_that_is_killed_breaks_its_own_task_only(tmp_path: Path) -> None:
    names = ["a", "killed", "b", "c", "killed too", "d"]
    with Compute.parse("processes:2").mapper() as mapper:
        assert list(mapper.map(killed_once, [tmp_path / name for name in names])) == names
        begun = {name: len((tmp_path / f"{name}.begun").read_text()) for name in names}
        assert begun == {"a": 1, "killed": 2, "b": 1, "c": 1, "killed too": 2, "d": 1}

        idle = next(iter(mapper.map(process, [0])))
        os.kill(idle, signal.SIGKILL)
        assert len(list(mapper.map(process, range(2)))) == 2

        with pytest.raises(RunError, match="3 of them ended at the same task"):
            list(mapper.map(killed_once, [tmp_path / "always"]))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_workers_end_with_a_starter_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "starter.py"
    script.write_text(
        "import os, pathlib, time\n"
        "from regimen.work import Compute\n"
        "def sleep(place):\n"
        "    pathlib.Path(place).write_text(str(os.getpid()))\n"
        "    time.sleep(100)\n"
        "if __name__ == '__main__':\n"
        "    with Compute.parse('processes:1').mapper() as mapper:\n"
        f"        list(mapper.map(sleep, [{str(tmp_path / 'pid')!r}]))\n"
    )
    starter = subprocess.Popen([sys.executable, script], stderr=subprocess.DEVNULL)
    try:
        pid = int(wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    finally:
        starter.kill()
        starter.wait()
    assert wait_for(lambda: not alive(pid))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")  # where nobody has waited for it yet, it is there and dead
    return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def wait_for(there: Callable[[], Any]) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if value := there():
            return value
        time.sleep(0.05)
    raise AssertionError("never came")


def test_who_stops_reading_stops_the_work() -> None:
    began = time.monotonic()
    with Compute.parse("processes:2").mapper() as mapper:
        for _ in mapper.map(time.sleep, [0.0, 100.0]):
            break
        assert list(mapper.map(square, [3])) == [9]
    assert time.monotonic() - began < 60
