"""Where a vault lies, and that nobody looks into it before it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regimen.bars import Bars, DataConfig, Sketch
from regimen.errors import DataError, RunError
from regimen.readers import load, load_as_is
from regimen.records import TrialLedger
from regimen.records.vault import looks


def stamp(time: np.datetime64) -> str:
    """Returns a stamp as the records of vaults write it: ISO, UTC, to the second."""
    return str(time.astype("datetime64[s]"))


def vault_span(config: DataConfig, bars: Bars) -> list[str]:
    """Returns the stamps of the first and the last bar of a config's vault.

    Args:
        config: that the bars were loaded by.
        bars: what it left.
    """
    uncut = config.model_copy(update={"vault": None})
    try:
        whole = load(uncut)
    except DataError:  # what the checks say of the vault is for whoever opens it
        whole = load_as_is(uncut)
    return [stamp(whole.time[whole.time > bars.time[-1]][0]), stamp(whole.time[-1])]


def require_shut(
    book: TrialLedger, source: str, sketch: Sketch, bars: Bars, manifest: Mapping[str, Any] | None = None
) -> None:
    """Raises `RunError` when bars lie in a vault that is locked: one of their market, or that of a run itself.

    Args:
        book: the trial ledger.
        source: fingerprint of the whole series.
        sketch: what its market is known by.
        bars: that are about to be seen.
        manifest: of the run whose policy is about to see them.
    """
    records = book.vaults(source, sketch)
    shut = [(record.first, record.last, record.run) for record in records if record.act == "lock"]
    if manifest is not None and "vault" in manifest:
        shut.append((*manifest["vault"], manifest["id"]))
    for first, last, run in shut:
        inside = (bars.time >= np.datetime64(first, "ns")) & (bars.time <= np.datetime64(last, "ns"))
        if inside.any() and not looks(records, first, last):
            rule = (
                f"from {first[:10]} to {last[:10]} is locked by run {run}, and nothing may read its bars before "
                f"`regimen vault open {run}`; leave them out with data.vault or data.end"
            )
            raise RunError("vault", rule, stamp(bars.time[inside][0]))
