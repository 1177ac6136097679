"""The members of an ensemble in one window: each fitted by its own family, into a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regimen.errors import RegimenError
from regimen.files import appearing
from regimen.policies import Policy
from regimen.preprocess import Chain
from regimen.records import EnsembleConfig, Member, RunConfig, count_parameters, model_title, read_json, write_json
from regimen.runs.families import family_of
from regimen.runs.families.family import Family
from regimen.runs.fit import Fit, Tell
from regimen.runs.prepare import Prepared
from regimen.settings import ModelSettings
from regimen.splits import Window

MEMBERS = "members"
"""The folder of a window in which its members have a folder each."""
_FITTED, _FACTS = "fitted", "member.json"
_UNITS = 100
"""Parts that the progress of one member is told in."""


@dataclass(frozen=True, eq=False)
class FittedMember:
    """What the training slice of one window gave for one member.

    Attributes:
        member: which it is.
        policy: what it would trade alone.
        rows, was_chosen: as those of a `Fit`.
        parameters: weights in all and those that learn; None where unknown.
        fit: what there is to save, unless ``saved`` says where it lies already.
    """

    member: Member
    policy: Policy
    rows: int
    was_chosen: bool
    parameters: tuple[int | None, int | None]
    fit: Fit | None = None
    saved: Path | None = None

    def save(self, folder: Path) -> None:
        """Writes it into a folder of its own below a window's, as a run of it alone writes a window."""
        there = folder / MEMBERS / self.member.place
        if self.saved is not None:
            shutil.copytree(self.saved, there, dirs_exist_ok=True)
        elif self.fit is not None:
            there.mkdir(parents=True, exist_ok=True)
            self.fit.save(there)
            write_json(there / _FACTS, _facts(self))


def alone(config: RunConfig, model: ModelSettings) -> RunConfig:
    """Returns the run of one member alone: its config in the place of ``model``.

    What the member presets, such as the one kind of actions that it can choose among, holds where the run's config is
    at its defaults.
    """
    changes: dict[str, Any] = {"model": model}
    for section, fields in model.usual().items():
        own, default = getattr(config, section), RunConfig.model_fields[section].default
        open_ = {name: value for name, value in fields.items() if getattr(own, name) == getattr(default, name)}
        if open_:
            changes[section] = type(own).model_validate(own.model_dump() | open_)
    return config.model_copy(update=changes)


def tried(config: RunConfig, seed: int) -> Iterator[tuple[str, str, int]]:
    """Yields what a window's fit tries besides the whole: hash, title and seed of each member as if it were run alone.

    So a member that was run alone before, or is a member of another ensemble, is the same trial once more.
    """
    if isinstance(config.model, EnsembleConfig):
        for member in config.model.fitted(seed):
            yield alone(config, member.model).hash, model_title(member.model), member.seed


def inside(config: RunConfig, model: ModelSettings) -> RunConfig:
    """Returns the config by which a member is fitted and loaded.

    The steps before the scaler stand outside of it. A stack learns from what its members say as they are, since its
    weights calibrate; other ensembles take members that are calibrated.
    """
    changes: dict[str, Any] = {"preprocess": ()}
    if isinstance(config.model, EnsembleConfig) and config.model.combine.kind == "stack":
        changes["calibration"] = None
    return alone(config, model).model_copy(update=changes)


def fit_members(
    members: tuple[Member, ...],
    prepared: Prepared,
    chain: Chain,
    window: Window,
    checkpoint: Path | None,
    tell: Tell | None,
    before: tuple[int, int] | None = None,
) -> tuple[FittedMember, ...]:
    """Fits members one after another; those that a stopped training finished are loaded.

    Args:
        members: which.
        prepared: bars and labels, and the features as the chain leaves them.
        chain: what they passed through.
        window: on whose training slice.
        checkpoint: folder in which each member has one of its own; None: nothing is kept.
        tell: progress, `_UNITS` for each member.
        before: how many fits there were before these, and are in all; by default these are all.

    Raises:
        RegimenError: what a member's own training says, with the member's name before it.
    """
    fitted = []
    earlier, of = before or (0, len(members))
    for number, member in enumerate(members):
        config = inside(prepared.config, member.model)
        family, own = family_of(member.model), replace(prepared, config=config, passed=chain)
        place = None if checkpoint is None else checkpoint / MEMBERS / member.place
        report = None if tell is None else _reporting(tell, earlier + number, of, member.title)
        try:
            fitted.append(_fit_one(family, member, own, window, place, report))
        except RegimenError as error:
            raise error.adding(f" (member {member.title})") from error
    return tuple(fitted)


def _fit_one(
    family: Family, member: Member, prepared: Prepared, window: Window, place: Path | None, tell: Tell | None
) -> FittedMember:
    if place is not None and (place / _FITTED).exists():
        return _loaded(family, member, prepared, place / _FITTED)
    fit = family.fit(prepared, window, member.seed, None if place is None else place / "training", tell)
    one = FittedMember(member, fit.policy, fit.rows, fit.was_chosen, count_parameters(fit.model), fit)
    if place is None:
        return one
    place.mkdir(parents=True, exist_ok=True)
    with appearing(place / _FITTED) as draft:
        fit.save(draft)
        write_json(draft / _FACTS, _facts(one))
    shutil.rmtree(place / "training", ignore_errors=True)
    return replace(one, fit=None, saved=place / _FITTED)


def _loaded(family: Family, member: Member, prepared: Prepared, folder: Path) -> FittedMember:
    facts = read_json(folder / _FACTS)
    policy = family.load(folder, prepared.config, prepared.features.hash)
    parameters = facts["parameters"], facts["trainable"]
    return FittedMember(member, policy, facts["rows"], facts["was_chosen"], parameters, saved=folder)


def _facts(one: FittedMember) -> dict[str, Any]:
    parameters, trainable = one.parameters
    facts = {"title": one.member.title, "seed": one.member.seed, "rows": one.rows, "was_chosen": one.was_chosen}
    return facts | {"parameters": parameters, "trainable": trainable}


def load_members(folder: Path, members: tuple[Member, ...], config: RunConfig, schema: str) -> Iterator[Policy]:
    """Yields the members that a window's folder holds, in their order.

    Raises:
        RunError: one was trained on features of another schema, or a file is damaged.
    """
    for member in members:
        own = inside(config, member.model)
        yield family_of(member.model).load(folder / MEMBERS / member.place, own, schema)


def _reporting(tell: Tell, number: int, of: int, title: str) -> Tell:
    """Returns the progress of one member as a part of the whole; its numbers have its title before them."""

    def report(done: int, total: int, message: str, numbers: Mapping[str, float]) -> None:
        part = number * _UNITS + _UNITS * done // max(total, 1)
        tell(part, of * _UNITS, f"{title} · {message}", {f"{title}/{name}": value for name, value in numbers.items()})

    return report
