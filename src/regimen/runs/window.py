"""One walk-forward window of any model: fit on its training slice, decide on its test span, keep the decisions."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.files import write_bytes
from regimen.policies import Policy
from regimen.records import RunConfig
from regimen.runs.families import family_of
from regimen.runs.families.wrapped import behind_wrappers, wrapped
from regimen.runs.fit import Fit, Tell
from regimen.runs.prepare import Prepared
from regimen.splits import Window

if TYPE_CHECKING:
    from regimen.runs.families.family import GoesOn


def fit_model(
    prepared: Prepared,
    window: Window,
    seed: int,
    checkpoint: Path | None = None,
    tell: Tell | None = None,
    previous: Path | None = None,
) -> Fit:
    """Fits the config's model on a window's training slice, and what stands around it; see `wrapped`.

    The validation slice chooses among the model's states.

    Args:
        prepared: bars, features and labels.
        window: the window.
        seed: decides everything random.
        checkpoint: folder that a training which was stopped goes on from.
        tell: progress.
        previous: folder of the window that a net's weights, or a model that learns on, begin from; None: anew.
    """
    family = family_of(prepared.config.model)
    if previous is None:
        return wrapped(prepared, window, family.fit(prepared, window, seed, checkpoint, tell))
    going_on = cast("GoesOn", family)  # a run's config lets no other family begin where a window ended
    return wrapped(prepared, window, going_on.fit(prepared, window, seed, checkpoint, tell, previous))


def load_policy(folder: Path, config: RunConfig, schema: str) -> Policy:
    """Loads the policy that a window's folder holds.

    Args:
        folder: the window's folder.
        config: of the run.
        schema: hash of the features that will be fed; another one is refused.
    """
    return behind_wrappers(family_of(config.model).load(folder, config, schema), folder, config)


def read_exposures(path: Path, shape: tuple[int, int]) -> NDArray[np.float64] | None:
    """Reads a finished window's exposures (stop − start, symbol); None when the window is not finished."""
    if not path.exists():
        return None
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        raise RunError("run", "holds a damaged file of exposures", str(path)) from None
    if rows.shape != shape:
        raise RunError("run", f"holds exposures of another shape than {shape}", str(path))
    return np.asarray(rows, dtype=np.float64)


def write_exposures(path: Path, rows: NDArray[np.float64]) -> None:
    """Writes a window's exposures; the file's presence says that the window is finished."""
    buffer = BytesIO()
    np.save(buffer, rows)
    write_bytes(path, buffer.getvalue())
