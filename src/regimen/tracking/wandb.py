"""Weights & Biases: one run, offline unless it is told otherwise."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read at the import: nothing is told to its makers
import wandb

from regimen.tracking.config import WandbConfig
from regimen.tracking.tracker import About, TrackerIds


class WandbTracker:
    """Writes a Weights & Biases run whose curves are named ``window-000/train_loss``, over ``window-000/step``.

    When a stopped run goes on it keeps its id; offline that is a second folder, and ``wandb sync`` joins the two.
    Points between the last checkpoint and the stop are then there twice, with equal values, one on top of the other.

    Args:
        config: which project, and whether online.
        folder: of the run; ``wandb/`` inside it holds the files.
        about: config and facts of the run.
        memory: holds the id of the Weights & Biases run.

    Raises:
        wandb.Error: no account, or no answer, online.
    """

    def __init__(self, config: WandbConfig, folder: Path, about: About, memory: TrackerIds) -> None:
        identity = memory.recall("wandb").get("run") or secrets.token_hex(4)
        (folder / "wandb").mkdir(exist_ok=True)  # where it is missing, the library turns to the temporary folder
        self._run = wandb.init(
            project=config.project,
            entity=config.entity,
            id=identity,
            name=about.id,
            dir=folder,
            mode=config.mode,
            resume="allow",
            config={**about.config, "facts": dict(about.facts)},
            save_code=False,
            settings=wandb.Settings(silent=True, console="off", disable_git=True),
        )
        self._groups: set[str] = set()
        memory.keep("wandb", {"run": identity})

    def numbers(self, step: int, values: Mapping[str, float], group: str) -> None:
        """Adds one point to each curve of a group."""
        before = f"{group}/" if group else ""
        if group not in self._groups:
            self._groups.add(group)
            if group:
                self._run.define_metric(f"{group}/*", step_metric=f"{group}/step")
        named = {f"{before}{name}": value for name, value in values.items()}
        if group:
            named[f"{group}/step"] = step
        self._run.log(named)

    def figure(self, name: str, path: Path) -> None:
        """Shows a PNG file."""
        self._run.log({name: wandb.Image(str(path))})

    def artefact(self, path: Path) -> None:
        """Keeps a file among those of the run."""
        inside = Path(self._run.dir) / path.name  # a file elsewhere would become a link, which breaks when a run moves
        inside.write_bytes(path.read_bytes())
        self._run.save(str(inside), base_path=str(inside.parent), policy="now")

    def close(self, finished: bool) -> None:
        """Waits until everything is written; the exit code says whether the run was finished."""
        self._run.finish(exit_code=0 if finished else 1)
