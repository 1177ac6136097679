"""The runs of an ablation: which there are, and each as an ordinary run that is trained where it is not there yet."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from regimen.errors import RunError
from regimen.records import RunConfig, RunDirectory, folders_of_runs
from regimen.reporting.ablation import Kind
from regimen.runs.ablation.methods import Method, methods_of, with_methods
from regimen.runs.data_file import on_file
from regimen.runs.walk_forward import resume_run, start
from regimen.work import HERE, Mapper

Advance = Callable[[int, int, str], None]


@dataclass(frozen=True)
class PlannedArm:
    """A run of an ablation.

    Attributes:
        kind: ``base`` has none of the methods, ``all`` each, ``alone`` one, ``without`` all but one.
        method: name of that one; empty for ``base`` and ``all``.
        config: of the run.
    """

    kind: Kind
    method: str
    config: RunConfig

    @property
    def label(self) -> str:
        """What it is called."""
        return {"alone": self.method, "without": f"all but {self.method}"}.get(self.kind, self.kind)


def plan(config: RunConfig, seeds: int, root: Path, *, only_alone: bool = False) -> tuple[PlannedArm, ...]:
    """Returns the runs of an ablation: base, each method alone, all, all but each; with one method, base and it.

    Args:
        config: with methods in it.
        seeds: of each run, the first is the config's; the same for all, so that they are pairs.
        root: the folder of runs, which keeps bars that are in memory.
        only_alone: leaves out all, and all but each.

    Raises:
        ConfigError: no method, or a method that cannot be taken out alone.
    """
    methods = methods_of(config)
    whole = config.model_copy(update={"seeds": seeds, "data": on_file(config.data, root)})
    several = len(methods) > 1 and not only_alone
    chosen: list[tuple[Kind, str, list[Method]]] = [("base", "", [])]
    chosen += [("alone", method.name, [method]) for method in methods]
    chosen += [("all", "", list(methods))] if several else []
    if several and len(methods) > 2:
        chosen += [("without", out.name, [each for each in methods if each != out]) for out in methods]
    arms = []
    for kind, method, members in chosen:
        arm = PlannedArm(kind, method, with_methods(whole, members))
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{config.name}-{arm.label}")
        arms.append(replace(arm, config=arm.config.model_copy(update={"name": name})))
    return tuple(arms)


def run_of(config: RunConfig, root: Path, fingerprint: str | None = None) -> RunDirectory | None:
    """Returns the run of a config that lies in a folder, a finished one first; None where there is none.

    Args:
        config: its numbers, seeds and data's fingerprint are what must be equal; its name may differ.
        root: the folder of runs.
        fingerprint: of the bars; None takes any.
    """
    unfinished = None
    for path in folders_of_runs(root):
        run = RunDirectory(path)
        with suppress(RunError, KeyError, TypeError):
            manifest = run.manifest()
            seeds = (manifest["config"]["seed"], manifest["config"]["seeds"])
            if (manifest["config_hash"], seeds) != (config.hash, (config.seed, config.seeds)):
                continue
            if fingerprint not in (None, manifest["fingerprint"]):
                continue
            if manifest["status"] == "finished":
                return run
            unfinished = run
    return unfinished


def trained(config: RunConfig, root: Path, fingerprint: str, advance: Advance, mapper: Mapper = HERE) -> RunDirectory:
    """Returns the finished run of a config: the one that is there, or one that is trained now.

    Args:
        config: of the run.
        root: the folder of runs.
        fingerprint: of the bars.
        advance: progress.
        mapper: where windows are fitted.
    """
    run = run_of(config, root, fingerprint)
    if run is None:
        return start(config, root, advance, mapper)[0]
    if run.status != "finished":
        resume_run(run, advance, mapper)
    return run
