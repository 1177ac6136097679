"""How far a proof is, as one number over all agents, markets and seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from regimen.learning import Iteration
from regimen.proving.experiment import Experiment

if TYPE_CHECKING:
    from regimen.proving.prove import Progress


def in_percent(advance: Callable[[int, int, str], None], experiments: Sequence[Experiment], seeds: int) -> Progress:
    """Turns iterations of any number of runs into percent of all steps, with the numbers of the oldest run.

    Args:
        advance: called with (percent, 100, what is being done).
        experiments: that are proved.
        seeds: of each.
    """
    total = seeds * sum(experiment.steps for experiment in experiments)
    steps: dict[tuple[str, int], int] = {}
    running: list[tuple[str, int]] = []

    def tell(experiment: Experiment, seed: int, iteration: Iteration) -> None:
        run = (str(experiment), seed)
        if run not in steps:
            running.append(run)
        pace = (iteration.steps - steps.get(run, 0)) / iteration.seconds if iteration.seconds > 0.0 else 0.0
        steps[run] = iteration.steps
        if run == running[0]:
            message = f"{experiment}, seed {seed} · reward {iteration.reward:.3g} · entropy {iteration.entropy:.3g}"
            done = min(100, 100 * sum(steps.values()) // total)
            advance(done, 100, f"{message} · {pace / 1e3:,.0f} k steps/s")
        if iteration.steps >= iteration.total:
            running.remove(run)

    return tell
