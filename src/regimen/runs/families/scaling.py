"""What the features of a window pass through: fitted on its training slice in one place, kept in files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError, SplitError
from regimen.features import FeatureFrame
from regimen.policies import Policy, Preprocessed
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig, read_json, write_json
from regimen.records.layout import PREPROCESS, SCALER
from regimen.runs.prepare import Prepared
from regimen.splits import Slice, Window

P = TypeVar("P", bound=Policy)
_FITTED: Final[WeakKeyDictionary[Slice, tuple[RunConfig, FeatureFrame, Chain]]] = WeakKeyDictionary()
"""The steps last fitted on a training slice, with what they were fitted by: all seeds of a run share them."""


def preprocessed_by(prepared: Prepared, window: Window) -> tuple[Chain, Prepared]:
    """Returns the config's steps before the scaler, fitted on a window's training slice, and what they leave.

    Where the config has none, they are an empty chain and the same bars and features.
    """
    configs, frame, part = prepared.config.preprocess, prepared.frame, window.train
    if not configs:
        return Chain(), prepared
    config, seen, chain = _FITTED.get(part, (None, None, Chain()))
    if seen is not frame or config is None or config.preprocess != configs:
        chain = Chain.fit(configs, _there(prepared), part, frame.names)
        _FITTED[part] = prepared.config, frame, chain
    return chain, seen_through(chain, prepared)


def seen_through(chain: Chain, prepared: Prepared) -> Prepared:
    """Returns bars with the features that a chain leaves; the same bars and features where the chain is empty."""
    if not chain:
        return prepared
    return replace(prepared, frame=replace(prepared.frame, values=chain.scan(_there(prepared))))


def _there(prepared: Prepared) -> NDArray[np.float64]:
    """Returns the features (time, symbol, feature); NaN without a bar."""
    return np.where(prepared.bars.present[..., None], prepared.frame.values, np.nan)


def behind(chain: Chain, policy: P) -> P | Preprocessed:
    """Returns a policy that sees what a chain leaves of the features; the policy itself where the chain is empty."""
    return Preprocessed(policy, chain) if chain else policy


def fitted_scaler(prepared: Prepared, window: Window) -> StandardScaler:
    """Returns the config's scaler, fitted on a window's training slice."""
    frame, clip = prepared.frame, prepared.config.scaler.clip
    return StandardScaler.fit(frame.values, window.train, frame.names, clip=clip)


def write_scaler(scaler: StandardScaler, folder: Path) -> None:
    """Writes a scaler into a window's folder."""
    write_arrays(folder, SCALER, scaler.state())


def read_scaler(folder: Path) -> StandardScaler:
    """Reads what `write_scaler` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    return StandardScaler.from_state(read_arrays(folder, SCALER))


def write_chain(chain: Chain, folder: Path) -> None:
    """Writes the steps before the scaler into a window's folder, where there are some."""
    if chain:
        write_arrays(folder, PREPROCESS, chain.state())


def read_chain(folder: Path, config: RunConfig) -> Chain:
    """Reads what `write_chain` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    if not config.preprocess:
        return Chain()
    try:
        chain = Chain.from_state(read_arrays(folder, PREPROCESS))
    except SplitError:
        raise RunError("run", f"holds a damaged {PREPROCESS}", str(folder)) from None
    if [kind for kind, _ in chain.parts] != [step.kind for step in config.preprocess]:
        raise RunError("run", f"holds a {PREPROCESS} of other steps than its config", str(folder))
    return chain


def write_arrays(folder: Path, file: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Writes named arrays of numbers or words as JSON."""
    write_json(folder / file, {name: array.tolist() for name, array in arrays.items()})


def read_arrays(folder: Path, file: str) -> dict[str, NDArray[np.generic]]:
    """Reads what `write_arrays` wrote; numbers that were not finite are NaN.

    Raises:
        RunError: the file is missing or damaged.
    """

    def array(name: str, value: object) -> NDArray[np.generic]:
        return np.array(np.nan if value is None else value, np.str_ if name.endswith("names") else np.float64)

    try:
        return {name: array(name, value) for name, value in read_json(folder / file).items()}
    except (TypeError, ValueError):
        raise RunError("run", f"holds a damaged {file}", str(folder)) from None
