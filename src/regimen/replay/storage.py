"""Trajectories on disk: one Parquet file, whole or absent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.arrow import data_errors, to_numpy
from regimen.errors import RegimenError, RunError
from regimen.files import write_bytes
from regimen.replay.trajectories import Trajectories

FORMAT = 1
_KEY = b"regimen.trajectories"


def write_trajectories(trajectories: Trajectories, path: str | Path) -> None:
    """Writes one Parquet file; a file of the name is replaced at once or not at all.

    One row per step, and one more per episode with its final observation and no action. Columns: ``observation/…``
    and ``action/…``, ``reward``, ``terminated``, ``truncated``, ``final``. The schema (format, columns, choices, size)
    is JSON in the metadata. Every page has a checksum, and the schema a SHA-256 of all numbers.

    Raises:
        RunError: the place cannot be written to, or the disk is full.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    mine = trajectories
    ends = mine.offsets[1:] + np.arange(mine.episodes)
    final = np.zeros(len(mine) + mine.episodes, np.bool_)
    final[ends] = True

    def steps(values: NDArray[Any]) -> pa.Array:
        rows = np.zeros(len(final), values.dtype)
        rows[~final] = values
        return pa.array(rows, mask=final)

    table: dict[str, pa.Array] = {}
    for k, name in enumerate(mine.columns):
        rows = np.empty(len(final), np.float32)
        rows[~final], rows[final] = mine.observations[:, k], mine.final_observations[:, k]
        table[f"observation/{name}"] = pa.array(rows)
    for k in range(mine.actions.shape[1]):
        table[f"action/{k}"] = steps(mine.actions[:, k])
    table |= {"reward": steps(mine.rewards), "terminated": steps(mine.terminated), "truncated": steps(mine.truncated)}
    table["final"] = pa.array(final)
    head = {
        "format": FORMAT,
        "columns": mine.columns,
        "choices": mine.choices,
        "size": mine.actions.shape[1],
        "steps": len(mine),
        "episodes": mine.episodes,
        "digest": _digest(mine),
    }
    whole = pa.table(table).replace_schema_metadata({_KEY: json.dumps(head).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(whole, sink, compression="zstd", use_dictionary=False, write_page_checksum=True)
    write_bytes(Path(path), sink.getvalue().to_pybytes())


def read_trajectories(path: str | Path, columns: Sequence[str] | None = None) -> Trajectories:
    """Reads what `write_trajectories` wrote; every array comes back with the same bits.

    Args:
        path: the file.
        columns: what the observations must have; None: anything.

    Raises:
        RunError: no file there, a foreign or damaged one, another format, or other columns.
    """
    import pyarrow.parquet as pq

    place = Path(path)
    if not place.is_file():
        raise RunError("trajectories", "must be a file that exists", str(place))
    try:
        table = pq.read_table(place, page_checksum_verification=True)
        text = (table.schema.metadata or {}).get(_KEY)
        if text is None:
            raise RunError("trajectories", "must be a file that write_trajectories wrote", str(place))
        head = json.loads(text)
        if head["format"] != FORMAT:
            raise RunError("trajectories", f"must be of format {FORMAT}", head["format"])
        trajectories = _of_table(table, head)
        if _digest(trajectories) != head["digest"]:
            raise RunError("trajectories", "must be whole and undamaged (another digest)", str(place))
    except RunError:
        raise
    except data_errors(RegimenError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError("trajectories", f"must be whole and undamaged ({reason})", str(place)) from None
    if columns is not None:
        trajectories.require_columns(columns)
    return trajectories


def _digest(trajectories: Trajectories) -> str:
    """Returns the SHA-256 of everything that a file must give back."""
    mine = trajectories
    digest = hashlib.sha256(repr((mine.columns, mine.choices, mine.actions.shape)).encode())
    for name in ("observations", "actions", "rewards", "terminated", "truncated", "final_observations"):
        digest.update(getattr(mine, name).data)
    return digest.hexdigest()


def _of_table(table: Any, head: dict[str, Any]) -> Trajectories:
    final = to_numpy(table["final"])
    step = ~final
    names, size = tuple(head["columns"]), int(head["size"])
    seen = np.empty((len(final), len(names)), np.float32)
    for k, name in enumerate(names):
        seen[:, k] = to_numpy(table[f"observation/{name}"])
    actions = [to_numpy(table[f"action/{k}"].fill_null(0))[step] for k in range(size)]
    terminated, truncated = (to_numpy(table[name].fill_null(False))[step] for name in ("terminated", "truncated"))
    trajectories = Trajectories(
        observations=seen[step],
        actions=np.stack(actions, axis=1),
        rewards=to_numpy(table["reward"].fill_null(0.0))[step],
        terminated=terminated,
        truncated=truncated,
        final_observations=seen[final],
        columns=names,
        choices=int(head["choices"]),
    )
    if not np.array_equal(np.flatnonzero(final), trajectories.offsets[1:] + np.arange(trajectories.episodes)):
        raise ValueError("final observations stand at other places than the ends of episodes")
    return trajectories
