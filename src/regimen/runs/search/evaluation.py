"""One trial: fitted in the windows inside the training span, traded on their test spans, and scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regimen import metrics
from regimen.errors import RegimenError, RunError
from regimen.judging import timing_sharpe
from regimen.policies import Policy, Probable, innermost, targets
from regimen.records import RunConfig, daily_text, read_json, recorded_sharpe, write_json
from regimen.records.layout import CHECKPOINT, EXPOSURES
from regimen.runs.families.calibrated_rule import forecasts_of
from regimen.runs.guarding import trade
from regimen.runs.prepare import Prepared, prepare
from regimen.runs.search.result import TrialResult, TrialSeed
from regimen.runs.window import fit_model, read_exposures, write_exposures
from regimen.splits import Window

SKILL = 1e4
"""What a skill, in nats, is multiplied with where it is shown."""
_SCORES = "skill.json"
Report = Callable[[str], None]


@dataclass(frozen=True)
class Item:
    """What a worker gets of a trial; all of it can be pickled.

    Attributes:
        folder: of the trial.
        config: of the trial: its bars end before the first test span of the run that is searched for.
        rung: epochs to train for; 0: all that the config says.
        objectives: names of what is asked for.
    """

    folder: str
    config: RunConfig
    rung: int
    objectives: tuple[str, ...]


def evaluate(item: Item, report: Report) -> TrialResult | str:
    """Trains and scores one trial; what is on disk of it is not done again.

    Each window of each seed is fitted on its own training slice and traded on its own test span, all of which lie
    before the first test span of the run. Where a rung stops the training, its checkpoint stays, and the next rung
    goes on from it with the same bits.

    Args:
        item: the trial.
        report: is called with what is being done, in words.

    Returns:
        What it showed; one line where it cannot be trained, such as a loss that is no number any more.
    """
    try:
        return _evaluated(item, report)
    except RegimenError as error:
        return str(error)


def _evaluated(item: Item, report: Report) -> TrialResult:
    config = item.config
    if item.rung:
        training = config.training.model_copy(update={"pause": item.rung})
        config = config.model_copy(update={"training": training})
    prepared = prepare(config)
    folder = Path(item.folder)
    rows = [_seed(prepared, folder, item, seed, report) for seed in config.all_seeds]
    objectives = {name: float(np.mean([row[name] for row, _ in rows])) for name in item.objectives}
    unknown = next((name for name, value in objectives.items() if not math.isfinite(value)), None)
    if unknown is not None:
        raise RunError(f"search.objectives.{unknown}", "must be known of every model: this one says no probabilities")
    return TrialResult(objectives, tuple(seed for _, seed in rows))


def _seed(
    prepared: Prepared, folder: Path, item: Item, seed: int, report: Report
) -> tuple[dict[str, float], TrialSeed]:
    bars, (begin, end) = prepared.bars, prepared.span
    exposures, skills = np.full(bars.shape, np.nan), []
    for window in prepared.windows:
        first, last = window.test.start, window.test.stop
        home = folder / f"seed-{seed}" / f"window-{window.number:03d}"
        place = home / f"rung-{item.rung:04d}"
        rows = read_exposures(place / EXPOSURES, (last - first, bars.shape[1]))
        if rows is None:
            home.mkdir(parents=True, exist_ok=True)
            place.mkdir(exist_ok=True)
            title = f"window {window.number + 1}/{len(prepared.windows)}"
            title = title if len(item.config.all_seeds) == 1 else f"seed {seed}, {title}"

            def tell(_done: int, _of: int, message: str, _numbers: Mapping[str, float], title: str = title) -> None:
                report(f"{title} · {message}")

            policy = fit_model(prepared, window, seed, home / CHECKPOINT, tell).policy
            rows = targets(policy, prepared.history, first, last)
            write_json(place / _SCORES, {"skill": _skill(prepared, window, policy)})
            write_exposures(place / EXPOSURES, rows)
        exposures[first:last] = rows
        skill = read_json(place / _SCORES)["skill"]
        skills.append(math.nan if skill is None else float(skill))
    ledger = trade(prepared.config, bars, exposures, begin, end)
    sharpe = recorded_sharpe(ledger)
    objectives = {
        "sharpe": 0.0 if sharpe is None else sharpe,  # whoever never moved earned nothing
        "turnover": metrics.annual_turnover(ledger.turnover, bars.periods_per_year),
        "skill": float(np.mean(skills)),
    }
    return objectives, TrialSeed(seed, len(ledger), sharpe, timing_sharpe(ledger), daily_text(ledger))


def _skill(prepared: Prepared, window: Window, policy: Policy) -> float | None:
    """Log-loss skill over the training rows' class shares, 10⁻⁴ nats; None of a model without probabilities."""
    if not isinstance(innermost(policy, prepared.history)[0], Probable):
        return None
    forecasts = forecasts_of(policy, prepared.history, prepared.labels, window.test)
    if not len(forecasts.y):
        return None
    prior = metrics.class_prior(window.train.take(prepared.labels.y).astype(np.int64))
    return SKILL * metrics.log_loss_skill(*forecasts, prior)
