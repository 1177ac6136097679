"""Conservative Q-learning beside d3rlpy's DiscreteCQL, in one process, on the same recorded data.

    python benchmarks/cql.py [--runs N] [--updates N]

Updates per second at batch 256: medians of ``--runs`` short runs of each, taken in turn, one thread; beside the wall
clock the processor's time, which a busy machine lengthens less. Both have one critic with 256x256 hidden units and one
output per action, Huber's loss, Adam, and hard copies to the target. "learning" is all that is done for an update, the
drawing of the batch included; "updates alone" gives d3rlpy's batches as tensors for nothing, while ours are still
drawn. Without d3rlpy (2.8.1, in an environment of its own) its half is left out. The last line is our default network.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from regimen.agents import CQLConfig
from regimen.envs import EnvSpec
from regimen.nets import torch_threads
from regimen.replay import Trajectories

WIDTH, STEPS, LENGTH, BATCH = 63, 50_000, 500, 256
Learn = Callable[[int], Any]
Speed = tuple[float, float]


def played() -> Trajectories:
    """Returns random episodes."""
    rng = np.random.default_rng(0)
    return Trajectories(
        observations=rng.standard_normal((STEPS, WIDTH), np.float32),
        actions=rng.integers(0, 3, STEPS),
        rewards=rng.standard_normal(STEPS),
        terminated=np.zeros(STEPS, np.bool_),
        truncated=np.arange(STEPS) % LENGTH == LENGTH - 1,
        final_observations=rng.standard_normal((STEPS // LENGTH, WIDTH), np.float32),
        columns=tuple(f"c{k}" for k in range(WIDTH)),
        choices=3,
    )


def ours(data: Trajectories, **fields: Any) -> Learn:
    """Returns what lets our agent make so many updates."""
    config = CQLConfig(batch_size=BATCH, tau=1.0, target_interval=1000, anneal=False, **fields)
    agent = config.build(EnvSpec(columns=data.columns, choices=data.choices))
    agent.begin(data)

    def learn(updates: int) -> None:
        with torch_threads(1):
            agent.improve(0, updates, updates)

    return learn


def theirs(data: Trajectories) -> tuple[Learn, Learn]:
    """Returns what lets d3rlpy's agent learn, and what lets it update on batches that are there already."""
    from d3rlpy.algos import DiscreteCQLConfig
    from d3rlpy.dataset import MDPDataset
    from d3rlpy.logging import NoopAdapterFactory
    from d3rlpy.models import VectorEncoderFactory
    from d3rlpy.torch_utility import TorchMiniBatch

    def built() -> Any:
        config = DiscreteCQLConfig(
            batch_size=BATCH, encoder_factory=VectorEncoderFactory([256, 256]), target_update_interval=1000
        )
        agent = config.create()
        agent.create_impl((WIDTH,), 3)
        return agent

    learner, updater = built(), built()
    shelf = MDPDataset(
        data.observations.copy(),
        data.actions.astype(np.int64),
        data.rewards[:, None].astype(np.float32),
        data.terminated.astype(np.float32),
        data.truncated.astype(np.float32),
        action_size=3,
    )
    random = np.random.default_rng(1)
    batches = []
    for _ in range(50):
        drawn = data.transitions(random.integers(0, len(data), BATCH))
        zeros = torch.zeros(BATCH, 1)
        batches.append(
            TorchMiniBatch(
                observations=torch.from_numpy(drawn.observations),
                actions=torch.from_numpy(drawn.actions),
                rewards=torch.from_numpy(drawn.rewards[:, None]).float(),
                next_observations=torch.from_numpy(drawn.successors),
                next_actions=zeros,
                returns_to_go=zeros,
                terminals=torch.from_numpy(drawn.terminated[:, None]).float(),
                intervals=torch.ones(BATCH, 1),
                device="cpu",
            )
        )

    def learn(updates: int) -> None:
        with torch_threads(1):
            learner.fit(
                shelf,
                n_steps=updates,
                n_steps_per_epoch=updates,
                logger_adapter=NoopAdapterFactory(),
                show_progress=False,
                save_interval=10**9,
            )

    def update(updates: int) -> None:
        with torch_threads(1):
            for k in range(updates):
                updater.impl.inner_update(batches[k % len(batches)], k + 1)

    return learn, update


def timed(learn: Learn, updates: int) -> Speed:
    """Returns updates per second of the wall clock and of the processor."""
    wall, busy = time.perf_counter(), time.process_time()
    learn(updates)
    return updates / (time.perf_counter() - wall), updates / (time.process_time() - busy)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--updates", type=int, default=200)
    chosen = parser.parse_args()
    data = played()
    plain = {"network": "heads", "hidden": (256, 256), "critics": 1}
    learners: dict[str, Learn] = {"regimen": ours(data, **plain)}
    if find_spec("d3rlpy") is None:
        print("d3rlpy is not installed: its half is left out")
    else:
        import structlog

        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        learners["d3rlpy, learning"], learners["d3rlpy, updates alone"] = theirs(data)
    learners["regimen, twin one-hot 256x128x64"] = ours(data)
    found: dict[str, list[Speed]] = {name: [] for name in learners}
    for learn in learners.values():
        learn(20)
    for _ in range(chosen.runs):
        for name, learn in learners.items():
            found[name].append(timed(learn, chosen.updates))
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    print(f"updates per second, median of {chosen.runs} runs of {chosen.updates}")
    print(f"{'':<36}{'wall':>10}{'processor':>12}{'ratio':>10}{'':>12}")
    for name, (wall, busy) in medians.items():
        ratios = [mine / other for mine, other in zip(medians["regimen"], (wall, busy), strict=True)]
        print(f"{name:<36}{wall:>10,.0f}{busy:>12,.0f}{ratios[0]:>10.1f}{ratios[1]:>12.1f}", flush=True)


if __name__ == "__main__":
    main()
