"""Stress of a finished run, on its out of sample rows and on the account that it kept there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.labels import CLASSES
from regimen.nets import torch_threads
from regimen.ops import certify
from regimen.ops.attacks import quiet
from regimen.records import RunDirectory, model_title, require_finished, sealed, write_json
from regimen.runs.prepare import Prepared, prepare, require_same_data, require_same_features, require_trained
from regimen.runs.stress.attacked import withstanding
from regimen.runs.stress.exhibit import exhibits_of_stress
from regimen.runs.stress.result import Attacked, Certified, Stress
from regimen.runs.stress.rows import LabelledRows, labelled_rows
from regimen.runs.stress.scenarios import imagined_crises
from regimen.runs.stress.spells import episodes_of, regimes_of
from regimen.runs.window import load_policy
from regimen.seeding import torch_seed
from regimen.splits import evenly_spread

Advance = Callable[[int, int, str], None]
Bools = NDArray[np.bool_]
FILE = "stress.json"
EPSILONS, ROWS, CERTIFIED, SIGMA, DRAWS = (0.01, 0.03, 0.1, 0.3), 1000, 200, 0.25, 3
ALPHA, _SELECTION, _ESTIMATION = 0.001, 100, 1000
_LENGTHS = (0.0, 0.5, 1.0, 2.0)
"""Radii at which the certified accuracy is told, in units of σ."""


@dataclass(frozen=True)
class _Demands:
    """What is asked for; see `stress_of`."""

    epsilons: tuple[float, ...]
    rows: int
    certified: int
    sigma: float
    draws: int
    shares: Mapping[str, float]


def stress_of(
    directory: RunDirectory,
    advance: Advance,
    *,
    epsilons: Sequence[float] = EPSILONS,
    rows: int = ROWS,
    certified: int = CERTIFIED,
    sigma: float = SIGMA,
    draws: int = DRAWS,
    shares: Mapping[str, float] | None = None,
) -> Stress:
    """Stresses a finished run, and keeps the result in ``stress.json``.

    Rows are those of its test spans that have a label, each asked of the model of its own window. Nothing is fitted or
    decided again, so nothing is chosen, and no trial is recorded.

    Args:
        directory: of a finished run.
        advance: progress.
        epsilons: how far a feature is moved, in units of the scaled features.
        rows: most that are attacked, evenly spread over the windows.
        certified: most of them that are also certified; 0: none.
        sigma: deviation of the noise of the certificate, in units of the scaled features.
        draws: paths of each crisis that did not happen; 0: none.
        shares: of ε, by the name of a group of features; others may be moved by all of it.

    Raises:
        ConfigError: an ε or a σ that is not positive, a group that there is not, a share below 0, no rows.
        RunError: the run is not finished or damaged, or its data file or its features are not what they were.
    """
    manifest = require_finished(directory)
    require_trained(manifest)
    directory.require_undamaged("ledger/*", "windows/*")
    config = directory.located_config()
    demands = _checked(epsilons, rows, certified, sigma, draws, shares or {})
    advance(0, 1, "bars, features, labels")
    prepared = prepare(config)
    require_same_data(prepared.bars, manifest)
    require_same_features(prepared, manifest)
    _require_groups(prepared, demands.shares)
    stress = _measured(prepared, directory, demands, advance)
    values = {**stress.to_dict(), "exhibits": [exhibit.to_dict() for exhibit in exhibits_of_stress(stress)]}
    write_json(directory.path / FILE, sealed({"config_hash": config.hash, **values}))
    return stress


def _checked(
    epsilons: Sequence[float], rows: int, certified: int, sigma: float, draws: int, shares: Mapping[str, float]
) -> _Demands:
    for epsilon in epsilons:
        if not (math.isfinite(epsilon) and epsilon > 0.0):
            raise ConfigError("epsilons", "must be above 0", epsilon)
    if not epsilons:
        raise ConfigError("epsilons", "must be at least one", [])
    if rows < 1:
        raise ConfigError("rows", "must be at least 1", rows)
    for name, number in (("certified", certified), ("draws", draws)):
        if number < 0:
            raise ConfigError(name, "must not be negative", number)
    if not (math.isfinite(sigma) and sigma > 0.0):
        raise ConfigError("sigma", "must be above 0", sigma)
    for name, share in shares.items():
        if not (math.isfinite(share) and share >= 0.0):
            raise ConfigError(f"groups: {name}", "must be a share of epsilon, 0 or above", share)
    return _Demands(tuple(sorted(set(map(float, epsilons)))), rows, certified, float(sigma), draws, dict(shares))


def _require_groups(prepared: Prepared, shares: Mapping[str, float]) -> None:
    groups = prepared.features.groups
    for name in shares:
        if name not in groups:
            raise ConfigError("groups", f"must be among {', '.join(groups)}", name)
    if not any(_share_of(prepared, shares)):
        raise ConfigError("groups", "must leave a feature that is moved", dict(shares))


def _share_of(prepared: Prepared, shares: Mapping[str, float]) -> list[float]:
    """Returns the share of ε of each feature."""
    group = {name: each for each, names in prepared.features.groups.items() for name in names}
    return [shares.get(group.get(name, ""), 1.0) for name in prepared.frame.names]


def _part(number: int, window: int, windows: int) -> int:
    """Returns how many of so many rows are those of one of the windows; together they are all of them."""
    return (window + 1) * number // windows - window * number // windows


class _Answers(NamedTuple):
    """What came of the rows of one window."""

    y: Tensor
    right: Bools
    withstood: dict[str, Bools]
    certificate: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]] | None
    has_gradient: bool


def _measured(prepared: Prepared, directory: RunDirectory, demands: _Demands, advance: Advance) -> Stress:
    config, windows = prepared.config, prepared.windows
    answers: list[_Answers] = []
    steps = len(windows) + 2
    with torch_threads(1):
        for window in windows:
            advance(window.number, steps, f"attacks · window {window.number + 1} of {len(windows)}")
            policy = load_policy(directory.window(window.number), config, prepared.features.hash)
            attacked, certified = (
                _part(number, window.number, len(windows)) for number in (demands.rows, demands.certified)
            )
            rows = labelled_rows(policy, prepared.history, prepared.labels, window.test, attacked)
            if rows is not None and len(rows.y):
                seed = (config.seed, "stress", window.number)
                answers.append(_answers(rows, _share_of(prepared, demands.shares), demands, certified, seed))
    advance(len(windows), steps, "regimes and crises")
    ledger = Ledger.read(directory.path / "ledger")
    y = torch.cat([each.y for each in answers]) if answers else torch.empty(0, dtype=torch.int64)
    clean = float(np.concatenate([each.right for each in answers]).mean()) if answers else math.nan
    constant = float(torch.bincount(y).max()) / len(y) if len(y) else math.nan
    attacks = _attacks(answers)
    regimes = regimes_of(prepared, ledger)
    earned = float(ledger.equity[-1] / ledger.start_equity - 1.0)
    return Stress(
        model=model_title(config.model),
        rows=len(y),
        epsilons=demands.epsilons,
        shares=dict(demands.shares),
        clean=clean,
        constant=constant,
        attacks=attacks,
        certified=_certified(answers, demands),
        regimes=regimes,
        episodes=episodes_of(ledger),
        imagined=imagined_crises(
            prepared, directory, demands.draws, lambda message: advance(len(windows) + 1, steps, message)
        ),
        total_return=earned,
        sentence=_sentence(demands.epsilons, attacks, clean, constant, earned),
        notes=_notes(answers, config.calibration is not None, clean <= constant),
    )


def _answers(
    rows: LabelledRows, share: Sequence[float], demands: _Demands, certified: int, seed: tuple[int | str, ...]
) -> _Answers:
    withstood = withstanding(rows, share, demands.epsilons, seed)
    with quiet(rows.modules), torch.no_grad():
        right = (rows.logits(rows.x).argmax(1) == rows.y).numpy()
        places = torch.from_numpy(evenly_spread(len(rows.y), certified))
        certificate = None
        if len(places):
            random = torch.Generator().manual_seed(torch_seed(int(seed[0]), *seed[1:], "certificate"))
            smooth = certify(
                lambda x: rows.logits(x).argmax(1),
                rows.x[places],
                demands.sigma,
                classes=len(CLASSES),
                selection=_SELECTION,
                estimation=_ESTIMATION,
                alpha=ALPHA,
                random=random,
            )
            certificate = (smooth.y, smooth.radius, rows.y[places].numpy())
    return _Answers(rows.y, right, withstood, certificate, rows.has_gradient)


def _attacks(answers: Sequence[_Answers]) -> tuple[Attacked, ...]:
    """Returns what each attack left, and last what all of them together did."""
    if not answers:
        return ()
    names = [name for name in answers[0].withstood if all(name in each.withstood for each in answers)]
    by_name = {name: np.concatenate([each.withstood[name] for each in answers], axis=1) for name in names}
    if len(names) > 1:
        by_name["all"] = np.logical_and.reduce(list(by_name.values()))
    return tuple(Attacked(name, tuple(map(float, rows.mean(axis=1)))) for name, rows in by_name.items())


def _certified(answers: Sequence[_Answers], demands: _Demands) -> Certified | None:
    parts = [each.certificate for each in answers if each.certificate is not None]
    if not parts:
        return None
    classes, radius, y = (np.concatenate([part[k] for part in parts]) for k in range(3))
    radii = tuple(demands.sigma * length for length in _LENGTHS)
    right = classes == y
    accuracy = tuple(float((right & (radius >= max(length, 1e-12))).mean()) for length in radii)
    return Certified(demands.sigma, ALPHA, len(y), float((classes < 0).mean()), radii, accuracy)


def _sentence(
    epsilons: Sequence[float], attacks: Sequence[Attacked], clean: float, constant: float, earned: float
) -> str:
    if not attacks:
        return f"There is nothing to attack; the run earned {earned:+.1%} after costs."
    worst = attacks[-1].accuracy
    return (
        f"{clean:.1%} of the rows are right as they are, {worst[0]:.1%} within ε = {epsilons[0]:g} and "
        f"{worst[-1]:.1%} within ε = {epsilons[-1]:g}; always saying the commonest class is right of {constant:.1%}."
    )


def _notes(answers: Sequence[_Answers], calibrated: bool, idle: bool) -> tuple[str, ...]:
    if not answers:
        return (
            "Not attacked: only a single model that says SELL, HOLD or BUY of scaled features has rows to attack; an "
            "ensemble, an agent or a rule has not.",
        )
    notes = [
        "An attack moves one row, or one window of rows, at a time, each scaled feature by at most its ε. Windows "
        "overlap, and the same bar may be moved differently in each: it is no attack on the series of prices.",
        "What no attack found may still be there: nothing of this is certified. The radius is, but of a classifier "
        "that is asked about noisy copies, and not of the one that trades.",
    ]
    if idle:
        notes.append(
            "As they are, the rows are right no more often than by one class for all: that such a model withstands "
            "an attack is worth nothing."
        )
    if not all(each.has_gradient for each in answers):
        notes.append("The model has no gradient: only the random search, which needs none, was tried.")
    if calibrated:
        notes.append("Classes are the most likely ones before calibration.")
    return tuple(notes)
