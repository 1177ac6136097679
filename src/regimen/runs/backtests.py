"""A run's policy on other bars: each bar is decided by the newest model that was trained before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.agents import MOSACConfig
from regimen.bars import Bars, DataConfig
from regimen.envs import ObjectivesConfig
from regimen.errors import ConfigError, DataError, RunError
from regimen.execution import Ledger, MarketConfig
from regimen.files import appearing, write_text
from regimen.policies import History, targets
from regimen.readers import load_with_report
from regimen.records import (
    RunConfig,
    RunDirectory,
    Trial,
    evaluated,
    model_title,
    new_id,
    read_json,
    require_finished,
    write_json,
    write_manifest,
    write_report,
)
from regimen.records.layout import EXPOSURES, POLICY
from regimen.runs.controls import of_the_run
from regimen.runs.evaluate import evaluate, evaluated_manifest
from regimen.runs.guarding import confidence_of, trade
from regimen.runs.prepare import WholeSeries, described, history_of, seen
from regimen.runs.vault import require_shut
from regimen.runs.window import load_policy, read_exposures
from regimen.settings import apply_overrides, validated
from regimen.spans import in_words

Advance = Callable[[int, int, str], None]
_BACKTESTS = "backtests"
_PREFERENCE = "preference="


def backtest_run(
    directory: RunDirectory, bars: str | None, overrides: Sequence[str], advance: Advance
) -> tuple[Path, dict[str, Any]]:
    """Trades a finished run's policy on other bars, or on its own under other costs, and judges it.

    Timing: a bar is decided by the model of the last window that was trained on data before that bar; bars before the
    first model could know anything are not traded. So nothing is judged on what it was trained on, whatever the file.

    Args:
        directory: of a finished run.
        bars: the data file; None: the run's own data.
        overrides: ``data.*``, ``market.*`` and ``preference`` only; all else belongs to the trained policy.
        advance: progress.

    Returns:
        The folder of this backtest, inside the run's, and its judgement.
    """
    manifest = require_finished(directory)
    parts = (*POLICY, EXPOSURES)
    directory.require_undamaged("data.json", *(f"windows/*/{part}" for part in parts))
    trained = directory.located_config()
    config = with_overrides(trained, bars, overrides)
    advance(0, 4, "bars")
    loaded = load_with_report(config.data)
    config = config.model_copy(update={"market": config.market.at(loaded.bars)})
    bounds = bounds_of(loaded.bars, manifest)
    series = WholeSeries.of(config.data, loaded.bars)
    require_shut(directory.trials, series.fingerprint, series.sketch, loaded.bars, manifest)
    advance(1, 4, "features")
    features = config.features.build()
    history = history_of(config, loaded.bars, features.compute(seen(loaded.bars)))
    advance(2, 4, "decisions")
    exposures, sure = _decided(directory, config, features.hash, history, loaded.bars, bounds)
    advance(3, 4, "judging")
    ledger = trade(config, loaded.bars, exposures, bounds[0], bounds[-1], sure)
    same_data = loaded.bars.fingerprint == manifest["fingerprint"]
    stress = same_data and _is_dearer(trained.market, config.market) and _as_trained(directory, manifest, exposures)
    with _new_folder(directory, loaded.bars.source) as folder:
        identity = f"{directory.id}/{folder.name}"
        trial = Trial(
            kind="evaluation",
            run=identity,
            part=0,
            data=loaded.bars.fingerprint,
            source=series.fingerprint,
            config=config.hash,
            model=model_title(config.model),
            seed=config.seed,
            bars=len(ledger),
            features=features.hash,
            trained="" if same_data else manifest["fingerprint"],
            stress=int(stress),
        )
        directory.trials.append(evaluated(trial, ledger), series.sketch, folder)
        write_text(folder / "config.yaml", config.to_yaml())
        write_json(folder / "data.json", described(loaded, series.fingerprint))
        judgement = _judged(directory, folder, config, ledger, loaded.bars, series.fingerprint, bounds, advance)
        write_report(directory, folder=folder, config=config)
        write_manifest(
            folder, evaluated_manifest(folder, identity, config, loaded.bars.fingerprint, series.fingerprint)
        )
    advance(4, 4, "done")
    return directory.path / _BACKTESTS / folder.name, judgement


def bounds_of(bars: Bars, manifest: dict[str, Any]) -> list[int]:
    """Where each model begins to decide, and the end; raises `DataError` when no model decides two bars."""
    edges = [_position(bars.time, window["test_from"]) for window in manifest["windows"]]
    if edges[0] >= len(bars) - 1:
        raise DataError(
            "bars",
            f"must reach beyond {manifest['windows'][0]['test_from'][:10]}, when the first model had been trained",
            str(bars.time[-1])[:10],
        )
    return [*edges, len(bars)]


def _decided(
    directory: RunDirectory, config: RunConfig, features: str, history: History, bars: Bars, bounds: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(time, symbol) exposures, each by the model of the last window before its bar; NaN before the first.

    And how sure these models are, where the run's safeguards ask for it.
    """
    exposures, sure = (np.full(bars.shape, np.nan) for _ in range(2))
    asked = config.safeguards is not None and config.safeguards.confidence is not None
    for number, (first, last) in enumerate(pairwise(bounds)):
        if first < last:
            policy = load_policy(directory.window(number), config, features)
            exposures[first:last] = targets(policy, history, first, last)
            if asked:
                sure[first:last] = confidence_of(policy, history, first, last)
    return exposures, sure


def _judged(
    directory: RunDirectory,
    folder: Path,
    config: RunConfig,
    ledger: Ledger,
    bars: Bars,
    source: str,
    bounds: Sequence[int],
    advance: Advance,
) -> dict[str, Any]:
    """Judges the backtest by all trials on its series; says where the bars of the file have another length."""
    inside = sorted({bound - bounds[0] for bound in bounds})
    judgement = evaluate(
        ledger,
        folder,
        config,
        directory.trials.trials(source, bars.periods_per_year),
        inside,
        lambda drawn, draws: advance(3, 4, f"judging · random control {drawn}/{draws}"),
        experiments=of_the_run(directory),
        history=bars,
    )
    judgement["skipped_bars"] = bounds[0]
    trained_on = read_json(directory.path / "data.json")["bar_length"]
    if trained_on != bars.bar_length:
        judgement["alarms"].append(
            {
                "name": "another bar length",
                "sentence": f"The policy was trained on bars of {in_words(trained_on)} and decides here on bars of "
                f"{in_words(bars.bar_length)}: its windows and horizons count bars, not time.",
            }
        )
    write_json(folder / "judgement.json", judgement)
    return judgement


def _is_dearer(trained: MarketConfig, tried: MarketConfig) -> bool:
    """Whether costs alone changed, none for the better: a stress test can only look worse, so nobody picks it."""
    return tried == trained.model_copy(update={"costs": tried.costs}) and tried.costs.dearer_than(trained.costs)


def _as_trained(directory: RunDirectory, manifest: dict[str, Any], exposures: NDArray[np.float64]) -> bool:
    """Whether the decisions are those of the run itself; a policy that sees its account may answer to its costs."""
    for window in manifest["windows"]:
        rows = exposures[slice(*window["test"])]
        own = read_exposures(directory.window(window["number"]) / EXPOSURES, rows.shape)
        if own is None or not np.array_equal(own, rows, equal_nan=True):
            return False
    return True


def _position(time: np.ndarray[Any, np.dtype[np.datetime64]], stamp: str) -> int:
    return int(np.searchsorted(time, np.datetime64(stamp, "ns")))


def with_overrides(config: RunConfig, bars: str | None, overrides: Sequence[str]) -> RunConfig:
    """Returns the config of a trained run for other bars, other ``data.*`` and ``market.*``, or another preference.

    Raises:
        ConfigError: an override of something that the trained policy holds already; a preference that is none, or of
            a model without objectives.
    """
    for override in overrides:
        if not override.startswith(("data.", "market.", _PREFERENCE)):
            raise ConfigError("override", "must begin with data. or market.; the policy is trained already", override)
    wanted = [override for override in overrides if override.startswith(_PREFERENCE)]
    config = preferring(config, wanted[-1].removeprefix(_PREFERENCE)) if wanted else config
    overrides = [override for override in overrides if override not in wanted]
    values = config.as_dict()
    if bars is not None:
        values["data"] = {"path": bars}
    if any(override.startswith("market.costs.venue") for override in overrides):
        values["market"]["costs"] = {}  # another venue's rates, not those of the old one under a new name
    values = apply_overrides(values, overrides)
    data: DataConfig = validated(DataConfig, values["data"], "data.")
    market: MarketConfig = validated(MarketConfig, values["market"], "market.")
    return config.model_copy(update={"data": data, "market": market})


def preferring(config: RunConfig, shares: str) -> RunConfig:
    """Returns the config of a trained run that trades by another preference among its objectives.

    Args:
        config: of the run.
        shares: numbers with commas between them, in brackets or not.

    Raises:
        ConfigError: the model has no objectives; what `ObjectivesConfig` refuses.
    """
    model = config.model
    if not isinstance(model, MOSACConfig):
        raise ConfigError("preference", "is read by a model of kind mosac only", model.kind)
    given: Any = [part.strip() for part in shares.strip().removeprefix("[").removesuffix("]").split(",")]
    chosen = ObjectivesConfig(names=model.objectives.names, preference=given)
    return config.model_copy(update={"model": model.model_copy(update={"objectives": chosen})})


@contextmanager
def _new_folder(directory: RunDirectory, source: str) -> Iterator[Path]:
    """Yields a folder that appears whole or, after a mistake, Ctrl-C or a kill, not at all; no name comes twice."""
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in Path(source).stem) or "bars"
    path = directory.path / _BACKTESTS / f"{stem}-{new_id()}"
    try:
        with appearing(path) as folder:
            yield folder
    except OSError as error:
        place = error.filename or path
        raise RunError("run folder", f"must be writable ({error.strerror or error})", str(place)) from None
