"""`open_bundle`: a folder that was exported, checked to the last byte before anything in it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.arrays import unpacked
from regimen.bundle.assembly import Revive, assembled
from regimen.bundle.golden import Golden, replay
from regimen.bundle.graph import Graph, require_plain
from regimen.bundle.manifest import Manifest, digest, read_manifest, require_files, written
from regimen.bundle.reference import read_actions, read_reference
from regimen.bundle.start import Start
from regimen.errors import ConfigError, RunError
from regimen.reprs import short
from regimen.stateful import below

if TYPE_CHECKING:
    from regimen.bars import Calendar
    from regimen.bundle.decided import Served
    from regimen.execution import MarketConfig
    from regimen.features import FeatureSet
    from regimen.monitoring import CollapseReference, DriftReference
    from regimen.safeguards import SafeguardsConfig

ACTIONS, AROUND, GOLDEN_FILE = "actions.json", "around.npz", "golden.npz"
REFERENCE, START = "reference.json", "start.npz"
EVIDENCE = "evidence"
"""The level of verdict that live money asks for."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """What was exported of a run: a policy that decides, and all that a live process needs beside it.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        policy: decides; see `Served`.
        features: computes what the policy sees.
        start: where features, volatility and policy stood at the last bar of the run's data.
        golden: what the replay of its golden observations showed on this machine.
        reference: what drift is measured against; None where the training slice was too short for one.
        actions: how uniform its decisions were on the training slice; None where that was too short.
        digest: SHA-256 (hex) of its manifest, which holds that of every other file: what a bundle is known by.
    """

    folder: Path
    manifest: Manifest
    policy: Served
    features: FeatureSet
    start: Start
    golden: Golden
    digest: str
    reference: DriftReference | None = None
    actions: CollapseReference | None = None

    def __repr__(self) -> str:
        origin = self.manifest.origin
        return short(self, f"{origin.model} of run {origin.run}, trained until {origin.trained_until}")

    @property
    def market(self) -> MarketConfig:
        """How orders become money, with the costs of the run's bars."""
        return self.manifest.market

    @property
    def safeguards(self) -> SafeguardsConfig:
        """The limits that it was exported with."""
        return self.manifest.safeguards

    @property
    def symbols(self) -> tuple[str, ...]:
        """In the order of every array."""
        return self.manifest.symbols

    @property
    def calendar(self) -> Calendar:
        """When bars are expected, and where days end."""
        return self.manifest.calendar

    @property
    def bar_length(self) -> int:
        """Nanoseconds."""
        return self.manifest.bar_length

    @property
    def periods_per_year(self) -> float:
        """Bars a year."""
        return self.manifest.periods_per_year

    def require_evidence(self) -> None:
        """Refuses a bundle whose verdict is below evidence, and says which data would settle it.

        Raises:
            RunError: the verdict is another one.
        """
        verdict = self.manifest.verdict
        if verdict.level != EVIDENCE:
            settled = f" {verdict.settled_by}" if verdict.settled_by else ""
            rule = f"must be {EVIDENCE} for live money. {verdict.sentence}{settled}"
            raise RunError("verdict", rule, verdict.level)


def open_bundle(folder: Path | str, *, revive: Revive | None = None) -> Bundle:
    """Opens a bundle: every byte is checked, then its graphs are read, then its golden observations replayed.

    Args:
        folder: that `regimen export` wrote.
        revive: gives the policy of a bundle that only the library that trained it can serve.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        RunError: the folder is no bundle, or of a later version; a byte of it is another one, a file is missing or too
            much; a graph is no plain ONNX; the features of this version of the code are others; golden observations
            have other answers here.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    contents = require_files(folder, manifest)
    graphs = {name: content for name, content in contents.items() if name.endswith(".onnx")}
    for name, content in graphs.items():
        require_plain(content, name)
    with _no_bytecode():
        features = _features(folder, manifest)
    sessions = {name: Graph(content, name) for name, content in graphs.items()}
    around = unpacked(contents[AROUND], AROUND) if AROUND in contents else {}
    reference = read_reference(contents[REFERENCE], REFERENCE) if REFERENCE in contents else None
    actions = read_actions(contents[ACTIONS], ACTIONS) if ACTIONS in contents else None
    start = Start.read(_required(contents, START), START)
    with _no_bytecode():
        policy = assembled(folder, manifest, sessions, around, revive)
    start.require(features, manifest.symbols, policy)
    golden = _replayed(sessions, contents)
    return Bundle(folder, manifest, policy, features, start, golden, digest(written(manifest)), reference, actions)


def _features(folder: Path, manifest: Manifest) -> FeatureSet:
    """Returns the features, whose steps must compute what those of the run computed."""
    columns = manifest.columns
    try:
        features = columns.config.began_in(folder).build()
    except ConfigError as error:
        raise RunError("bundle", f"must have features that this version knows: {error.field} {error.rule}") from None
    if features.functions:
        raise RunError(features.functions[0].field, "is a function of a whole frame and cannot be served bar by bar")
    if features.hash != columns.hash:
        rule = f"must be those that it was trained on, hash {columns.hash[:12]}: this version computes others"
        raise RunError("bundle: features", rule, features.hash[:12])
    return features


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Lets Python write no file beside the code that it loads: a bundle stays as it was exported."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _replayed(graphs: dict[str, Graph], contents: dict[str, bytes]) -> Golden:
    whole = Golden(0, 0.0, True)
    arrays: dict[str, NDArray[np.float64]] = unpacked(_required(contents, GOLDEN_FILE), GOLDEN_FILE) if graphs else {}
    for name, graph in graphs.items():
        one = replay(graph, below(arrays, f"{name}/"), name)
        whole = Golden(
            whole.observations + one.observations,
            max(whole.difference, one.difference),
            whole.same_bits and one.same_bits,
        )
    return whole


def _required(contents: dict[str, bytes], name: str) -> bytes:
    if name not in contents:
        raise RunError("bundle", f"must hold {name}")
    return contents[name]
