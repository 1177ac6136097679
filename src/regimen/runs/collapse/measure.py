"""`regimen collapse`: all that is measured of a finished run, and the verdict on why it holds."""

from __future__ import annotations

from collections.abc import Callable

from regimen.judging import Judgement
from regimen.records import (
    RunDirectory,
    read_json,
    require_finished,
    sealed,
    write_json,
)
from regimen.runs.collapse.columns import earned, plain_columns
from regimen.runs.collapse.diagnosis import Collapse, Symptoms, diagnosed
from regimen.runs.collapse.exhibit import exhibit_of
from regimen.runs.collapse.forecasts import ForecastWorth, forecasts
from regimen.runs.collapse.learning import exploration, gradients, rewards
from regimen.runs.collapse.twin import twin_share
from regimen.runs.prepare import (
    Prepared,
    prepare,
    require_same_data,
    require_same_features,
    require_trained,
)

FILE = "collapse.json"
Advance = Callable[[int, int, str], None]
_READ = (
    "Forecasts are ridge regressions inside the training slices, walked forward; a rule that no regression finds, they "
    "do not find either."
)


def collapse_of(directory: RunDirectory, advance: Advance, *, twin: bool = True) -> Collapse:
    """Says why a finished run's policy holds, and keeps the answer in ``collapse.json``.

    Nothing is chosen by it, so no trial is recorded. Forecasts use rows before the last test span.

    Args:
        directory: of a finished run.
        advance: progress.
        twin: whether an agent also learns once where tomorrow's return is shown, for some seconds.

    Raises:
        RunError: the run is not finished or damaged, or its data file or features are not what they were.
    """
    manifest = require_finished(directory)
    require_trained(manifest)
    directory.require_undamaged("judgement.json", "windows/*/history.json")
    config = directory.located_config()
    advance(0, 4, "bars, features")
    prepared = prepare(config)
    require_same_data(prepared.bars, manifest)
    require_same_features(prepared, manifest)
    judgement = Judgement.from_dict(read_json(directory.path / "judgement.json"))
    advance(1, 4, "forecasts")
    evidence, notes = measured(prepared, directory, judgement, twin, advance)
    collapse = diagnosed(evidence, notes)
    values = {**collapse.to_dict(), "exhibits": [exhibit_of(collapse).to_dict()]}
    write_json(directory.path / FILE, sealed({"config_hash": config.hash, **values}))
    return collapse


def measured(
    prepared: Prepared, directory: RunDirectory, judgement: Judgement, twin: bool, advance: Advance
) -> tuple[Symptoms, tuple[str, ...]]:
    """Returns the evidence of a run, and what to know of it."""
    own, shown = _forecasts(prepared)
    advance(2, 4, "learning")
    tried_first, tried_last = exploration(prepared, directory)
    reward, discounted, unit = rewards(prepared)
    gradient_first, gradient_last = gradients(prepared, directory)
    advance(3, 4, "twin")
    share = twin_share(prepared) if twin else None
    conduct = judgement.behaviour
    evidence = Symptoms(
        share=conduct.modal_share,
        exposure=conduct.modal_exposure,
        size=sum(abs(centre) * part for centre, part in zip(conduct.centres, conduct.histogram, strict=True)),
        cost=prepared.config.market.costs.round_trip / 2.0,
        own=own,
        plain=shown,
        tried_first=tried_first,
        tried_last=tried_last,
        reward=reward,
        discounted=discounted,
        unit=unit,
        gradient_first=gradient_first,
        gradient_last=gradient_last,
        twin=share,
        **_judged(judgement),
    )
    return evidence, (_READ,)


def _judged(judgement: Judgement) -> dict[str, float]:
    """Returns what the judge measured of the policy's actions, by the names of `Symptoms`."""
    values: dict[str, float] = {}
    if (information := judgement.information) is not None:
        values["action_entropy"] = information.action_entropy
        values["conditional_entropy"] = information.conditional_entropy
        values["information"] = information.nats
    if (constant := judgement.constant) is not None:
        values["constant"], values["constant_growth"] = constant.exposure, constant.growth
        values["advantage"], values["advantage_error"] = constant.advantage.annual, constant.advantage.error
    if (modes := judgement.modes) is not None:
        values["judged"], values["drawn"] = modes.judged, modes.drawn
    return values


def _forecasts(prepared: Prepared) -> tuple[tuple[ForecastWorth, ...], tuple[ForecastWorth, ...]]:
    """Returns what the run's columns foretell, and what the bars themselves do, before the last test span."""
    config, bars = prepared.config, prepared.bars
    tape = config.market.build().tape(bars)
    part = slice(prepared.windows[0].train.start, prepared.windows[-1].test.start)
    returns, cost = earned(tape)[part], config.market.costs.round_trip / 2.0
    returns[-2:] = float("nan")  # they reach into the last test span
    sets = prepared.frame.values, plain_columns(bars, tape)
    own, shown = (forecasts(columns[part], returns, cost) for columns in sets)
    return own, shown
