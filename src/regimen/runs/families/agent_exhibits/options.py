"""Which options a chooser took in the test spans, for how long, and after which: a run's exhibit of options."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from regimen.agents import Options, OptionsConfig
from regimen.numerals import count, number, percent
from regimen.policies import AgentPolicy, innermost, targets
from regimen.records import RunDirectory
from regimen.reporting.report import Exhibit
from regimen.runs.prepare import Prepared
from regimen.runs.window import load_policy

Integers = NDArray[np.int64]


def show_options(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields the share of bars, the number, the length and the followers of each option; nothing without options."""
    config = prepared.config
    if not isinstance(config.model, OptionsConfig):
        return
    names: tuple[str, ...] = ()
    counts: list[tuple[Integers, Integers]] = []
    for window in prepared.windows:
        loaded = load_policy(directory.window(window.number), config, prepared.features.hash)
        policy, history = innermost(loaded, prepared.history)
        assert isinstance(policy, AgentPolicy)
        assert isinstance(policy.agent, Options)
        names = policy.agent.table.names
        watched = Watched(policy)
        targets(watched.policy, history, window.test.start, window.test.stop)
        counts.append(watched.counts(len(names)))
    bars, switches = (np.sum(part, axis=0) for part in zip(*counts, strict=True))
    begun = switches.sum(axis=1)
    if not begun.sum():
        return
    rows = tuple(
        (
            name,
            percent(bars[k] / bars.sum(), 1),
            count(int(begun[k])),
            number(bars[k] / begun[k], 1) if begun[k] else "–",
            names[int(switches[k].argmax())] if begun[k] else "–",
        )
        for k, name in enumerate(names)
    )
    most = int(bars.argmax())
    yield Exhibit(
        key="options",
        title="Options",
        sentences=(
            f"In the test spans {count(int(begun.sum()))} options ended, after {number(bars.sum() / begun.sum(), 1)} "
            f"bars in the mean; {percent(bars[most] / bars.sum(), 0)} of all bars were under {names[most]}.",
        ),
        columns=("Option", "share of bars", "ended", "mean bars", "followed most by"),
        rows=rows,
    )


class Watched:
    """Which option each symbol is under at every bar that it decides, and after how many of its bars."""

    def __init__(self, policy: AgentPolicy) -> None:
        self.seen: list[tuple[Integers, Integers]] = []
        self.policy = AgentPolicy(policy.agent, policy.config, watching=self._watch)

    def _watch(self, sight: tuple[NDArray[np.float32], NDArray[np.float32] | None]) -> None:
        if sight[1] is not None:
            self.seen.append(Options.in_force(sight[1]))

    def counts(self, options: int) -> tuple[Integers, Integers]:
        """Returns bars under each option, and how often one was followed by another (option, option).

        An option that began anew without a bar between follows itself. Symbols are told apart while none comes or goes.
        """
        bars, switches = np.zeros(options, np.int64), np.zeros((options, options), np.int64)
        for (last, _), (option, elapsed) in zip(self.seen, self.seen[1:], strict=False):
            bars += np.bincount(option[option >= 0], minlength=options)
            if last.shape != option.shape:
                continue
            anew = (elapsed == 1) & (last >= 0) & (option >= 0)
            np.add.at(switches, (last[anew], option[anew]), 1)
        return bars, switches
