"""What each preference among a model's objectives leads to: a run's exhibit of its Pareto front."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.agents import MOSACConfig, load_agent
from regimen.envs import MarketGroup, ObjectivesConfig
from regimen.errors import ConfigError
from regimen.metrics import undominated
from regimen.numerals import count, significant
from regimen.records import RunConfig, RunDirectory
from regimen.records.layout import MODEL
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.runs.families.lanes import lane_data, lanes_of
from regimen.runs.families.scaling import read_chain, seen_through
from regimen.runs.prepare import Prepared
from regimen.splits import Slice

Floats = NDArray[np.float64]
_STEPS = 10


def preferences(objectives: ObjectivesConfig) -> Floats:
    """Returns preferences (preference, objective) to compare: evenly spaced ones, and the one that trades, first.

    Of two objectives eleven; of more, each by itself, each two alike, and all alike.
    """
    number = len(objectives.names)
    rows: list[tuple[float, ...]]
    if number == 2:
        rows = [(first / _STEPS, 1.0 - first / _STEPS) for first in range(_STEPS, -1, -1)]
    else:
        chosen = [each for size in (1, 2, number) for each in combinations(range(number), size)]
        rows = [tuple(1.0 / len(each) if k in each else 0.0 for k in range(number)) for each in chosen]
    return np.array(list(dict.fromkeys([objectives.shares, *rows])))


def show_front(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields what each preference earned in each objective on the validation slices, and which no other beats.

    The test spans are not looked at: to trade them by another preference is a backtest, and a trial.
    """
    config = prepared.config
    if not isinstance(config.model, MOSACConfig):
        return
    objectives = config.model.objectives
    shares = preferences(objectives)
    totals = np.zeros(shares.shape)
    for window in prepared.windows:
        if window.validation.rows:
            folder = directory.window(window.number)
            agent = load_agent(folder / MODEL, None, config.model)
            seen = seen_through(read_chain(folder, config), prepared)
            totals += earned(agent, seen, window.validation, config, shares)
    if not totals.any():
        return
    front = undominated(totals)
    rows = tuple(
        (
            ", ".join(f"{share:.2g}" for share in each),
            *(significant(float(paid), 3) for paid in total),
            "yes" if best else "",
        )
        for each, total, best in zip(shares, totals, front, strict=True)
    )
    own, names = rows[0][0], " and ".join(objectives.names)
    yield Exhibit(
        key="objectives",
        title="Objectives",
        sentences=(
            f"Each row traded the validation slices by one preference among {names}, shares in that order; {own} is "
            f"what the run traded. Of {count(len(rows))}, {count(int(front.sum()))} are on the front: no other row is "
            "as good in every objective and better in one.",
            f"regimen backtest {directory.id} preference={rows[int(np.flatnonzero(front)[-1])][0].replace(' ', '')} "
            "trades the test spans by another, and counts as a trial.",
        ),
        columns=("Preference", *objectives.names, "On the front"),
        rows=rows,
        drawings=_drawing(objectives.names, totals, front) if len(objectives.names) == 2 else (),
    )


def earned(agent: Any, seen: Prepared, part: Slice, config: RunConfig, shares: Floats) -> Floats:
    """Returns what an agent is paid on a slice (preference, objective), summed over bars, the mean of its symbols.

    Args:
        agent: that learned for all preferences.
        seen: bars with the features that it sees.
        part: the slice, traded from a flat start.
        config: of the run.
        shares: (preference, objective).
    """
    assert isinstance(config.model, MOSACConfig)
    how = lanes_of(config, part.start, part.stop)
    how = how.model_copy(update={"n_envs": len(shares), "autoreset": True})
    markets = []
    for data in lane_data(seen.bars, seen.frame):
        try:
            markets.append(how.build(data.bars, data.frame))
        except ConfigError as error:
            if error.field != "features":  # of which there is no whole row in the slice
                raise
    if not markets:
        return np.zeros(shares.shape)
    env = config.model.objectives.wrap(MarketGroup(markets))
    env.reset(seed=0)
    rows = env.prefer(np.tile(shares, (len(markets), 1)))
    totals, under_way = np.zeros((env.n_envs, shares.shape[1])), np.ones(env.n_envs, np.bool_)
    while under_way.any():
        rows, _, terminated, truncated, info = env.step(agent.predict(rows)[0])
        totals += info["rewards"] * under_way[:, None]
        under_way &= ~(terminated | truncated)
    return np.asarray(totals.reshape(len(markets), *shares.shape).mean(axis=0))


def _drawing(names: tuple[str, ...], totals: Floats, front: NDArray[np.bool_]) -> tuple[Drawing, ...]:
    curves = []
    for title, chosen, style in (("all preferences", np.ones_like(front), "flat"), ("the front", front, "policy")):
        points = totals[chosen][np.lexsort((totals[chosen, 1], totals[chosen, 0]))]
        curves.append(Curve(title, tuple(points[:, 1].tolist()), tuple(points[:, 0].tolist()), style=style))
    note = f"{names[0]} to the right, {names[1]} upwards, summed over the bars of the validation slices."
    return (Drawing("lines", "What a preference trades for what", note, tuple(curves)),)
