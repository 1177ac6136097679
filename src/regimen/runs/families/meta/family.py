"""A model and a second one that says whether to act on it, in one walk-forward window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from regimen.errors import ConfigError, RegimenError
from regimen.policies import ClassifierPolicy, ExposureConfig, Policy, Preprocessed, RuleSettings
from regimen.policies.ensemble import PRIMARY, MetaPolicy
from regimen.preprocess import Chain
from regimen.records import MetaConfig, RunConfig, count_parameters, write_json
from regimen.records.layout import HISTORY
from regimen.runs.families import family_of
from regimen.runs.families.ensembles.members import inside
from regimen.runs.families.family import Draw
from regimen.runs.families.meta.decisions import Stage, decided_by, meta_labels, share_that_paid
from regimen.runs.families.scaling import behind, preprocessed_by, read_chain, write_chain
from regimen.runs.fit import Fit, Tell
from regimen.runs.prepare import Prepared
from regimen.seeding import torch_seed
from regimen.splits import Window

_UNITS = 100
"""Parts that the progress of one fit is told in."""


@dataclass(frozen=True, eq=False)
class MetaFit:
    """What the training slice of one window gave.

    Attributes:
        chain: what the features pass through before both.
        primary: fitted on the whole training slice.
        secondary: fitted on the rows of it at which a primary acted that had not learned from them.
        policy: preprocessing, both models and the threshold, together.
        paid: share of those rows at which acting paid.
    """

    chain: Chain
    primary: Fit
    secondary: Fit
    policy: Policy
    paid: float

    @property
    def model(self) -> MetaFit:
        """Itself: its weights are those of both."""
        return self

    @property
    def rows(self) -> int:
        """Training rows of the primary, or of the secondary where the primary is a rule."""
        return max(self.primary.rows, self.secondary.rows)

    @property
    def was_chosen(self) -> bool:
        """Whether the validation slice may have chosen a state of one of them."""
        return self.primary.was_chosen or self.secondary.was_chosen

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights of both, and those that learn; a model that cannot count has none."""
        first, second = count_parameters(self.primary.model), count_parameters(self.secondary.model)
        return (first[0] or 0) + (second[0] or 0), (first[1] or 0) + (second[1] or 0)

    def save(self, folder: Path) -> None:
        """Writes both models into a folder each, and at how many rows the primary acted."""
        write_chain(self.chain, folder)
        for name, fit in {"primary": self.primary, "secondary": self.secondary}.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            fit.save(folder / name)
        write_json(folder / HISTORY, {"rows": self.rows, "acted": self.secondary.rows, "paid": self.paid})


def fit(
    prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
) -> MetaFit:
    """Fits the primary, decides the training slice out of fold, and fits the secondary on whether that paid.

    Args:
        prepared: bars, features and labels.
        window: the window; what early stopping watches are the primary's decisions on its validation slice.
        seed: of the primary; that of the secondary comes from it.
        checkpoint: folder in which every fit has one, so that a training that was stopped goes on in the middle of it.
        tell: progress.

    Raises:
        ConfigError: a primary that never acts in the training slice, or acts there and always pays, or never; a
            training that is chosen by its Sharpe ratio.
        RegimenError: what the fit of one of them says, with its place before it.
    """
    config, model = prepared.config, prepared.config.model
    assert isinstance(model, MetaConfig)
    if "training" in model.secondary.sections() and config.training.select == "sharpe":
        rule = "must be loss where a second model says whether to act: its classes are no positions"
        raise ConfigError("training.select", rule, config.training.select)
    if len(window.train.spans) > 1:
        rule = "must learn from bars that follow each other: its first model decides every one of them"
        raise ConfigError("model", rule, f"a training slice in {len(window.train.spans)} parts")
    if PRIMARY in prepared.frame.names:
        raise ConfigError("features", "must have no column of that name, which is that of the first model", PRIMARY)
    chain, seen_by = preprocessed_by(prepared, window)
    learns = not isinstance(model.primary, RuleSettings)
    stages = _stages(tell, checkpoint, 2 + model.folds * learns)
    first = replace(seen_by, config=inside(config, model.primary))
    with _placed("primary"):
        primary = family_of(model.primary).fit(first, window, seed, *next(stages))
        decided = decided_by(model, first, window, primary.policy, seed, stages)
    labels = meta_labels(seen_by.labels, decided, config.market.costs.round_trip)
    paid = share_that_paid(labels, window)
    second = replace(seen_by, config=_second(config, model), labels=labels)
    values = np.concatenate([seen_by.frame.values, decided[..., None]], axis=2)
    second = replace(second, frame=replace(seen_by.frame, values=values, names=(*seen_by.frame.names, PRIMARY)))
    acting = replace(
        window, train=window.train.among(labels.defined), validation=window.validation.among(labels.defined)
    )
    with _placed("secondary"):
        own = torch_seed(seed, "meta", "secondary")
        secondary = family_of(model.secondary).fit(second, acting, own, *next(stages))
    policy = behind(chain, _together(model, primary.policy, secondary.policy))
    return MetaFit(chain, primary, secondary, policy, paid)


def _second(config: RunConfig, model: MetaConfig) -> RunConfig:
    """Returns the config by which a secondary is fitted and loaded: no row says HOLD, and nothing is sized by it."""
    alone = inside(config, model.secondary)
    two = alone.training.model_copy(update={"allow_missing_classes": True})
    return alone.model_copy(update={"training": two, "exposure": ExposureConfig()})


def _together(model: MetaConfig, primary: Policy, secondary: Policy) -> MetaPolicy:
    if not isinstance(secondary, ClassifierPolicy):
        raise ConfigError("model.secondary", "must say probabilities", type(secondary).__name__)
    return MetaPolicy(primary, secondary, model.threshold, model.size)


def load(folder: Path, config: RunConfig, schema: str) -> MetaPolicy | Preprocessed:
    """Loads what `MetaFit.save` left in a folder.

    Args:
        folder: the window's folder.
        config: of the run.
        schema: hash of the features that will be fed; another one is refused.
    """
    model = config.model
    assert isinstance(model, MetaConfig)
    primary = family_of(model.primary).load(folder / "primary", inside(config, model.primary), schema)
    secondary = family_of(model.secondary).load(folder / "secondary", _second(config, model), schema)
    return behind(read_chain(folder, config), _together(model, primary, secondary))


def figures() -> tuple[Draw, ...]:
    """Returns nothing: the pictures of both models are those of other runs."""
    return ()


def short(config: RunConfig) -> RunConfig:
    """Returns the same run with two folds, and both models as short as their families make them."""
    model = config.model
    assert isinstance(model, MetaConfig)
    whole, parts = config, {}
    for name, part in model.parts.items():
        whole = family_of(part).short(whole.model_copy(update={"model": part}))
        parts[name] = whole.model
    return whole.model_copy(update={"model": model.model_copy(update={**parts, "folds": 2})})


@contextmanager
def _placed(name: str) -> Iterator[None]:
    """Names the model that an error is about."""
    try:
        yield
    except RegimenError as error:
        raise error.adding(f" ({name} model)") from error


def _stages(tell: Tell | None, checkpoint: Path | None, of: int) -> Iterator[Stage]:
    """Yields for one fit after another the folder of its checkpoint, and its progress as a part of the whole."""
    for number in range(of):

        def report(done: int, total: int, message: str, numbers: Mapping[str, float], number: int = number) -> None:
            title = f"fit {number + 1}/{of}"
            if tell is not None:
                part = number * _UNITS + _UNITS * done // max(total, 1)
                tell(
                    part,
                    of * _UNITS,
                    f"{title} · {message}",
                    {f"{title}/{key}": value for key, value in numbers.items()},
                )

        yield (None if checkpoint is None else checkpoint / str(number)), (None if tell is None else report)
