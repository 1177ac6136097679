"""A model and a second one that says whether to act on it, in one walk-forward window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, RegimenError
from regimen.execution import alone
from regimen.labels import BUY, SELL, UNDEFINED, Labels
from regimen.learning import AgentSettings
from regimen.policies import PRIMARY, ClassifierPolicy, ExposureConfig, MetaPolicy, Policy, Preprocessed, RuleSettings
from regimen.preprocess import Chain
from regimen.records import MetaConfig, RunConfig, count_parameters, write_json
from regimen.records.layout import HISTORY
from regimen.runs.families import family_of
from regimen.runs.families.family import Draw
from regimen.runs.families.members import inside
from regimen.runs.families.scaling import behind, preprocessed_by, read_chain, write_chain
from regimen.runs.fit import Fit, Tell
from regimen.runs.prepare import Prepared
from regimen.seeding import torch_seed
from regimen.splits import Window, purged_folds

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
    if PRIMARY in prepared.frame.names:
        raise ConfigError("features", "must have no column of that name, which is that of the first model", PRIMARY)
    chain, seen_by = preprocessed_by(prepared, window)
    learns = not isinstance(model.primary, RuleSettings)
    stages = _stages(tell, checkpoint, 2 + model.folds * learns)
    first = replace(seen_by, config=inside(config, model.primary))
    with _placed("primary"):
        primary = family_of(model.primary).fit(first, window, seed, *next(stages))
        decided = _decided(model, first, window, primary.policy, seed, stages)
    labels = meta_labels(seen_by.labels, decided, config.market.costs.round_trip)
    paid = _share_that_paid(labels, window)
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


def _decided(
    model: MetaConfig,
    prepared: Prepared,
    window: Window,
    policy: Policy,
    seed: int,
    stages: Iterator[tuple[Path | None, Tell | None]],
) -> NDArray[np.float64]:
    """Returns what a primary decides (time, symbol) on the training and validation slices; 0 elsewhere.

    Nothing that decides a bar of the training slice has learned from it: a rule has learned nothing, a model of rows
    that is asked about a part was fitted on the others, purged and embargoed, and an agent, which trades through all
    of its bars, on the parts before (the first part has no decisions). The validation slice is decided by the policy
    that was fitted on the training slice.
    """
    history, train, last = prepared.history, window.train, max(window.train.stop, window.validation.stop)
    decided = np.zeros(prepared.bars.shape)
    if isinstance(model.primary, RuleSettings):
        decided[train.start : last] = alone(policy, history, train.start, last)
        return np.nan_to_num(decided)
    family, embargo = family_of(model.primary), prepared.config.splits.embargo
    bars = prepared.features.warmup if embargo == "auto" else embargo
    for fold in purged_folds(train, prepared.labels, model.folds, bars):
        apart = fold.window(window)
        checkpoint, tell = next(stages)
        if isinstance(model.primary, AgentSettings):
            if not fold.number:
                continue
            apart = replace(window, train=train.until(fold.test.start))
        fit = family.fit(prepared, apart, seed, checkpoint, tell)
        decided[fold.test.start : fold.test.stop] = alone(fit.policy, history, fold.test.start, fold.test.stop)
    decided[train.stop : last] = alone(policy, history, train.stop, last)
    return np.nan_to_num(decided)


def meta_labels(labels: Labels, decided: NDArray[np.float64], round_trip: float) -> Labels:
    """Returns labels of decisions: BUY where acting on them paid, SELL where it lost; no HOLD.

    With r the label's own forward return, acting pays when ``sign(decision) · r > round_trip``. A label looks as far
    as before; its return is what acting earned, before costs. Where nothing was decided there is no label.

    Args:
        labels: of bars.
        decided: (time, symbol) exposures; 0 or NaN: none.
        round_trip: what buying and selling once costs, as a fraction.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 3.6 (there: 1 and 0).
    """
    side = np.nan_to_num(np.sign(decided))
    acts = labels.defined & (side != 0.0)
    earned = np.where(acts, side * labels.forward_return, np.nan)
    y = np.where(acts, np.where(earned > round_trip, BUY, SELL), UNDEFINED).astype(np.int8)
    return Labels(y, np.where(acts, labels.t_end, UNDEFINED), earned, labels.horizon)


def _share_that_paid(labels: Labels, window: Window) -> float:
    """Returns at how many of the training rows that a primary acts at it paid.

    Raises:
        ConfigError: it acts at none of them; at all of them it paid, or lost.
    """
    y, place = window.train.take(labels.y), f"in window {window.number + 1}'s training slice"
    acted = y[y != UNDEFINED]
    if not len(acted):
        rule = f"must act somewhere {place}, but its exposure is 0 at all {len(y):,} rows"
        raise ConfigError("model.primary", rule)
    paid = float(np.mean(acted == BUY))
    if paid in (0.0, 1.0):
        rule = f"must both pay and lose {place} for a second model to tell them apart, but at all {len(acted):,} rows"
        raise ConfigError("model.primary", f"{rule} at which it acts it {'paid' if paid else 'lost'} after costs")
    return paid


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
    whole = config
    for part in model.parts.values():
        whole = family_of(part).short(whole.model_copy(update={"model": part}))
    return whole.model_copy(update={"model": model.model_copy(update={"folds": 2})})


@contextmanager
def _placed(name: str) -> Iterator[None]:
    """Names the model that an error is about."""
    try:
        yield
    except RegimenError as error:
        raise error.adding(f" ({name} model)") from error


def _stages(tell: Tell | None, checkpoint: Path | None, of: int) -> Iterator[tuple[Path | None, Tell | None]]:
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
