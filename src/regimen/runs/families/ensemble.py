"""Several models in one walk-forward window: each fitted by its own family, combined into one policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regimen.errors import ConfigError
from regimen.policies import ClassifierPolicy, ExposureConfig, ExposureRule, Policy, Preprocessed
from regimen.policies.ensemble import Committee, MeanConfig, Mixture
from regimen.preprocess import Chain
from regimen.records import EnsembleConfig, RunConfig, read_json, write_json
from regimen.records.layout import HISTORY
from regimen.runs.families import family_of
from regimen.runs.families.family import Draw
from regimen.runs.families.members import FittedMember, fit_members, load_members
from regimen.runs.families.scaling import behind, preprocessed_by, read_chain, write_chain
from regimen.runs.families.sizing import fit_rule, read_rule, write_rule
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
        rule: from what a committee says to exposure; None where the members' exposures are mixed.
        policy: preprocessing, members and how they are combined, together.
        draws: seed of what is drawn while it trades.
    """

    chain: Chain
    members: tuple[FittedMember, ...]
    rule: ExposureRule | None
    policy: Policy
    draws: int

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
        """Whether the validation slice may have chosen a member's state."""
        return any(one.was_chosen for one in self.members)

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights of all members, and those that learn; a member that cannot count has none."""
        every = [one.parameters for one in self.members]
        return sum(whole or 0 for whole, _ in every), sum(learning or 0 for _, learning in every)

    def save(self, folder: Path) -> None:
        """Writes every member into a folder of its own, and what they have in common."""
        write_chain(self.chain, folder)
        if self.rule is not None:
            write_rule(self.rule, folder)
        for one in self.members:
            one.save(folder)
        titles = [one.member.title for one in self.members]
        write_json(folder / HISTORY, {"rows": self.rows, "members": titles, "draws": self.draws})


def fit(
    prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
) -> EnsembleFit:
    """Fits preprocessing once, then every member on a window's training slice, by its own family.

    Args:
        prepared: bars, features and labels.
        window: the window; its validation slice is each member's.
        seed: of the ensemble, from which those of its members come.
        checkpoint: folder in which every member has one; a training that was stopped goes on in the middle of a member.
        tell: progress.

    Raises:
        ConfigError: members that read other features.
        RegimenError: what a member's own training says.
    """
    config, model = prepared.config, prepared.config.model
    assert isinstance(model, EnsembleConfig)
    chain, seen_by = preprocessed_by(prepared, window)
    members = fit_members(model.fitted(seed), seen_by, chain, window, checkpoint, tell)
    draws = torch_seed(seed, "window", window.number, "draws")
    policies = [one.policy for one in members]
    rule = _fitted_rule(policies, seen_by, window) if _is_committee(config) else None
    return EnsembleFit(chain, members, rule, behind(chain, _combined(policies, config, rule, draws)), draws)


def _is_committee(config: RunConfig) -> bool:
    """Whether what the members say is averaged: where they all say probabilities; else what they do is."""
    model = config.model
    assert isinstance(model, EnsembleConfig)
    return model.say_probabilities and isinstance(model.combine, MeanConfig)


def _fitted_rule(members: Sequence[Policy], prepared: Prepared, window: Window) -> ExposureRule:
    """Returns the rule of exposure of a window, where it is fitted by what the committee says."""
    committee, part = Committee([_adviser(member) for member in members], ExposureConfig()), window.validation
    return fit_rule(prepared, window, lambda: committee.probabilities(prepared.history, part.start, part.stop))


def _combined(
    members: Sequence[Policy], config: RunConfig, rule: ExposureRule | None, draws: int
) -> Committee | Mixture:
    """Returns members as one policy: a committee with its rule, or their exposures mixed."""
    model = config.model
    assert isinstance(model, EnsembleConfig)
    titles = [member.title for member in model.fitted(0)]
    if rule is not None:
        return Committee([_adviser(member) for member in members], rule, titles=titles)
    return Mixture(members, model.combine, config.market.costs, config.market.latency_bars, draws, titles)


def _adviser(policy: Policy) -> ClassifierPolicy:
    if not isinstance(policy, ClassifierPolicy):
        raise ConfigError("model.members", "must say probabilities of SELL, HOLD and BUY", type(policy).__name__)
    return policy


def load(folder: Path, config: RunConfig, schema: str) -> Committee | Mixture | Preprocessed:
    """Loads what `EnsembleFit.save` left in a folder.

    Args:
        folder: the window's folder.
        config: of the run.
        schema: hash of the features that will be fed; another one is refused.
    """
    model = config.model
    assert isinstance(model, EnsembleConfig)
    members = list(load_members(folder, model.fitted(config.seed), config, schema))
    draws = int(read_json(folder / HISTORY)["draws"])
    rule = read_rule(folder, config) if _is_committee(config) else None
    return behind(read_chain(folder, config), _combined(members, config, rule, draws))


def figures() -> tuple[Draw, ...]:
    """Returns nothing: the report shows the members."""
    return ()


def short(config: RunConfig) -> RunConfig:
    """Returns the same run with one fit of each member, as short as its family makes it."""
    model = config.model
    assert isinstance(model, EnsembleConfig)
    whole = config
    for member in model.members:
        part = family_of(member).short(whole.model_copy(update={"model": member}))
        whole = part.model_copy(update={"model": model})
    return whole.model_copy(update={"model": model.model_copy(update={"seeds": 1})})
