"""`export_run`: a finished run's newest policy as a bundle, which is written only if it answers as the policy does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from regimen.bars import Bars, Calendar
from regimen.bundle import (
    ACTIONS,
    AROUND,
    GOLDEN_FILE,
    MANIFEST,
    REFERENCE,
    START,
    VERSION,
    Bundle,
    Columns,
    Manifest,
    Origin,
    Served,
    Start,
    actions_of,
    digest,
    open_bundle,
    packed,
    recorded,
    reference_of,
    written,
    written_reference,
)
from regimen.errors import RunError
from regimen.execution import Feed, History, Policy, targets
from regimen.features import FeatureSet
from regimen.files import appearing, scratch, write_bytes
from regimen.monitoring import DriftReference
from regimen.policies import RunningVolatility
from regimen.readers import load_with_report
from regimen.records import (
    RunConfig,
    RunDirectory,
    code_version,
    model_title,
    now,
    require_finished,
)
from regimen.records.layout import POLICY
from regimen.reprs import short
from regimen.runs.exporting.card import CARD, model_card
from regimen.runs.exporting.measured import OBSERVATIONS, like, measured
from regimen.runs.exporting.parts import Parts, parts_of_policy
from regimen.runs.exporting.revival import own_features, policy_files, revive
from regimen.runs.exporting.verdict import verdict_of
from regimen.runs.prepare import history_of, require_same_data, seen
from regimen.runs.window import load_policy
from regimen.safeguards import SafeguardsConfig
from regimen.stateful import under

Advance = Callable[[int, int, str], None]
_AGAIN = 200
"""Last bars of the run that the folder decides again, before it takes its place."""
_UNITS = 100
"""Parts that the progress of an export is told in."""


@dataclass(frozen=True, eq=False)
class Exported:
    """A bundle that was written, and read again.

    Attributes:
        folder: where it lies.
        bundle: as whoever serves it opens it.
        size: bytes of all its files.
    """

    folder: Path
    bundle: Bundle
    size: int

    def __repr__(self) -> str:
        return short(self, f"{self.folder}: {self.bundle!r}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        manifest = self.bundle.manifest
        values: dict[str, Any] = {"folder": str(self.folder), "bytes": self.size}
        for name in ("origin", "verdict", "parity", "files"):
            values[name] = manifest.model_dump(mode="json")[name]
        return {**values, "golden": self.bundle.golden._asdict()}


def export_run(
    directory: RunDirectory,
    folder: Path,
    advance: Advance,
    *,
    safeguards: SafeguardsConfig | None = None,
    observations: int = OBSERVATIONS,
) -> Exported:
    """Writes the policy of a run's newest window, and all that a live process needs, into one folder.

    The graph is traced, asked on the run's own bars beside the policy that was trained, and written only if it decides
    the same. Nothing is judged, so no trial is recorded.

    Args:
        directory: of a finished run.
        folder: of the bundle; must not be there yet.
        advance: progress.
        safeguards: limits that go with it; unless given those of the run, or the usual ones where it had none.
        observations: rows of symbols that are compared.

    Raises:
        ConfigError: libraries that are needed are not installed.
        RunError: the run is not finished, or damaged, or has no verdict; a feature is a function of a whole frame; the
            folder is there already; the graph decides differently.
    """
    manifest = require_finished(directory)
    if folder.exists():
        raise RunError("--out", "must not be there yet", str(folder))
    verdict = verdict_of(directory)
    directory.require_undamaged(*(f"windows/*/{part}" for part in POLICY))
    config = directory.located_config()
    features = config.features.build()
    if features.functions:
        rule = "is a function of a whole frame and cannot be served bar by bar; write it as a step"
        raise RunError(features.functions[0].field, f"{rule} (docs/add-a-feature.md)")
    if features.hash != manifest.get("features_hash", features.hash):
        raise RunError(
            "features", f"must be those of the run, hash {manifest['features_hash'][:12]}", features.hash[:12]
        )
    advance(0, _UNITS, "bars")
    loaded = load_with_report(config.data)
    require_same_data(loaded.bars, manifest)
    bars = loaded.bars
    config = config.model_copy(update={"market": config.market.at(bars)})
    advance(5, _UNITS, "features")
    history = history_of(config, bars, features.compute(seen(bars)))
    window = manifest["windows"][-1]
    policy = load_policy(directory.window(window["number"]), config, features.hash)
    advance(15, _UNITS, "graph")
    parts = parts_of_policy(policy, config)

    def tell(done: int, of: int) -> None:
        advance(30 + 50 * done // max(of, 1), _UNITS, "parity")

    parity = measured(policy, parts.served(features.names), parts.watched, history, tell, observations)
    advance(80, _UNITS, "start")
    columns, contents = own_features(config.features)
    if parts.own:
        members = None if parts.decider.combine is None else tuple(parts.own)
        with scratch(".export-") as place:
            contents |= policy_files(directory.window(window["number"]), config, columns, place, members)
    contents |= {
        **parts.graphs,
        START: _start(config, bars, features, history, policy, parts).content(),
    }
    if parts.watched:
        contents[GOLDEN_FILE] = packed(_golden(parts))
    reference = _reference(history, bars, window["train"], features.names)
    if reference is not None:
        contents[REFERENCE] = written_reference(reference)
    actions = actions_of(targets(policy, history, *window["train"]), bars.periods_per_year)
    if actions is not None:
        contents[ACTIONS] = written_reference(actions)
    if parts.around:
        contents[AROUND] = packed(parts.around)
    first, last = str(bars.time[0])[:19], str(bars.time[-1])[:19]
    described = Manifest(
        version=VERSION,
        created=now(),
        origin=Origin(
            run=directory.id,
            model=model_title(config.model),
            window=window["number"] + 1,
            windows=len(manifest["windows"]),
            trained_from=window["train_from"][:19],
            trained_until=window["test_from"][:19],
            fingerprint=manifest["fingerprint"],
            source=bars.source,
            first_bar=first,
            last_bar=last,
            seed=manifest["seed"],
            code=str(manifest["environment"]["regimen"]),
            exported_by=code_version(),
            packages={**manifest["environment"]["packages"], **_packages()},
        ),
        symbols=bars.symbols,
        bar_length=bars.bar_length,
        periods_per_year=bars.periods_per_year,
        calendar=Calendar(bars.calendar.name, bars.calendar.session_bars, bars.calendar.day_end),
        extras=tuple(bars.extras),
        volatility_bars=None if config.exposure.volatility_target is None else config.exposure.volatility_bars,
        columns=Columns(config=columns, names=features.names, hash=features.hash, warmup=features.warmup),
        market=config.market,
        policy=parts.decider,
        safeguards=safeguards or config.safeguards or SafeguardsConfig(),
        verdict=verdict,
        parity=parity,
        files={name: digest(content) for name, content in contents.items()},
    )
    contents[CARD] = model_card(described).encode()
    files = described.files | {CARD: digest(contents[CARD])}
    contents[MANIFEST] = written(described.model_copy(update={"files": files}))
    advance(90, _UNITS, "writing")
    try:
        with appearing(folder) as draft:
            for name, content in contents.items():
                write_bytes(draft / name, content)
            _require_same(open_bundle(draft, revive=revive).policy, parts.served(features.names), history)
    except OSError as error:
        raise RunError("--out", f"must be a folder that can be made ({error.strerror or error})", str(folder)) from None
    advance(_UNITS, _UNITS, "done")
    return Exported(folder, open_bundle(folder, revive=revive), sum(map(len, contents.values())))


def _require_same(read: Served, measured_one: Served, history: History) -> None:
    """Raises `RunError` unless what was read from the folder decides as what was measured, bit for bit."""
    state = measured_one.initial_state(len(history.bars.symbols))
    for t in range(max(0, len(history.bars) - _AGAIN), len(history.bars)):
        ours, theirs = read.decided(history.at(t), state), measured_one.decided(history.at(t), state)
        if any(mine.tobytes() != other.tobytes() for mine, other in zip(ours, theirs, strict=True)):
            raise RunError("export", "must decide from its files as it did before", str(history.bars.time[t])[:19])
        state = theirs.state


def _golden(parts: Parts) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for each in parts.watched:
        rows, state = each.golden()
        arrays |= under(f"{each.name}/", recorded(each.graph, rows, state))
    return arrays


def _start(
    config: RunConfig, bars: Bars, features: FeatureSet, history: History, policy: Policy, parts: Parts
) -> Start:
    """Returns where all that remembers stands at the last bar, having seen each."""
    adjusted, symbols = seen(bars), len(bars.symbols)
    stream = features.stream(bars.symbols)
    stream.replay(adjusted)
    volatility: dict[str, Any] = {}
    if config.exposure.volatility_target is not None:
        running = RunningVolatility(symbols, config.exposure.volatility_bars, bars.periods_per_year)
        for close in adjusted.close:
            running.push(close)
        volatility = running.state()
    splits, funding = "adjustment" in bars.extras, "funding_rate" in bars.extras
    feed = Feed(symbols, config.market.costs, splits=splits, funding=funding)
    feed.replay(bars)
    state = policy.initial_state(symbols)
    for t in range(len(bars)):
        state = policy.watch(history.at(t), state)
    factor = np.ones(symbols)
    if splits:
        known = bars.present & np.isfinite(bars.extras["adjustment"])
        factor = np.where(known.any(axis=0), bars.extras["adjustment"][known.argmax(axis=0), np.arange(symbols)], 1.0)
    time = int(bars.time[-1].astype("datetime64[ns]").astype(np.int64))
    served = like(parts.served(features.names), state)
    return Start(time, stream.state_dict(), volatility, feed.state(), factor, served)


def _reference(history: History, bars: Bars, span: Sequence[int], names: tuple[str, ...]) -> DriftReference | None:
    """Returns what drift is measured against, of the bars [first, last) of a training slice."""
    adjusted, rows = seen(bars), slice(*span)
    before = np.concatenate([np.full((1, len(bars.symbols)), np.nan), adjusted.close[:-1]])
    prices = [column[rows] for column in (before, adjusted.high, adjusted.low, adjusted.close)]
    return reference_of(history.features[rows], prices, names, bars.symbols, bars.periods_per_year)


def _packages() -> dict[str, str]:
    return {name: version(name) for name in ("onnx", "onnxscript", "onnxruntime")}
