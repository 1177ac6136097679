"""Run as a script: builds models at their default size, fits each for a moment, predicts, prints digests of all bytes.

``python trained_bytes.py NAME ...`` prints a JSON object: for each name the SHA-256 of the weights when built, of the
weights after the fit and of what they answer then.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from regimen.agents import agent_configs
from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.predictors.trees import TreeSettings
from regimen.records.models import model_config
from regimen.stateful import state_of
from regimen.training import TrainingConfig, TrainingData, fit
from regimen.windows import SeriesWindows

COLUMNS, ROWS = 60, 1200

SHORT: dict[str, dict[str, Any]] = {
    "sac": {"warmup_steps": 512, "rollout_steps": 8},
    "mosac": {"warmup_steps": 512, "rollout_steps": 8},
    "options": {"warmup_steps": 512, "rollout_steps": 8},
    "cql": {"updates": 3, "report_updates": 3},
    "cgdt": {"updates": 1, "report_updates": 1},
    "flag-trader": {"rollout_steps": 32, "epochs": 1},
    "recurrent-ppo": {"epochs": 1},
    "ppo": {"rollout_steps": 32, "epochs": 1},
    "sb3": {"algorithm": "ppo", "parameters": {"n_steps": 16, "batch_size": 512, "n_epochs": 1}},
}
"""What shortens the learning and leaves every size as it is."""


def digest(tensors: dict[str, Any]) -> str:
    """SHA-256 of names and bytes."""
    found = hashlib.sha256()
    for name, values in sorted(tensors.items()):
        found.update(name.encode() + np.ascontiguousarray(np.asarray(values)).tobytes())
    return found.hexdigest()


def predictor_bytes(config: Any) -> list[str]:
    """Digests of a predictor: built, fitted for an epoch, asked."""
    rng = np.random.default_rng(1)
    window = getattr(config, "context", 1)
    x = rng.normal(size=(ROWS + window - 1, COLUMNS)).astype(np.float32)
    ends = np.arange(window - 1, len(x))
    rows: Any = SeriesWindows(x, ends, window) if window > 1 else x
    y = rng.integers(0, 3, ROWS)
    names = getattr(config, "learned", ())
    columns = [rng.integers(0, 3, ROWS) if name == "regime" else rng.gamma(2.0, size=ROWS) for name in names]
    targets = dict(zip(names, columns, strict=True))
    predictor = config.build(COLUMNS, 3, seed=3, schema="s")
    built = digest(predictor.state())
    fit(predictor, TrainingData(rows, y, targets_train=targets), TrainingConfig(epochs=1, batch_size=600), seed=3)
    return [built, digest(predictor.state()), digest(predictor.predict(rows))]


def tree_bytes(config: TreeSettings) -> list[str]:
    """Digests of trees: nothing, their files after a fit that is watched, asked."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32), rng.integers(0, 3, ROWS)
    predictor = config.build(COLUMNS, seed=3, schema="s")
    predictor.fit(x[200:], y[200:], validation=(x[:200], y[:200]))
    with TemporaryDirectory() as name:
        predictor.save(name)
        files = {path.name: np.frombuffer(path.read_bytes(), np.uint8) for path in Path(name).iterdir()}
    return [digest({}), digest(files), digest({"answers": predictor.predict_proba(x)})]


def market(actions: str, lanes: int) -> VectorMarket:
    """Lanes on a random walk with many columns."""
    rng = np.random.default_rng(2)
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(600)))
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(600),
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=np.full(600, 1e6),
        checked=False,
    )
    return VectorMarket(bars, rng.standard_normal((600, COLUMNS)), n_envs=lanes, episode_length=64, actions=actions)


def agent_bytes(config: Any, actions: str, lanes: int) -> list[str]:
    """Digests of an agent: built, after a little learning, asked."""
    env = market(actions, lanes)
    agent = config.build(env, seed=3)
    built = digest(state_of(agent, agent.saved))
    agent.learn(env, 64 * lanes)
    seen = np.random.default_rng(4).standard_normal((4 * lanes, *env.observation_shape)).astype(np.float32)
    acted, _ = agent.predict(seen)
    return [built, digest(state_of(agent, agent.saved)), digest({"actions": acted})]


def main(names: list[str]) -> None:
    """Prints the digests of each name."""
    found = {}
    for name in names:
        member = model_config(name)
        if member in agent_configs():
            actions = "levels" if name in ("cql", "cgdt") else "continuous"
            lanes = 2 if name in ("flag-trader", "cgdt") else 128
            found[name] = agent_bytes(member(**SHORT.get(name, {})), actions, lanes)
        elif issubclass(member, TreeSettings):
            found[name] = tree_bytes(member())
        else:
            found[name] = predictor_bytes(member())
    print(json.dumps({"threads": torch.get_num_threads(), "digests": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
