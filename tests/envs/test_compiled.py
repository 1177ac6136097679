"""The lane's step as a GPU kernel under numba's simulator; and a compiled loop is never older than what it calls."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.execution import Market
from regimen.jit import jit_uncached

SCRIPT = """
import pickle, sys, warnings
import numpy as np
warnings.simplefilter("ignore")  # words wrap around
from numba import cuda
from regimen.envs.lanes import step
from regimen.envs.layout import Lanes, Plan, Scene
from regimen.execution import Rules

with open(sys.argv[1], "rb") as file:
    scene, rules, plan, lanes, actions = pickle.load(file)
scene, rules, plan, lanes = Scene(*scene), Rules(*rules), Plan(*plan), Lanes(*lanes)


@cuda.jit
def step_all(scene, rules, plan, lanes):
    n = cuda.grid(1)
    if n < lanes.keys.shape[0]:
        step(n, scene, rules, plan, lanes)


got = []
for row in actions:
    lanes.actions[:] = row
    step_all[2, 4](scene, rules, plan, lanes)
    got.append([np.array(a) for a in (lanes.book, lanes.flags, lanes.observation, lanes.final)])
with open(sys.argv[2], "wb") as file:
    pickle.dump(got, file)
"""


def mine_of(env: VectorMarket) -> tuple[np.ndarray, ...]:
    lanes = env._lanes
    return lanes.book, lanes.flags, lanes.observation, lanes.final


@pytest.mark.parametrize(
    ("kind", "reward"),
    [
        ("verbs", "differential_sharpe"),
        ("levels", {"kind": "rolling_sharpe", "bars": 4}),
        (
            {"kind": "continuous", "dead_band": 0.1, "smoothing": 0.3},
            {"kind": "mean_variance", "drawdown_penalty": 1.0},
        ),
    ],
    ids=["verbs", "levels", "continuous"],
)
def test_a_cuda_kernel_gives_the_same_bits_in_the_simulator(
    kind: Any,
    reward: Any,
    tmp_path: Path,
    make_bars: Callable[..., Bars],
    make_features: Callable[..., np.ndarray],
    dear: Callable[..., Market],
) -> None:
    import pickle

    bars = make_bars(80, symbols=2, sigma=0.1)
    fields: dict[str, Any] = {"n_envs": 7, "episode_length": 6, "market": dear(), "reward": reward}
    env = VectorMarket(bars, make_features(bars), actions=kind, context=2, **fields)
    env.reset(9)
    rng, shape = np.random.default_rng(1), (20, 7, 2)
    choices = {"verbs": 7, "levels": 3}.get(str(kind))
    actions = rng.uniform(-1.0, 1.0, shape) if choices is None else rng.integers(0, choices, shape)
    lanes = tuple(array.copy() for array in env._lanes)
    given = tmp_path / "given.pickle"
    given.write_bytes(
        pickle.dumps((tuple(env._scene), tuple(env._rules), tuple(env._plan), lanes, actions.astype(float)))
    )
    # The simulator runs a kernel as Python, and so must what the kernel calls.
    simulator = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", SCRIPT, str(given), str(tmp_path / "got.pickle")]
    subprocess.run(command, check=True, env={**os.environ, **simulator}, timeout=120)
    got = pickle.loads((tmp_path / "got.pickle").read_bytes())
    for row, theirs in zip(actions, got, strict=True):
        env.step(row)
        for mine, its in zip(mine_of(env), theirs, strict=True):
            np.testing.assert_array_equal(mine, its)


def test_the_version_follows_every_function_and_what_it_calls() -> None:
    from regimen.envs.compiled import version_of

    def versions(rate: float, other: float) -> int:
        @jit_uncached
        def inner(x: float) -> float:
            return x * rate

        @jit_uncached
        def outer(x: float) -> float:
            return inner(x) + 1.0

        @jit_uncached
        def beside(x: float) -> float:
            return x + other

        return version_of(outer, beside)

    assert versions(1.0, 3.0) == versions(1.0, 3.0)
    assert len({versions(1.0, 3.0), versions(2.0, 3.0), versions(1.0, 4.0)}) == 3


def test_the_loops_carry_the_version_of_the_account() -> None:
    """numba compares the constants of a closure with its cache; among them must be a digest of all that is called."""
    from regimen.envs import compiled, lanes
    from regimen.scan.digest import code_digest, python_function

    for loop, parts in ((compiled.step_block, (lanes.step, compiled.fetch)), (compiled.begin_block, None)):
        cells = getattr(loop, "py_func", loop).__closure__ or ()
        parts = parts or (lanes.begin, lanes.observe)
        assert [cell.cell_contents for cell in cells] == [compiled.version_of(*parts)]
    known = code_digest(lanes.step, loaded=True)
    step = python_function(lanes.step)
    assert step is not None
    original = step.__globals__["advance"]
    try:
        step.__globals__["advance"] = jit_uncached(lambda n: n)
        assert code_digest(lanes.step, loaded=True) != known
    finally:
        step.__globals__["advance"] = original
