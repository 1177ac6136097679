"""What is read back is what was written, and what is not ours is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regimen.errors import RunError
from regimen.replay import Trajectories, read_trajectories, write_trajectories

Make = Callable[..., Trajectories]
ARRAYS = ("observations", "actions", "rewards", "terminated", "truncated", "final_observations", "offsets")


@pytest.mark.parametrize("choices", [0, 3])
def test_every_bit_comes_back(make_episodes: Make, tmp_path: Path, choices: int) -> None:
    played = make_episodes((4, 1, 30), choices=choices)
    place = tmp_path / "deep" / "played.parquet"
    write_trajectories(played, place)
    again = read_trajectories(place, columns=("a", "b", "c"))
    for name in ARRAYS:
        mine, theirs = getattr(played, name), getattr(again, name)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    assert (again.columns, again.choices) == (played.columns, played.choices)
    assert [path.name for path in place.parent.iterdir()] == ["played.parquet"]


def test_other_tools_read_it(make_episodes: Make, tmp_path: Path) -> None:
    played = make_episodes((4, 1))
    write_trajectories(played, tmp_path / "played.parquet")
    table = pq.read_table(tmp_path / "played.parquet")
    assert table.num_rows == 7
    assert table["reward"].null_count == table["action/1"].null_count == 2
    assert table["final"].to_pylist() == [False] * 4 + [True, False, True]


def test_foreign_and_damaged_files_are_one_line(make_episodes: Make, tmp_path: Path) -> None:
    place = tmp_path / "played.parquet"
    with pytest.raises(RunError, match=r"^trajectories: must be a file that exists; got "):
        read_trajectories(place)
    place.write_text("not a table")
    with pytest.raises(RunError, match=r"^trajectories: must be whole and undamaged \("):
        read_trajectories(place)
    pq.write_table(pa.table({"x": [1, 2]}), place)
    with pytest.raises(RunError, match=r"^trajectories: must be a file that write_trajectories wrote; got "):
        read_trajectories(place)
    write_trajectories(make_episodes((40, 60)), place)
    with pytest.raises(RunError, match="must be 'x'; got 'a'"):
        read_trajectories(place, columns=("x", "b", "c"))
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match="undamaged"):
        read_trajectories(place)


def outcome(place: Path) -> tuple[Trajectories | None, str]:
    """Returns what was read, or the line that refused it."""
    try:
        return read_trajectories(place), ""
    except RunError as error:
        return None, str(error)


def test_a_flipped_bit_is_refused_or_changes_nothing(make_episodes: Make, tmp_path: Path) -> None:
    played, place = make_episodes((40, 60)), tmp_path / "played.parquet"
    write_trajectories(played, place)
    whole, refused = place.read_bytes(), 0
    places = range(0, len(whole), 61)
    for at in places:
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        again, line = outcome(place)
        refused += again is None
        assert "\n" not in line
        for name in ARRAYS if again else ():  # the bit was in a statistic, which nobody reads
            np.testing.assert_array_equal(getattr(again, name), getattr(played, name))
    assert refused > len(places) // 2


def test_a_schema_that_lies_is_found(make_episodes: Make, tmp_path: Path) -> None:
    place = tmp_path / "played.parquet"
    write_trajectories(make_episodes((4, 6)), place)
    table = pq.read_table(place)
    pq.write_table(table.slice(0, 5).replace_schema_metadata(table.schema.metadata), place)
    with pytest.raises(RunError, match="undamaged"):
        read_trajectories(place)
    flags = table["final"].to_pylist()
    flags[3], flags[4] = flags[4], flags[3]
    moved = table.set_column(table.column_names.index("final"), "final", pa.array(flags))
    pq.write_table(moved, place)
    with pytest.raises(RunError, match="undamaged"):
        read_trajectories(place)
