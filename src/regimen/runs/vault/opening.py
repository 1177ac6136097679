"""Opening a vault: the run's newest model on the span that nothing has read, judged once and written down for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from regimen.bars import Bars
from regimen.errors import RunError
from regimen.files import appearing, write_text
from regimen.judging import Trials
from regimen.policies import targets
from regimen.readers import Loaded, load, load_with_report
from regimen.records import (
    CONFIG,
    RunConfig,
    RunDirectory,
    Trial,
    evaluated,
    model_title,
    now,
    require_finished,
    write_json,
    write_manifest,
    write_report,
)
from regimen.records.layout import POLICY, VAULT
from regimen.records.vault import VaultRecord, looks
from regimen.runs.evaluate import evaluate, evaluated_manifest
from regimen.runs.guarding import confidence_of, trade
from regimen.runs.prepare import WholeSeries, described, history_of, require_same_data, seen
from regimen.runs.vault.shut import stamp
from regimen.runs.window import load_policy

Advance = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class _Vault:
    """A run's data with its vault, which begins at bar ``begin``."""

    config: RunConfig
    loaded: Loaded
    series: WholeSeries
    begin: int

    @classmethod
    def of(cls, directory: RunDirectory) -> _Vault:
        manifest = require_finished(directory)
        config = directory.located_config()
        if config.data.vault is None:
            raise RunError("vault", "must be in the config that a run is trained with, as data.vault=1y", directory.id)
        before = load(config.data)
        require_same_data(before, manifest)
        opened = config.model_copy(update={"data": config.data.model_copy(update={"vault": None})})
        loaded = load_with_report(opened.data)
        opened = opened.model_copy(update={"market": config.market.at(loaded.bars)})
        _require_continued(before, loaded.bars)
        return cls(opened, loaded, WholeSeries.of(config.data, before), len(before))

    @property
    def bars(self) -> Bars:
        return self.loaded.bars

    def record(self, act: Literal["lock", "open"], run: str) -> VaultRecord:
        time = self.bars.time
        return VaultRecord(now(), act, run, self.series.fingerprint, stamp(time[self.begin]), stamp(time[-1]))


def _require_continued(before: Bars, whole: Bars) -> None:
    """Raises `RunError` unless the vault follows on what the run knew; its last bar may have been cut in the middle."""
    kept = len(before) - 1
    if len(whole) <= len(before) or whole.window(0, kept).fingerprint != before.window(0, kept).fingerprint:
        raise RunError("vault", "must follow the bars that the run was trained on, and these are others", whole.source)


def lock_vault(directory: RunDirectory) -> VaultRecord:
    """Locks a run's vault for its whole market: from now on no run is trained or traded on bars of that span.

    Raises:
        RunError: the run has no vault, or is not finished; the span is locked, or was looked into, already.
    """
    vault = _Vault.of(directory)
    record = vault.record("lock", directory.id)
    for earlier in directory.trials.vaults(vault.series.fingerprint, vault.series.sketch):
        if earlier.overlaps(record.first, record.last):
            what = "locked" if earlier.act == "lock" else "opened"
            raise RunError("vault", f"was {what} already, on {earlier.at[:10]} by run {earlier.run}", earlier.span)
    directory.trials.enter(record, vault.series.sketch, directory.path)
    return record


def open_vault(directory: RunDirectory, advance: Advance, *, again: bool = False) -> tuple[Path, dict[str, Any]]:
    """Judges a run on its vault, which nothing has read, and writes down for ever that it was opened.

    The look is written down before it is taken; one that was killed is taken without another line. It is judged as one
    trial, because one policy was chosen before anything of the span was known; a further look as one of as many as
    there were, other trials that traded in the span included.

    Timing: every bar is decided by the model of the last window, trained on data before the vault.

    Args:
        directory: of a finished run whose config has ``data.vault``.
        advance: progress.
        again: look although it was looked into before; every later report of the market says so.

    Returns:
        The folder of the look, inside the run's, and its judgement.

    Raises:
        RunError: the run has no vault, is not finished or is damaged; its data have changed; the vault was looked into
            before, by any run of the market.
    """
    with directory.locked("judged"):
        directory.require_undamaged("data.json", *(f"windows/*/{part}" for part in POLICY))
        advance(0, 3, "bars")
        vault = _Vault.of(directory)
        count = _entered(directory, vault, again)
        advance(1, 3, "decisions")
        config, bars, begin = vault.config, vault.bars, vault.begin
        features = config.features.build()
        history = history_of(config, bars, features.compute(seen(bars)))
        exposures = np.full(bars.shape, np.nan)
        newest = directory.manifest()["windows"][-1]["number"]
        policy = load_policy(directory.window(newest), config, features.hash)
        exposures[begin:] = targets(policy, history, begin, len(bars))
        sure = np.full(bars.shape, np.nan)
        if config.safeguards is not None and config.safeguards.confidence is not None:
            sure[begin:] = confidence_of(policy, history, begin, len(bars))
        ledger = trade(config, bars, exposures, begin, len(bars), sure)
        advance(2, 3, "judging")
        path = _folder(directory)
        identity = f"{directory.id}/{path.name}"
        with appearing(path) as folder:
            trial = Trial(
                kind="evaluation",
                run=identity,
                part=0,
                data=bars.fingerprint,
                source=vault.series.fingerprint,
                config=config.hash,
                model=model_title(config.model),
                seed=config.seed,
                bars=len(ledger),
                features=features.hash,
                trained=directory.manifest()["fingerprint"],
            )
            directory.trials.append(evaluated(trial, ledger), vault.series.sketch, folder)
            write_text(folder / CONFIG, config.to_yaml())
            write_json(folder / "data.json", described(vault.loaded, vault.series.fingerprint))

            def on_draw(drawn: int, draws: int) -> None:
                advance(2, 3, f"judging · random control {drawn}/{draws}")

            judgement = evaluate(ledger, folder, config, Trials(count=count), [0, len(ledger)], on_draw)
            write_report(directory, folder=folder, config=config)
            write_manifest(
                folder, evaluated_manifest(folder, identity, config, bars.fingerprint, vault.series.fingerprint)
            )
        advance(3, 3, "done")
        return path, judgement


def _entered(directory: RunDirectory, vault: _Vault, again: bool) -> int:
    """Writes the look down, and returns the how-many-th it is."""
    book, source = directory.trials, vault.series.fingerprint
    record = vault.record("open", directory.id)
    earlier = looks(book.vaults(source, vault.series.sketch), record.first, record.last)
    traded = book.traded(source, record.first, record.last)
    finished = len(list(directory.path.glob(f"{VAULT}*/judgement.json")))
    if sum(look.run == directory.id for look in earlier) > finished:  # one that was killed is taken again
        return max(1, len(earlier) + traded)
    if (earlier or traded) and not again:
        if earlier:
            seen_before = f"was opened on {earlier[-1].at[:10]} by run {earlier[-1].run}"
        else:
            seen_before = f"is no secret: {traded} trial{'s' if traded > 1 else ''} of its market traded in it"
        rule = f"{seen_before}, and a second look proves nothing; --again looks, and brands every later report"
        raise RunError("vault", f"{rule} of the market", record.span)
    if earlier or traded:
        record = replace(record, act="again")
    book.enter(record, vault.series.sketch, directory.path)
    return len(earlier) + traded + 1


def _folder(directory: RunDirectory) -> Path:
    path, number = directory.path / VAULT, 1
    while path.exists():
        number += 1
        path = directory.path / f"{VAULT}-{number}"
    return path
