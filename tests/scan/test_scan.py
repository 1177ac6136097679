"""The engine: what it caches and when not, user steps from anywhere, and what it says of a bad step."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.features import Feature, FeatureSet
from regimen.jit import jit
from regimen.scan import Bar, Program, Recurrence, Stateless, code_digest, compiled
from regimen.scan.source import fused_groups

DAY = 86_400_000_000_000


def bars_of(close: list[float], **extras: list[float]) -> Bars:
    return Bars.from_arrays(
        np.arange(len(close)) * DAY, open=close, high=close, low=close, close=close, bar_length=DAY,
        extras={name: np.array(values) for name, values in extras.items()}, time_unit="ns", checked=False
    )  # fmt: skip


class Inner(NamedTuple):
    best: float = -np.inf
    rising: bool = False


class Outer(NamedTuple):
    seen: int = 0
    inner: Inner = Inner()
    stamp: int = 0


@jit
def everything_step(state: Outer, bar: Bar, mood: float, short: np.ndarray, long: np.ndarray, k: int, g: float):
    """Uses each kind of field, a nested state, an exogenous input, two rings and two constants."""
    at = state.seen % 2
    old, older = short[at], long[state.seen % 3]
    short[at] = bar.close
    long[state.seen % 3] = bar.close
    inner = Inner(max(state.inner.best, bar.close), bar.close > old)
    since = 0.0 if state.stamp == 0 else float(bar.time - state.stamp)
    rose = 1.0 if state.inner.rising else 0.0
    output = (inner.best, rose, old * k + older * g, mood if mood == mood else -1.0, since)
    return Outer(state.seen + 1, inner, bar.time), output


EVERYTHING = Feature(
    names=("best", "rose", "mixed", "mood", "since"), group="test", step=everything_step, state=Outer(),
    rings=(2, 3), params=(10, 0.5), inputs=("sentiment",),
)  # fmt: skip


@jit
def close_step(state: Stateless, bar: Bar) -> tuple[Stateless, float]:
    return state, bar.close


def test_a_step_gets_its_state_inputs_rings_and_constants() -> None:
    bars = bars_of([1.0, 3.0, 2.0, 5.0, 4.0], sentiment=[9.0, np.nan, 7.0, 6.0, 5.0])
    frame = FeatureSet([EVERYTHING]).compute(bars)
    expected = {
        "best": [1, 3, 3, 5, 5], "rose": [0, 1, 1, 1, 1], "mixed": [0, 0, 10, 30.5, 21.5],
        "mood": [9, -1, 7, 6, 5], "since": [0, 0, DAY, DAY, DAY],
    }  # fmt: skip
    for name, values in expected.items():
        np.testing.assert_array_equal(frame.column(name)[:, 0], values, err_msg=name)


def test_times_keep_every_nanosecond() -> None:
    stamps = np.array([2**62, 2**62 + 1, 2**62 + 3]).astype("datetime64[ns]")
    bars = Bars.from_arrays(
        stamps, open=stamps, high=stamps, low=stamps, close=[1.0, 1.0, 1.0], bar_length=1, checked=False
    )
    assert FeatureSet([EVERYTHING]).compute(bars).column("since")[:, 0].tolist() == [0.0, 1.0, 2.0]


def test_a_missing_input_column_arrives_as_nan() -> None:
    assert (FeatureSet([EVERYTHING]).compute(bars_of([1.0, 2.0])).column("mood") == -1.0).all()


def test_a_bar_without_a_price_is_passed_over() -> None:
    bars = bars_of([1.0, np.nan, 4.0])
    values = FeatureSet([EVERYTHING]).select(["best", "since"]).compute(bars).values[:, 0]
    np.testing.assert_array_equal(values, [[1.0, 0.0], [np.nan, np.nan], [4.0, 0.0]])


def test_groups_are_runs_of_neighbours_of_bounded_width() -> None:
    items = [Recurrence(str(i), close_step, Stateless(), tuple(range(width))) for i, width in enumerate([3, 3, 9, 1])]
    assert fused_groups(items, 7) == [range(0, 2), range(2, 3), range(3, 4)]


@jit
def bad_step(state: Inner, bar: Bar):
    return Inner(state.best, 2.0), bar.close


@jit
def allocating_step(state: Stateless, bar: Bar):
    return state, np.zeros(3).sum() + bar.close


@jit
def mistyped_step(state: Stateless, bar: Bar):
    return state, bar.clos  # type: ignore[attr-defined]


@jit
def pair_step(state: Stateless, bar: Bar):
    return state, (bar.open, bar.close)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("step", "state", "reason"),
    [
        (bad_step, Inner(), "Cannot unify Inner"),
        (allocating_step, Stateless(), r"No implementation of function.*zeros.*test_scan\.py line \d+"),
        (mistyped_step, Stateless(), r"Unknown attribute 'clos' .*test_scan\.py line \d+"),
        (pair_step, Stateless(), "one value for each name"),
    ],
)
def test_a_step_that_does_not_compile_is_named(step, state, reason: str) -> None:
    features = FeatureSet(
        [Feature(("fine",), "test", close_step, Stateless()), Feature(("wrong",), "test", step, state)]
    )
    with pytest.raises(
        ConfigError, match=r"features\.wrong\.step: must compile without allocating.*" + reason
    ) as caught:
        features.compute(bars_of([1.0, 2.0]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("state", [3.0, (1.0, 2.0), Outer(seen="x")])  # type: ignore[arg-type]
def test_a_state_must_be_a_namedtuple_of_scalars(state) -> None:
    with pytest.raises(ConfigError, match=r"x.*must be"):
        Feature(("x",), "test", close_step, state)


@pytest.mark.compiled
def test_a_plain_function_serves_as_a_step() -> None:
    features = FeatureSet([Feature(("plain",), "test", close_step.py_func, Stateless())])
    assert features.compute(bars_of([1.0, 2.0])).values[:, 0, 0].tolist() == [1.0, 2.0]


def test_a_step_without_a_file_serves_as_well() -> None:
    """As typed into an interpreter."""
    scope: dict = {"jit": jit, "Stateless": Stateless}
    exec("@jit\ndef typed(state, bar):\n    return state, 2.0 * bar.close\n", scope)
    features = FeatureSet([Feature(("typed",), "test", scope["typed"], Stateless())])
    assert features.compute(bars_of([1.0, 2.0])).values[:, 0, 0].tolist() == [2.0, 4.0]


SCRIPT = """
import json, sys, time
import numpy as np
from regimen.bars import Bars
from regimen.features import FeatureSet
from own import OWN
import numba
events = []
numba.core.event.register("numba:compile", type("L", (numba.core.event.Listener,), dict(
    on_start=lambda self, e: events.append(str(e.data["dispatcher"])), on_end=lambda self, e: None))())
c = np.arange(1.0, 6.0)
time = (np.arange(5) * 86400 * 10**9).astype("datetime64[ns]")
bars = Bars.from_arrays(time, open=c, high=c, low=c, close=c, bar_length=1, checked=False)
values = FeatureSet([OWN]).compute(bars).values[:, 0, 0]
print(json.dumps({"values": values.tolist(), "compiled": len(events)}))
"""
OWN = """
from helper import scaled
from regimen.features import Feature, Stateless
from regimen.jit import jit

@jit
def own_step(state, bar):
    return state, scaled(bar.close)

OWN = Feature(("own",), "own", own_step, Stateless())
"""
HELPER = """
from regimen.jit import jit

@jit
def scaled(x):
    {comment}
    return FACTOR * x

FACTOR = {factor}
"""


class Scripted:
    """A user's project: a script, a module with a step, and a module with a function that the step calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        (folder / "script.py").write_text(SCRIPT)
        (folder / "own.py").write_text(OWN)
        self.helper(2.0)

    def helper(self, factor: float, comment: str = "") -> None:
        (self.folder / "helper.py").write_text(HELPER.format(factor=factor, comment=comment or "# none"))

    def start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "REGIMEN_CACHE": str(self.cache), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(
            [sys.executable, "script.py"], cwd=self.folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    @staticmethod
    def finish(process: subprocess.Popen[str]) -> dict:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        return json.loads(output)

    def run(self) -> dict:
        return self.finish(self.start())


@pytest.fixture
def project(tmp_path: Path) -> Scripted:
    return Scripted(tmp_path)


@pytest.mark.compiled
def test_a_second_process_compiles_nothing_and_a_changed_callee_is_seen(project: Scripted) -> None:
    first = project.run()
    assert first["values"] == [2.0, 4.0, 6.0, 8.0, 10.0]
    assert first["compiled"] > 0
    assert project.run() == {"values": first["values"], "compiled": 0}
    project.helper(2.0, comment="# another comment changes nothing")
    assert project.run()["compiled"] == 0
    project.helper(3.0)
    assert project.run()["values"] == [3.0, 6.0, 9.0, 12.0, 15.0]


def test_two_processes_at_once_both_work(project: Scripted) -> None:
    both = [project.start(), project.start()]
    assert [Scripted.finish(process)["values"][0] for process in both] == [2.0, 2.0]
    assert project.run()["compiled"] == 0
    assert not list(project.cache.rglob("*.tmp"))


def test_it_works_where_nothing_can_be_cached(project: Scripted) -> None:
    project.cache.write_text("a file where the folder should be")
    assert project.run()["values"] == [2.0, 4.0, 6.0, 8.0, 10.0]


@pytest.mark.slow
@pytest.mark.compiled
def test_a_damaged_cache_is_made_anew(project: Scripted) -> None:
    whole = project.run()
    for ending in ("*.nbi", "*.nbc"):
        files = list((project.cache / "scan").rglob(ending))
        assert files
        for file in files:
            file.write_bytes(file.read_bytes()[:100])
        assert project.run()["values"] == whole["values"]
        project.run()
        assert project.run() == {"values": whole["values"], "compiled": 0}


class _Planted:
    """A pickle that makes a folder when it is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.compiled
@pytest.mark.skipif(os.name != "posix", reason="the folders of a profile are its user's")
@pytest.mark.parametrize(("loose", "mode"), [("scan/__pycache__", 0o707), (None, 0o700)])
def test_what_others_may_have_put_into_the_cache_is_not_run(project: Scripted, loose: str | None, mode: int) -> None:
    values = project.run()["values"]
    assert {(project.cache / each).stat().st_mode & 0o777 for each in ("", "scan", "scan/__pycache__")} == {0o700}
    marker = project.folder / "planted"
    for index in project.cache.rglob("*.nbi"):
        index.write_bytes(pickle.dumps(_Planted(marker)))
    if loose is None:  # in a private folder it is run: the index is a pickle, as the docs say
        project.run()
        assert marker.exists()
        return
    (project.cache / loose).chmod(mode)
    process = project.start()
    output, errors = process.communicate(timeout=120)
    assert json.loads(output)["values"] == values
    assert f"others may write to {project.cache / loose}" in errors
    assert not marker.exists()


def test_the_cache_keeps_the_scans_used_last(project: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    project.run()
    folder = project.cache / "scan"
    (mine,) = folder.glob("scan_*.py")
    monkeypatch.setattr(compiled, "_KEPT", 2)
    for name in ("scan_a", "scan_b"):
        time.sleep(0.02)  # the file system's clock ticks
        compiled._written("", folder, name)
    assert {path.stem for path in folder.glob("scan_*.py")} == {"scan_a", "scan_b"}
    assert not list((folder / "__pycache__").glob(f"{mine.stem}.*"))
    time.sleep(0.02)
    compiled._written("", folder, "scan_a")  # used again
    time.sleep(0.02)
    compiled._written("", folder, "scan_c")
    assert {path.stem for path in folder.glob("scan_*.py")} == {"scan_a", "scan_c"}


@jit
def strict_step(state: Stateless, bar: Bar):
    if bar.close > 2.0:
        raise ValueError("too\nhigh")
    return state, bar.close


@jit
def meek_step(state: Stateless, bar: Bar):
    return state, bar.close


@pytest.mark.parametrize("threads", [1, 2])
def test_a_step_that_raises_is_named_in_one_line(threads: int) -> None:
    features = FeatureSet(
        [Feature(("meek",), "own", meek_step, Stateless()), Feature(("strict",), "own", strict_step, Stateless())]
    )
    told = r"^features\.strict\.step: must not raise \(ValueError: too high\)$"
    with pytest.raises(ConfigError, match=told):
        features.compute(bars_of([1.0, 2.0, 3.0]), threads=threads)
    stream = features.stream()
    assert stream.push(0, 1.0, 2.0, 1.0, 2.0).tolist() == [2.0, 2.0]
    with pytest.raises(ConfigError, match=told):
        stream.push(1, 1.0, 3.0, 1.0, 3.0)


def test_one_program_is_compiled_once_per_process() -> None:
    items = [Recurrence("close", close_step, Stateless())]
    Program(items).compile()
    started = time.perf_counter()
    Program(items).compile()
    assert time.perf_counter() - started < 0.1


def test_digest_follows_code_constants_and_callees() -> None:
    def compiled(body: str, factor: float = 2.0, helper: str = "return x"):
        scope: dict = {"FACTOR": factor}
        exec(f"def helper(x):\n    {helper}\n", scope)
        exec(f"def step(x):\n    {body}\n", scope)
        for name in ("helper", "step"):
            scope[name].__module__ = "user"
        return code_digest(scope["step"])

    same = compiled("return FACTOR * helper(x)")
    assert compiled("return FACTOR * helper(x)") == same
    others = {
        compiled("return FACTOR + helper(x)"),
        compiled("return FACTOR * helper(x)", factor=3.0),
        compiled("return FACTOR * helper(x)", helper="return x + 1"),
    }
    assert len(others | {same}) == 4


@pytest.mark.parametrize("count", [1, 3])
def test_a_step_must_give_as_many_values_as_names(count: int) -> None:
    names = tuple(f"v{i}" for i in range(count))
    with pytest.raises(ConfigError, match=r"features\.v0\.step"):
        FeatureSet([Feature(names, "test", pair_step, Stateless())]).compute(bars_of([1.0, 2.0]))
