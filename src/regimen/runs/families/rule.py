"""A rule in one walk-forward window: nothing is fitted, everything is judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from regimen.policies import ExposureConfig, Policy, RuleSettings
from regimen.records import RunConfig, write_json
from regimen.records.layout import HISTORY
from regimen.runs.families.family import Draw
from regimen.runs.families.sizing import aiming
from regimen.runs.fit import Tell
from regimen.runs.prepare import Prepared
from regimen.splits import Window


@dataclass(frozen=True, eq=False)
class RuleFit:
    """A rule, of which no window teaches anything.

    Attributes:
        policy: what trades.
    """

    policy: Policy
    rows: ClassVar[int] = 0
    was_chosen: ClassVar[bool] = False
    parameter_counts: ClassVar[tuple[int, int]] = (0, 0)
    """Weights in all, and those that learn; see `regimen.records.effort.count_parameters`."""

    @property
    def model(self) -> RuleFit:
        """Itself, which has no weights."""
        return self

    def save(self, folder: Path) -> None:
        """Writes that nothing was learned: the run's config is the whole rule."""
        write_json(folder / HISTORY, {"rows": self.rows})


def fit(
    prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
) -> RuleFit:
    """Returns the rule of the config; neither window nor seed matter."""
    del window, seed, checkpoint, tell
    return RuleFit(_policy(prepared.config, prepared.features.names))


def load(folder: Path, config: RunConfig, schema: str) -> Policy:
    """Returns the rule of the config; the features are the config's too, so no other will be fed."""
    del folder, schema
    return _policy(config, config.features.build().names)


def figures() -> tuple[Draw, ...]:
    """Returns nothing: a rule has no pictures of its own."""
    return ()


def short(config: RunConfig) -> RunConfig:
    """Returns the config as it is."""
    return config


def _policy(config: RunConfig, names: tuple[str, ...]) -> Policy:
    assert isinstance(config.model, RuleSettings)
    exposure = aiming(config)
    assert isinstance(exposure, ExposureConfig)  # a run's config refuses any other
    return config.model.build(exposure, names)
