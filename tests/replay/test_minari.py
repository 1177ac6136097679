"""Minari reads what was written, and what it holds comes back bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.replay import Trajectories, from_minari, to_minari

Make = Callable[..., Trajectories]
ARRAYS = ("observations", "actions", "rewards", "terminated", "truncated", "final_observations", "offsets")


@pytest.fixture
def minari(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("h5py")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return pytest.importorskip("minari")


@pytest.mark.parametrize(("choices", "size"), [(0, 2), (3, 2), (3, 1)])
def test_it_comes_back_and_minari_reads_it(minari: Any, make_episodes: Make, choices: int, size: int) -> None:
    played = make_episodes((4, 1, 30), choices=choices)
    if played.actions.shape[1] != size:
        fields = {name: getattr(played, name) for name in ("observations", "rewards", "terminated", "truncated")}
        played = Trajectories(
            **fields,
            actions=played.actions[:, :size],
            final_observations=played.final_observations,
            columns=played.columns,
            choices=choices,
        )
    to_minari(played, "test/played-v0")
    dataset = minari.load_dataset("test/played-v0")
    assert (dataset.total_episodes, dataset.total_steps) == (3, 35)
    for k, episode in enumerate(dataset.iterate_episodes()):
        assert len(episode.observations) == played.lengths[k] + 1
        assert dataset.observation_space.contains(episode.observations[0])
        assert dataset.action_space.contains(episode.actions[0])
        np.testing.assert_array_equal(episode.observations[-1], played.final_observations[k])
        np.testing.assert_array_equal(episode.rewards, played.rewards[played.offsets[k] : played.offsets[k + 1]])
    again = from_minari("test/played-v0")
    for name in ARRAYS:
        mine, theirs = getattr(played, name), getattr(again, name)
        assert mine.dtype == theirs.dtype, name
        np.testing.assert_array_equal(mine, theirs)
    assert (again.columns, again.choices) == (played.columns, played.choices)


def test_ids_that_are_taken_unknown_or_wrong(minari: Any, make_episodes: Make) -> None:
    del minari
    played = make_episodes((4, 1))
    to_minari(played, "played-v0")
    for act, words in (
        (lambda: to_minari(played, "played-v0"), "must be one that can be written"),
        (lambda: to_minari(played, "a bad id"), "must be one that can be written"),
        (lambda: from_minari("absent-v0"), "must be a dataset that is here"),
    ):
        with pytest.raises(RunError, match=words) as caught:
            act()
        assert "\n" not in str(caught.value)


def test_a_damaged_dataset_is_refused(minari: Any, make_episodes: Make, tmp_path: Path) -> None:
    del minari
    dataset = to_minari(make_episodes((4, 1)), "played-v0")
    for text in ("{", "{}"):
        dataset.storage.update_metadata({"regimen": text})
        with pytest.raises(RunError, match="must be a dataset that is whole and undamaged"):
            from_minari("played-v0")
    to_minari(make_episodes((4, 1)), "other-v0")
    (file,) = (tmp_path / "other-v0").rglob("*.hdf5")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(RunError, match="must be a dataset that is whole and undamaged") as caught:
        from_minari("other-v0")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_dataset_of_others_is_refused(minari: Any) -> None:
    from gymnasium.spaces import Box, Discrete
    from minari.data_collector import EpisodeBuffer

    ended = np.array([False, True])
    buffer = EpisodeBuffer(
        observations=np.zeros((3, 1), np.float32),
        actions=np.zeros(2, np.int64),
        rewards=np.zeros(2),
        terminations=ended,
        truncations=ended,
    )
    minari.create_dataset_from_buffers(
        "other-v0",
        [buffer],
        observation_space=Box(-1.0, 1.0, (1,)),
        action_space=Discrete(2),
        author="x",
        author_email="x",
        code_permalink="x",
        algorithm_name="x",
        description="x",
    )
    with pytest.raises(RunError, match="must be a dataset that to_minari wrote"):
        from_minari("other-v0")


def test_without_the_library_one_line_says_so(make_episodes: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name, name=name)

    monkeypatch.setattr("regimen.replay.minari.import_module", absent)
    with pytest.raises(ConfigError, match=r"minari: needs minari\[hdf5\], which is not installed"):
        to_minari(make_episodes((2,)), "played-v0")
