"""Several models in one walk-forward window: each fitted by its own family, combined into one policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from regimen.policies import ExposureConfig, Policy, Preprocessed
from regimen.policies.ensemble import (
    Average,
    Blend,
    CalibratedBlend,
    Committee,
    MeanConfig,
    Mixture,
    StackConfig,
    Stacker,
)
from regimen.preprocess import Chain
from regimen.records import EnsembleConfig, RunConfig, read_json, write_json
from regimen.records.layout import HISTORY
from regimen.runs.families import family_of
from regimen.runs.families.calibrated_rule import CalibratedRule, fit_calibrated_rule, read_calibrated_rule
from regimen.runs.families.ensembles.members import FittedMember, fit_members, load_members
from regimen.runs.families.ensembles.stack import STACK, Stacked, adviser, fit_stack
from regimen.runs.families.family import Draw
from regimen.runs.families.scaling import behind, preprocessed_by, read_chain, write_chain
from regimen.runs.fit import Tell
from regimen.runs.prepare import Prepared
from regimen.seeding import torch_seed
from regimen.splits import Window


@dataclass(frozen=True, eq=False)
class EnsembleFit:
    """What the training slice of one window gave.

    Attributes:
        chain: what the features pass through before all members.
        members: fitted, in their order.
        policy: preprocessing, members and how they are combined, together.
        draws: seed of what is drawn while it trades.
        stacked: where they are stacked: how much each counts.
        rule: where they are combined by what they say: the calibration of that, and the exposure rule.
    """

    chain: Chain
    members: tuple[FittedMember, ...]
    policy: Policy
    draws: int
    stacked: Stacked | None = None
    rule: CalibratedRule | None = None

    @property
    def model(self) -> EnsembleFit:
        """Itself: its weights are its members'."""
        return self

    @property
    def rows(self) -> int:
        """Training rows of the member with the most."""
        return max(one.rows for one in self.members)

    @property
    def was_chosen(self) -> bool:
        """Whether the validation slice may have chosen a member's state, or how they are calibrated."""
        return any(one.was_chosen for one in self.members) or (self.rule is not None and self.rule.saw_validation)

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights of all members, and those that learn; a member that cannot count has none."""
        every = [one.parameters for one in self.members]
        return sum(whole or 0 for whole, _ in every), sum(learning or 0 for _, learning in every)

    def save(self, folder: Path) -> None:
        """Writes every member into a folder of its own, and what they have in common."""
        write_chain(self.chain, folder)
        for one in self.members:
            one.save(folder)
        if self.rule is not None:
            self.rule.save(folder)
        if self.stacked is not None:
            write_json(folder / STACK, self.stacked.stacker.state() | self.stacked.facts)
        titles = [one.member.title for one in self.members]
        write_json(folder / HISTORY, {"rows": self.rows, "members": titles, "draws": self.draws})


def fit(
    prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
) -> EnsembleFit:
    """Fits preprocessing once, then every member on a window's training slice, by its own family.

    Probabilities of several members are calibrated once more together, as those of one model are.

    Args:
        prepared: bars, features and labels.
        window: the window; its validation slice is each member's.
        seed: of the ensemble, from which those of its members come.
        checkpoint: folder in which every member has one; a training that was stopped goes on in the middle of a member.
        tell: progress.

    Raises:
        ConfigError: members that read other features.
        SplitError: a training slice that cannot be cut into the folds of a stack.
        RegimenError: what a member's own training says.
    """
    config, whole = prepared.config, _fit(prepared, window, seed, checkpoint, tell)
    if not _is_committee(config):
        return whole

    def refit(of: Prepared, fold: Window, own: int) -> EnsembleFit:
        """Fits the same on a fold, where members are calibrated as they are here, and what they say together is not."""
        alike = of.config.model_copy(update={"calibration": config.calibration})
        return _fit(replace(of, config=alike), fold, own, None, None)

    rule = fit_calibrated_rule(prepared, window, whole.policy, refit, seed)
    policies = [one.policy for one in whole.members]
    stacker = None if whole.stacked is None else whole.stacked.stacker
    return replace(whole, policy=behind(whole.chain, _committee(policies, config, stacker, rule)), rule=rule)


def _fit(prepared: Prepared, window: Window, seed: int, checkpoint: Path | None, tell: Tell | None) -> EnsembleFit:
    """Returns fitted members as one policy; what they say together is not calibrated."""
    config, model = prepared.config, prepared.config.model
    assert isinstance(model, EnsembleConfig)
    chain, seen_by = preprocessed_by(prepared, window)
    every, before, stacked = model.fitted(seed), None, None
    if isinstance(model.combine, StackConfig):
        stacked = fit_stack(seen_by, chain, window, seed, checkpoint, tell)
        before = model.combine.folds * len(every), (model.combine.folds + 1) * len(every)
    members = fit_members(every, seen_by, chain, window, checkpoint, tell, before)
    policies, draws = [one.policy for one in members], torch_seed(seed, "window", window.number, "draws")
    together: Committee | Mixture
    if _is_committee(config):
        stacker = None if stacked is None else stacked.stacker
        together = _committee(policies, config, stacker, CalibratedRule(ExposureConfig()))
    else:
        together = _mixture(policies, config, draws)
    return EnsembleFit(chain, members, behind(chain, together), draws, stacked)


def _is_committee(config: RunConfig) -> bool:
    """Whether members are combined by what they say; else by what they do."""
    model = config.model
    assert isinstance(model, EnsembleConfig)
    return isinstance(model.combine, StackConfig) or (isinstance(model.combine, MeanConfig) and model.say_probabilities)


def _committee(
    policies: Sequence[Policy], config: RunConfig, stacker: Stacker | None, rule: CalibratedRule
) -> Committee:
    blend: Blend = stacker or Average()
    if rule.calibration is not None:
        blend = CalibratedBlend(blend, rule.calibration)
    return Committee([adviser(each) for each in policies], rule.rule, blend, _titles(config))


def _mixture(policies: Sequence[Policy], config: RunConfig, draws: int) -> Mixture:
    assert isinstance(config.model, EnsembleConfig)
    how, market = config.model.combine, config.market
    assert not isinstance(how, StackConfig)
    return Mixture(policies, how, market.costs, market.latency_bars, draws, _titles(config))


def _titles(config: RunConfig) -> list[str]:
    assert isinstance(config.model, EnsembleConfig)
    return [member.title for member in config.model.fitted(config.seed)]


def load(folder: Path, config: RunConfig, schema: str) -> Committee | Mixture | Preprocessed:
    """Loads what `EnsembleFit.save` left in a folder.

    Args:
        folder: the window's folder.
        config: of the run.
        schema: hash of the features that will be fed; another one is refused.
    """
    model = config.model
    assert isinstance(model, EnsembleConfig)
    chain, policies = read_chain(folder, config), list(load_members(folder, model.fitted(config.seed), config, schema))
    if not _is_committee(config):
        return behind(chain, _mixture(policies, config, int(read_json(folder / HISTORY)["draws"])))
    stacker = Stacker.from_state(read_json(folder / STACK)) if isinstance(model.combine, StackConfig) else None
    return behind(chain, _committee(policies, config, stacker, read_calibrated_rule(folder, config)))


def figures() -> tuple[Draw, ...]:
    """Returns nothing: the report shows the members."""
    return ()


def short(config: RunConfig) -> RunConfig:
    """Returns the same run with one fit of each member, as short as its family makes it."""
    model = config.model
    assert isinstance(model, EnsembleConfig)
    whole, members = config, []
    for member in model.members:
        whole = family_of(member).short(whole.model_copy(update={"model": member}))
        members.append(whole.model)
    few: dict[str, object] = {"seeds": 1, "members": tuple(members)}
    if isinstance(model.combine, StackConfig):
        few["combine"] = model.combine.model_copy(update={"folds": 2})
    return whole.model_copy(update={"model": model.model_copy(update=few)})
