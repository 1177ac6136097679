"""What a validation is asked for, and where its decisions lie: all that a worker needs to do a part of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from regimen.augment import PathsConfig
from regimen.errors import ConfigError
from regimen.learning import AgentSettings
from regimen.policies import RuleSettings
from regimen.records import MetaConfig, RunConfig, RunDirectory
from regimen.runs.prepare import Prepared, prepare, require_same_data, require_same_features
from regimen.splits import Combinatorial, combinatorial

FOLDER = "validation"
"""In a run's folder: the decisions of every split and seed, in a folder for each choice of folds."""


@dataclass(frozen=True)
class ValidationPlan:
    """The splits and seeds of a validation.

    Attributes:
        run: folder of the run.
        folds, tested: N and k.
        seeds: of the fits; the first is the run's.
    """

    run: str
    folds: int
    tested: int
    seeds: tuple[int, ...]

    @property
    def folder(self) -> Path:
        """Where the decisions of these splits lie, whatever the seeds: more seeds later fit what is not there yet."""
        return Path(self.run) / FOLDER / f"{self.folds}-{self.tested}"

    def decisions(self, seed: int, split: int) -> Path:
        """The file of what the model of one split and seed decided on the folds that it did not learn from."""
        return self.folder / str(seed) / f"{split:05d}.npy"

    def trial(self, config: RunConfig) -> str:
        """Identifies in the trial ledger what is tried: the run's config, trained on these folds."""
        return hashlib.sha256(f"{config.hash} combinatorial {self.folds} {self.tested}".encode()).hexdigest()[:16]

    def splits(self, prepared: Prepared) -> Combinatorial:
        """Returns the splits of the bars that the run's windows cover, the first training span included.

        Under ``splits.embargo: auto`` the embargo is all that a decision looks back on: the features' memory, and the
        rows that the model sees besides the newest.

        Raises:
            SplitError: see `regimen.splits.combinatorial`.
        """
        config, windows = prepared.config, prepared.windows
        candidates = prepared.known.copy()
        candidates[: windows[0].train.start] = False
        candidates[windows[-1].test.stop :] = False
        embargo = config.splits.embargo
        if embargo == "auto":
            model = config.environment if isinstance(config.model, AgentSettings) else config.model
            embargo = prepared.features.warmup + int(getattr(model, "context", 1)) - 1
        return combinatorial(candidates, prepared.labels, self.folds, self.tested, embargo)


@lru_cache(maxsize=1)
def prepared_of(run: str) -> Prepared:
    """Returns bars, features, labels and windows of a run; the last one that was asked for stays in memory.

    Raises:
        RunError: its data file or its features are not what they were.
    """
    directory = RunDirectory.open(Path(run))
    manifest = directory.manifest()
    prepared = prepare(directory.located_config())
    require_same_data(prepared.bars, manifest)
    require_same_features(prepared, manifest)
    return prepared


def require_trainable_on_folds(config: RunConfig) -> None:
    """Refuses what cannot be trained on bars that others are cut out of.

    Raises:
        ConfigError: a rule, which learns nothing; a meta model, whose first model decides bar after bar; paths of
            ``augment``, which are drawn from all bars of a slice.
    """
    model = config.model
    if isinstance(model, RuleSettings):
        raise ConfigError("model", "must learn: a rule decides the same whatever it is trained on", model.kind)
    if isinstance(model, MetaConfig):
        rule = "must learn from bars that others are cut out of; the first model of a meta model decides every bar"
        raise ConfigError("model", rule, model.kind)
    paths = [each.kind for each in config.augment if isinstance(each, PathsConfig)]
    if paths:
        rule = "must make no paths to be trained on folds: a path is drawn from all bars of a slice, those tested too"
        raise ConfigError("augment", rule, paths)
