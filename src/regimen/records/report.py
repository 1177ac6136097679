"""The report of a run, made from what is on its disk: no data file and no model is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regimen.errors import RunError
from regimen.execution import VENUES, Ledger
from regimen.judging import Judgement, Trials
from regimen.records.checksums import has_its_seal
from regimen.records.config import RunConfig
from regimen.records.directory import RunDirectory, require_finished
from regimen.records.documents import read_json, write_json
from regimen.records.judgement import by_trials_of_now
from regimen.records.layout import EXHIBITS, HISTORY, VAULT
from regimen.records.models import model_title
from regimen.records.trials import counted
from regimen.records.vault import brand
from regimen.reporting.report import Exhibit, ReportDocument, TrainedWindow, write
from regimen.spans import in_words


def write_report(
    directory: RunDirectory,
    output: Path | None = None,
    *,
    folder: Path | None = None,
    config: RunConfig | None = None,
) -> tuple[dict[str, Any], Path]:
    """Writes the HTML report of a finished run.

    Args:
        directory: the run.
        output: the file; ``report.html`` in the folder by default.
        folder: where judgement and ledger were just written, in the run or in a backtest inside it; by default they are
            those of the finished run, and compared with their checksums.
        config: what that backtest was made with; the run's own by default.

    Returns:
        The judgement, with what `by_trials_of_now` says of it, and the file's path.

    Raises:
        RunError: the run is not finished or damaged, or the file cannot be written.
    """
    manifest = directory.manifest()
    if folder is None:
        require_finished(directory)
        directory.require_undamaged("data.json", "judgement.json", EXHIBITS[0], "ledger/*", f"windows/*/{HISTORY}")
    folder = folder or directory.path
    config = config or directory.config()
    values, data = read_json(folder / "judgement.json"), read_json(folder / "data.json")
    judgement = Judgement.from_dict(values)
    path = output or folder / "report.html"
    own = folder == directory.path
    book, own_source = directory.trials, str(data["source_fingerprint"])
    rows = book.rows(own_source)
    look = folder.name.strip(".").startswith(VAULT)  # into a vault: judged by the looks, and not by all trials
    recorded = counted(rows, judgement.sample.periods_per_year)
    standing = by_trials_of_now(judgement, Trials(judgement.trials.count) if look else recorded)
    document = ReportDocument.of(
        Ledger.read(folder / "ledger"),
        judgement,
        title=f"{model_title(config.model)} on {_short(data['source'])}, bars of {in_words(data['bar_length'])}",
        run=directory.id if own else f"{directory.id}/{folder.name}",
        created=manifest["created"],
        windows=_windows(judgement, manifest["windows"] if own else None),
        check=data,
        trials=rows,
        trials_now=standing["now"],
        dsr_now=standing["dsr_now"],
        verdict_now=standing["verdict_now"],
        series=[{"source": source, "share": share} for source, share in book.family(own_source).items()],
        ledger_notes=[*book.notes(), *filter(None, [brand(book.vaults(own_source))])],
        config=config.to_yaml(),
        config_hash=config.hash,
        seed=config.seed,
        environment=manifest["environment"],
        assumptions=_assumptions(config),
        training=_training(directory, len(manifest["windows"])),
        features=_features(manifest, config),
        exhibits=read_exhibits(directory) if own else (),
    )
    write(document, path)
    values["trials"] |= standing
    return values, path


def write_exhibits(directory: RunDirectory, file: str, exhibits: Sequence[Exhibit]) -> None:
    """Writes what a run's report shows beside the judgement; nothing where there is nothing to show.

    Args:
        directory: of the run.
        file: one of `layout.EXHIBITS`.
        exhibits: the sections.
    """
    if exhibits:
        write_json(directory.path / file, {"exhibits": [exhibit.to_dict() for exhibit in exhibits]})


def read_exhibits(directory: RunDirectory) -> tuple[Exhibit, ...]:
    """Reads all that `write_exhibits` wrote of a run.

    Raises:
        RunError: a file is damaged.
    """
    exhibits: list[Exhibit] = []
    for file in EXHIBITS:
        if (directory.path / file).exists():
            values = read_json(directory.path / file)
            if not has_its_seal(values):
                rule = f"holds a damaged {file}: it is not what was written; make it again"
                raise RunError("run", rule, str(directory.path))
            exhibits += map(Exhibit.from_dict, values.get("exhibits", ()))
    return tuple(exhibits)


def _features(manifest: dict[str, Any], config: RunConfig) -> dict[str, list[str]]:
    """Columns by group as the run recorded them; earlier runs did not, and theirs are those of the features now."""
    if manifest.get("features"):
        return {str(name): list(columns) for name, columns in manifest["features"].items()}
    return {name: list(columns) for name, columns in config.features.build().groups.items()}


def _short(source: str) -> str:
    return Path(source).name.split(".")[0] or source


def _windows(judgement: Judgement, trained: list[dict[str, Any]] | None) -> list[TrainedWindow]:
    rows = judgement.windows or ()
    if trained is None:
        return [TrainedWindow(row, position + 1) for position, row in enumerate(rows)]
    return [
        TrainedWindow(row, window["number"] + 1, window["train_from"], window["test_from"])
        for row, window in zip(rows, trained, strict=True)
    ]


def _training(directory: RunDirectory, windows: int) -> list[dict[str, Any]]:
    return [
        {"window": number + 1, **_course(read_json(directory.window(number) / HISTORY))} for number in range(windows)
    ]


def _course(history: dict[str, Any]) -> dict[str, Any]:
    """How training went: losses by epoch or round, rewards by environment step, or nothing where nothing was told."""
    if "steps" in history:
        return {name: history[name] for name in ("steps", "reward", "best_steps")}
    for unit in ("epoch", "round"):
        if f"{unit}s" in history:
            course = history[f"{unit}s"]
            return {
                "train_loss": [each["train_loss"] for each in course],
                "validation_loss": [each["val_loss"] for each in course],
                f"best_{unit}": history[f"best_{unit}"],
            }
    return {}


def _assumptions(config: RunConfig) -> list[str]:
    market, costs = config.market, config.market.costs
    bars = "the next bar" if market.latency_bars == 1 else f"bar t + {market.latency_bars}"
    words = [f"A decision made with bars up to t fills at the open of {bars}."]
    words.append(f"Costs: {costs.sentence}")
    if costs.venue:
        words.append(f"Rates of {costs.venue} as of {VENUES[costs.venue].date}: {VENUES[costs.venue].source}.")
    if config.data.vault is not None:
        words.append(f"The last {config.data.vault} of the data is in the vault: nothing here has read it.")
    words.append("Prices do not answer to the account's own orders beyond the charged impact.")
    return words
