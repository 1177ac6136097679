"""Every model's size, time for 100,000 windows, and peak memory.

Run ``python benchmarks/models.py [--models NAME ...] [--windows N] [--runs K] [--threads N] [--parameters] [--loops]``.

Each model is built at its defaults for 60 features and measured in a process of its own. A predictor trains one epoch
on N windows of 60 features (batches of 1,024; of 256 for sequence models), an offline agent makes as many updates as
draw N windows, an online agent learns from N environment steps, a rule decides N bars. What would take longer than
``--most`` seconds is measured on fewer windows and scaled up; the table says on how many. ``--parameters`` prints the
sizes only.

``--loops`` compares loops instead of models: the hybrid's epoch in `regimen.training.fit`, in the shortest bare torch
loop over the same module and objective, and in Lightning's Trainer where it is installed, in turn in one process.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, get_args

import numpy as np
import torch

FEATURES, BATCH = 60, 256
ONLINE = 8_192  # environment steps that an online agent is measured on, at least


def predictor_members() -> dict[str, Any]:
    """Returns every predictor's config of the house at its defaults, by its kind."""
    from regimen.predictors import PredictorConfig

    house = [member for member in get_args(get_args(PredictorConfig)[0]) if "source" not in member.model_fields]
    return {member().kind: member() for member in house}


def agent_members() -> dict[str, Any]:
    """Returns every agent's config at its defaults, by its kind."""
    from regimen.agents import agent_configs

    return {member.model_fields["kind"].default: member for member in agent_configs()}


def rule_members() -> dict[str, Any]:
    """Returns every rule's config at its defaults, by its kind."""
    from regimen.policies import RuleSettings
    from regimen.records.models import model_configs

    return {member().kind: member() for member in model_configs().values() if issubclass(member, RuleSettings)}


def windows_of(count: int, length: int, targets: Sequence[str], seed: int = 0) -> Any:
    """Returns ``count`` rows or windows of random features whose class follows from the newest row."""
    from regimen.training import TrainingData
    from regimen.windows import SeriesWindows

    rng = np.random.default_rng(seed)
    series = rng.normal(size=(count + length - 1, FEATURES)).astype(np.float32)
    newest = series[length - 1 :]
    y = (newest[:, :3] + rng.gumbel(size=(count, 3))).argmax(axis=1)
    x: Any = newest if length == 1 else SeriesWindows(series, np.arange(length - 1, len(series)), length)
    more = {name: np.abs(newest[:, k]) if name != "regime" else y for k, name in enumerate(targets)}
    return TrainingData(x, y, targets_train=more)


def measured_predictor(config: Any, count: int, threads: int) -> dict[str, Any]:
    """Returns an epoch's seconds on ``count`` windows, and the model's parameters."""
    from regimen.records.effort import count_parameters
    from regimen.training import TrainingConfig, fit

    predictor = config.build(FEATURES)
    data = windows_of(count, predictor.context, predictor.targets)
    batch = 1024 if predictor.context == 1 else BATCH
    training = TrainingConfig(epochs=1, batch_size=batch, patience=None, threads=threads)
    result = fit(predictor, data, training)
    total, learned = count_parameters(predictor)
    return {"seconds": result.history[0].seconds, "parameters": total, "trained": learned, "window": predictor.context}


def bars_of(count: int) -> Any:
    """Returns random bars and 60 features of them."""
    from regimen.bars import Bars

    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(0.001 * rng.standard_normal(count)))
    start = np.concatenate([[100.0], close[:-1]])
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01T00", "h") + np.arange(count),
        open=start,
        high=np.maximum(start, close),
        low=np.minimum(start, close),
        close=close,
        volume=np.ones(count),
    )
    return bars, rng.standard_normal((count, FEATURES))


def lanes_of(config: Any, lanes: int = 64) -> Any:
    """Returns the lanes that an agent learns in, with levels where it can take them.

    They show 60 features, and the account's three columns as in a run; but to CQL, CGDT and FLAG-TRADER the features
    alone, for which their sizes are stated.
    """
    from regimen.envs import VectorMarket
    from regimen.errors import RegimenError
    from regimen.execution import Costs, Market

    bars, features = bars_of(2_000)
    for actions in ("levels", "continuous"):
        env = VectorMarket(
            bars,
            features,
            n_envs=lanes,
            episode_length=300,
            actions=actions,
            show_account=config.kind not in ("cql", "cgdt", "flag_trader"),
            market=Market(costs=Costs(commission_bps=1.0)),
            reward="log_wealth",
            threads=1,
        )
        try:
            config.build(env)
        except RegimenError:
            continue
        return env
    raise SystemExit(f"no lanes for {config.kind}")


def measured_agent(member: Any, count: int, threads: int) -> dict[str, Any]:
    """Returns the seconds of learning from ``count`` windows or environment steps, and the model's parameters."""
    from regimen.records.effort import count_parameters

    more = {"threads": threads} if "threads" in member.model_fields else {}
    heavy = member.model_fields["kind"].default == "flag_trader"  # minutes for a rollout of many lanes
    if heavy:
        more["rollout_steps"] = 64
    config = member(**more)
    env = lanes_of(config, 2 if heavy else 64)
    offline = hasattr(config, "updates")
    if offline:
        config = member(**more, updates=max(1, count // config.batch_size))
    agent = config.build(env)
    total, learned = count_parameters(agent)
    start = time.perf_counter()
    if offline:
        from regimen.replay import record, uniform

        data = record(uniform(env), env, 160)
        start = time.perf_counter()
        agent.learn_from(data, config.updates)
        done = config.updates * config.batch_size
    else:
        done = agent.learn(env, count if heavy else max(ONLINE, count))[-1].steps
    seconds = time.perf_counter() - start
    window = getattr(config, "context", 1)
    return {"seconds": seconds * count / done, "parameters": total, "trained": learned, "window": window}


def measured_rule(config: Any, count: int) -> dict[str, Any]:
    """Returns the seconds in which a rule decides ``count`` bars, sized to a volatility; it has no parameters."""
    from regimen.execution import Market
    from regimen.policies import ExposureConfig, realised_volatility, targets

    sizing = ExposureConfig(volatility_target=0.4)
    policy, (bars, _) = config.build(sizing), bars_of(count)
    volatility = realised_volatility(bars.close, sizing.volatility_bars, bars.periods_per_year)
    history = Market().history(bars, volatility=volatility)
    targets(policy, history, 0, 1)  # compiled, and the tape is there
    start = time.perf_counter()
    targets(policy, history)
    return {"seconds": time.perf_counter() - start, "parameters": 0, "trained": 0, "window": config.lookback}


def child(name: str, count: int, threads: int) -> None:
    """Measures one model in this process and prints what was found as JSON."""
    torch.set_num_threads(threads)
    predictors, rules = predictor_members(), rule_members()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if name in predictors:
        found = measured_predictor(predictors[name], count, threads)
    elif name in rules:
        found = measured_rule(rules[name], count)
    else:
        found = measured_agent(agent_members()[name], count, threads)
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["own_mib"] = found["peak_mib"] - before / 1024
    print(json.dumps(found))


def ask(name: str, count: int, threads: int) -> dict[str, Any]:
    """Runs `child` in a process of its own."""
    command = [sys.executable, __file__, "--child", name, "--windows", str(count), "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def told(seconds: float) -> str:
    """Returns seconds with three digits."""
    return f"{seconds:,.0f}" if seconds >= 100.0 else f"{seconds:.3g}"


def table(names: list[str], windows: int, runs: int, threads: int, most: float) -> None:
    """Measures the models and prints their table."""
    print(f"{windows:,} windows x {FEATURES} features, {threads} threads; medians of {runs} (lowest to highest)")
    print(f"{'model':14} {'parameters':>11} {'trained':>10} {'window':>6} {'seconds':>24} {'peak MiB':>9}  measured on")
    for name in names:
        few = 128 if name in ("cgdt", "flag_trader") else 2 * BATCH
        first = ask(name, few, threads)
        fits = first["seconds"] * windows / few <= most
        count = windows if fits else max(few, int(windows * most / (first["seconds"] * windows / few)))
        found = [ask(name, count, threads) for _ in range(runs)]
        seconds = sorted(one["seconds"] * windows / count for one in found)
        spread = f"{told(statistics.median(seconds))} ({told(seconds[0])} to {told(seconds[-1])})"
        peak = max(one["peak_mib"] for one in found)
        sizes = [f"{one:,}" if one is not None else "-" for one in (found[0]["parameters"], found[0]["trained"])]
        print(
            f"{name:14} {sizes[0]:>11} {sizes[1]:>10} {found[0]['window']:>6} {spread:>24} {peak:>9,.0f}  {count:,}",
            flush=True,
        )


def loops(count: int, runs: int, threads: int) -> None:
    """Compares the loop with a bare one, and with Lightning's, on the hybrid."""
    from regimen.predictors import HybridConfig
    from regimen.training import TrainingConfig, fit, joint
    from regimen.training.resident import Resident

    config = HybridConfig()
    data = windows_of(count, config.context, config.targets)
    torch.set_num_threads(threads)
    objective = joint(config)
    resident = Resident.of(data.x_train, data.y_train, None, data.targets_train, torch.device("cpu"))

    def ours() -> float:
        training = TrainingConfig(epochs=1, batch_size=BATCH, patience=None, threads=threads)
        return fit(config.build(FEATURES), data, training).history[0].seconds

    def bare() -> float:
        module = config.build(FEATURES).module.train()
        optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)
        start = time.perf_counter()
        for rows in torch.randperm(count).split(BATCH):
            optimizer.zero_grad()
            objective(module, resident.take(rows)).backward()
            optimizer.step()
        return time.perf_counter() - start

    contestants: dict[str, Callable[[], float]] = {"regimen": ours, "bare torch": bare}
    try:
        lightning = importlib.import_module("lightning")
    except ImportError:
        print("lightning is not installed: left out")
    else:
        contestants["lightning"] = lambda: lightning_epoch(lightning, config, objective, resident, count)
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for one in contestants.values():
        one()  # not counted
    for _ in range(runs):
        for name, one in contestants.items():
            found[name].append(one())
    print(
        f"hybrid, {count:,} windows of {config.context}x {FEATURES}, batch {BATCH}, {threads} threads, {runs} runs each"
    )
    base = statistics.median(found["bare torch"])
    for name, seconds in found.items():
        middle = statistics.median(seconds)
        print(f"{name:12} {middle:7.2f} s ({min(seconds):.2f} to {max(seconds):.2f})  {middle / base:.2f} x bare")


def lightning_epoch(lightning: Any, config: Any, objective: Any, resident: Any, count: int) -> float:
    """Returns the seconds of one epoch in Lightning's Trainer, as lean as it can be set."""

    class Model(lightning.LightningModule):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.module = config.build(FEATURES).module

        def training_step(self, batch: Any, _index: int) -> Any:
            return objective(self.module, resident.take(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=1e-3, fused=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = torch.utils.data.DataLoader(torch.arange(count), batch_size=BATCH, shuffle=True)
        trainer = lightning.Trainer(
            max_epochs=1,
            accelerator="cpu",
            gradient_clip_val=1.0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        start = time.perf_counter()
        trainer.fit(Model(), rows)
        return time.perf_counter() - start


def parameters(names: list[str]) -> None:
    """Prints the exact sizes for 60 features and 3 classes or actions."""
    from regimen.records.effort import count_parameters

    predictors, agents = predictor_members(), agent_members()
    print(f"{'model':14} {'columns':>7} {'parameters':>11} {'trained':>10}   (3 classes or actions)")
    for name in names:
        if name in predictors:
            columns, sizes = FEATURES, count_parameters(predictors[name].build(FEATURES))
        else:
            agent = agents[name]().build(lanes_of(agents[name]()))
            columns, sizes = agent.spec.width, count_parameters(agent)
        total, learned = (one if one is not None else 0 for one in sizes)
        print(f"{name:14} {columns:>7} {total:>11,} {learned:>10,}")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="*", help="names of models; all by default")
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--most", type=float, default=60.0, help="seconds that one measurement may take, about")
    parser.add_argument("--parameters", action="store_true", help="print the sizes only")
    parser.add_argument("--loops", action="store_true", help="compare loops on the hybrid")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.windows, given.threads)
        return
    agents = [name for name in agent_members() if name != "sb3"]
    rules = [] if given.parameters else list(rule_members())
    names = given.models or [*predictor_members(), *agents, *rules]
    if given.loops:
        loops(min(given.windows, 20_000), max(given.runs, 3), given.threads)
    elif given.parameters:
        parameters(names)
    else:
        table(names, given.windows, given.runs, given.threads, given.most)


if __name__ == "__main__":
    main()
