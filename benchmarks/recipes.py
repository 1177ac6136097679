"""Training methods: what each costs beside a plain step, or beside a public library in the same process.

    python benchmarks/recipes.py [LINE ...] [--runs N] [--json]

One function a line; `LINES` at the end lists them. Processor time, medians of several runs that take turns, after one
that is not counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from regimen.ops.attacks import pgd, quiet
from regimen.predictors import BaselineConfig, LSTMConfig
from regimen.preprocess import KalmanFilter
from regimen.preprocess.kalman import stationary
from regimen.seams import Batch
from regimen.training import TrainingConfig, TrainingData, cross_entropy
from regimen.training.defaults import default_objective, make_optimizer
from regimen.training.recipes import MamlConfig, PGDConfig, Task, TRADESConfig

FEATURES, BATCH = 60, 1024


@dataclass(frozen=True)
class Line:
    """One measured number.

    Attributes:
        what: was measured.
        value: the number.
        unit: of it.
        goal: what it should be, in words.
        beside: what else was measured, in words.
    """

    what: str
    value: float
    unit: str
    goal: str = ""
    beside: str = ""


def seconds(actions: Mapping[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Returns the median processor time of each action; they take turns, so that a busy machine is busy for all."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for run in range(runs + 1):
        for name, action in actions.items():
            begun = time.process_time()
            action()
            times[name] += [time.process_time() - begun] if run else []
    return {name: statistics.median(spent) for name, spent in times.items()}


def step_of(model: Any, recipes: tuple[Any, ...], context: int = 1, rows: int = BATCH) -> Callable[[], None]:
    """Returns one step of the training loop, on a batch of a thousand rows, or so many."""
    random = np.random.default_rng(0)
    shape = (rows, FEATURES) if context == 1 else (rows, context, FEATURES)
    data = TrainingData(random.normal(size=shape).astype(np.float32), random.integers(0, 3, rows))
    predictor, config = model.build(FEATURES), TrainingConfig(recipes=recipes)
    module = predictor.module.train()
    objective = default_objective(config, Task(data, rows, predictor.classes), predictor, torch.device("cpu"))
    optimizer = make_optimizer(module, config)
    batch = Batch(torch.from_numpy(data.x_train), torch.from_numpy(data.y_train), torch.ones(rows))

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        objective(module, batch).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()

    return step


def beside_clean(recipe: Any, goal: str, runs: int) -> list[Line]:
    """What a step under a recipe costs, in plain steps of the same net."""
    lines = []
    for model, context in ((BaselineConfig(), 1), (LSTMConfig(context=16, width=32), 16)):
        spent = seconds({"clean": step_of(model, (), context), "recipe": step_of(model, (recipe,), context)}, runs)
        plain = f"a plain step: {1e3 * spent['clean']:.1f} ms"
        lines.append(Line(f"{recipe.kind}, {model.kind}", spent["recipe"] / spent["clean"], "plain steps", goal, plain))
    return lines


def pgd_step(runs: int) -> list[Line]:
    """A training step under PGD with seven steps."""
    return beside_clean(PGDConfig(steps=7), "<= 8.5", runs)


def trades_step(runs: int) -> list[Line]:
    """A training step under TRADES with seven steps."""
    return beside_clean(TRADESConfig(steps=7), "<= 11", runs)


def pgd_evaluation(runs: int) -> list[Line]:
    """Rows a second of a PGD attack of twenty steps, beside the Adversarial Robustness Toolbox where that is there."""
    rows, steps, epsilon = 4096, 20, 0.1
    module = BaselineConfig().build(FEATURES).module.eval()
    x = torch.randn(rows, FEATURES, generator=torch.Generator().manual_seed(0))
    y = module(x).argmax(1)

    def ours() -> None:
        random = torch.Generator().manual_seed(0)
        with quiet(module):
            pgd(lambda at: cross_entropy(module(at), y), x, epsilon, steps=steps, random=random)

    actions: dict[str, Callable[[], object]] = {"ours": ours}
    theirs = _art(module, x, y, epsilon, steps)
    if theirs is not None:
        actions["ART"] = theirs
    spent = seconds(actions, runs)
    beside = f"ART: {rows / spent['ART']:,.0f}, so {spent['ART'] / spent['ours']:.1f} x" if theirs else "no ART here"
    return [Line("pgd-20 attack, baseline", rows / spent["ours"], "rows/s", ">= 2 x ART", beside)]


def _art(
    module: nn.Module, x: torch.Tensor, y: torch.Tensor, epsilon: float, steps: int
) -> Callable[[], object] | None:
    """Returns the same attack of the Adversarial Robustness Toolbox, in its torch version; None without it."""
    try:
        from art.attacks.evasion import ProjectedGradientDescentPyTorch
        from art.estimators.classification import PyTorchClassifier
    except ImportError:
        return None
    classifier = PyTorchClassifier(module, nn.CrossEntropyLoss(), (FEATURES,), 3, clip_values=None, device_type="cpu")
    attack = ProjectedGradientDescentPyTorch(
        classifier,
        norm=np.inf,
        eps=epsilon,
        eps_step=2.5 * epsilon / steps,
        max_iter=steps,
        num_random_init=1,
        batch_size=len(x),
        verbose=False,
    )
    rows, classes = x.numpy(), y.numpy()
    return lambda: attack.generate(rows, classes)


def kalman(runs: int) -> list[Line]:
    """A million rows of a column through the extended Kalman filter, beside the linear one of statsmodels."""
    table = np.array([[0.0, 1.0, *stationary((0.8, -0.2), share=0.5, spread=0.05, keep=0.995)]])
    values = np.random.default_rng(0).normal(size=(1_000_000, 1, 1))
    actions: dict[str, Callable[[], object]] = {"ours": lambda: KalmanFilter(("column",), table).scan(values)}
    theirs = _statsmodels(values[:100_000, 0, 0], table[0, 2:])
    if theirs is not None:
        actions["statsmodels"] = theirs
    spent = seconds(actions, runs)
    beside = f"statsmodels without drift: {1e4 * spent['statsmodels']:,.0f} ms" if theirs else "no statsmodels here"
    return [Line("kalman, a million rows", 1e3 * spent["ours"], "ms", "<= 150", beside)]


def maml(runs: int) -> list[Line]:
    """Optimiser steps a second of meta-learning: 4 tasks, 20 rows of support and 20 of query, 5 inner steps."""
    lines = []
    for first_order in (True, False):
        recipe = MamlConfig(inner_rate=0.01, inner_steps=5, first_order=first_order)
        rows = recipe.tasks_per_batch * recipe.shots  # one pass; there are 5 on the support, and one on the query
        for model, context, goal in ((BaselineConfig(), 1, 800), (LSTMConfig(context=16, width=32), 16, 300)):
            plain, meta = step_of(model, (), context, rows), step_of(model, (recipe,), context, 2 * rows)
            spent = seconds({"plain": plain, "meta": meta}, runs)
            order = "first order" if first_order else "second order"
            beside = f"{spent['meta'] / spent['plain']:.1f} plain steps of {rows} rows"
            wanted = f">= {goal}" if first_order else ""
            lines.append(Line(f"maml, {order}, {model.kind}", 1.0 / spent["meta"], "steps/s", wanted, beside))
    return lines


def _statsmodels(seen: Any, parameters: Any) -> Callable[[], object] | None:
    """Returns the linear filter of statsmodels, of fewer rows: it keeps every covariance; None without it."""
    try:
        from statsmodels.api import tsa
    except ImportError:
        return None
    first, second, _, new, noise, _ = parameters
    model = tsa.SARIMAX(seen, order=(2, 0, 0), measurement_error=True)
    model.update([first, second, noise, new])
    filtered: Callable[[], object] = model.ssm.filter
    return filtered


LINES: dict[str, Callable[[int], list[Line]]] = {
    "pgd": pgd_step,
    "trades": trades_step,
    "attack": pgd_evaluation,
    "kalman": kalman,
    "maml": maml,
}
"""What can be measured; each function takes the number of runs."""


def main() -> None:
    """Prints a line for each number."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lines", nargs="*", metavar="LINE", help=f"{', '.join(LINES)}; all of them by default")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if unknown := [name for name in given.lines if name not in LINES]:
        parser.error(f"no such line: {', '.join(unknown)}; there are {', '.join(LINES)}")
    torch.set_num_threads(1)
    lines = [line for name in given.lines or LINES for line in LINES[name](given.runs)]
    if given.json:
        print(json.dumps([asdict(line) for line in lines], indent=1))
        return
    for line in lines:
        print(f"{line.what:26} {line.value:10,.1f} {line.unit:12} {line.goal:12} {line.beside}")


if __name__ == "__main__":
    main()
