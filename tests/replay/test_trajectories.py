"""Returns to go, transitions and windows against brute force, and what may not be trajectories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen.errors import ConfigError, DataError, RunError
from regimen.replay import Trajectories

Make = Callable[..., Trajectories]


def episode_of(trajectories: Trajectories, row: int) -> int:
    """The slow twin of the look-up: counts the ends before a row."""
    ended = trajectories.terminated | trajectories.truncated
    return int(ended[:row].sum())


@pytest.mark.parametrize("gamma", [0.0, 0.9, 1.0])
def test_returns_to_go_are_the_quadratic_sum(make_episodes: Make, gamma: float) -> None:
    played = make_episodes((40, 1, 64, 7, 30))
    found = played.returns_to_go(gamma)
    for t in range(len(played)):
        stop = played.offsets[episode_of(played, t) + 1]
        total = sum(gamma ** (k - t) * played.rewards[k] for k in range(t, stop))
        assert found[t] == pytest.approx(total, abs=1e-9)
    np.testing.assert_allclose(played.episode_returns, played.returns_to_go()[played.offsets[:-1]], atol=1e-9)


def test_transitions_are_aligned_and_never_enter_the_next_episode(make_episodes: Make) -> None:
    played = make_episodes()
    whole = played.transitions()
    rows = np.random.default_rng(1).integers(0, len(played), 200)
    some = played.transitions(rows)
    for t in range(len(played)):
        episode = episode_of(played, t)
        last = t + 1 == played.offsets[episode + 1]
        after = played.final_observations[episode] if last else played.observations[t + 1]
        np.testing.assert_array_equal(whole.successors[t], after)
    for array, mine in zip(some, whole, strict=True):
        np.testing.assert_array_equal(array, mine[rows])
    assert np.shares_memory(whole.observations, played.observations)
    assert np.shares_memory(whole.actions, played.actions)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_windows_hold_the_steps_before_and_nothing_else(data: st.DataObject, make_episodes: Make) -> None:
    lengths = tuple(data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=6)))
    length = data.draw(st.integers(1, max(lengths)))
    played = make_episodes(lengths, seed=sum(lengths))
    windows = played.windows(length, gamma=0.9)
    assert len(windows) == len(played)
    batch = windows.batch(np.arange(len(played)))
    promised = played.returns_to_go(0.9)
    for t in range(len(played)):
        begin = int(played.offsets[episode_of(played, t)])
        rows = [row for row in range(t - length + 1, t + 1) if row >= begin]
        pad = length - len(rows)
        view = windows[t]
        assert batch.mask[t].tolist() == [False] * pad + [True] * len(rows)
        for name, source in (
            ("observations", played.observations),
            ("actions", played.actions),
            ("rewards", played.rewards),
            ("returns_to_go", promised),
            ("steps", np.arange(len(played)) - begin),
        ):
            np.testing.assert_array_equal(getattr(view, name), source[rows])
            np.testing.assert_array_equal(getattr(batch, name)[t, pad:], source[rows])
            assert not getattr(batch, name)[t, :pad].any()


@pytest.mark.parametrize("length", [64, 256])
def test_a_context_is_a_view(make_episodes: Make, length: int) -> None:
    played = make_episodes((300, 70, 256))
    windows = played.windows(length)
    for row in (0, 299, 300, 369, 625):
        view = windows[row]
        assert np.shares_memory(view.observations, played.observations)
        assert np.shares_memory(view.actions, played.actions)
        assert np.shares_memory(view.rewards, played.rewards)
        assert not view.observations.flags.owndata
        assert not view.observations.flags.writeable
        assert len(view.mask) == min(length, int(view.steps[-1]) + 1)
    with pytest.raises(IndexError):
        windows[len(windows)]


def test_joined_episodes_stay_episodes(make_episodes: Make) -> None:
    first, second = make_episodes((3, 4), seed=1), make_episodes((2, 6, 1), seed=2)
    both = Trajectories.joined([first, second])
    assert both.lengths.tolist() == [3, 4, 2, 6, 1]
    np.testing.assert_array_equal(both.returns_to_go(0.5)[7:], second.returns_to_go(0.5))
    np.testing.assert_array_equal(both.transitions().successors[:7], first.transitions().successors)


def changed(played: Trajectories, **fields: Any) -> Trajectories:
    names = (
        "observations",
        "actions",
        "rewards",
        "terminated",
        "truncated",
        "final_observations",
        "columns",
        "choices",
    )
    return Trajectories(**{name: getattr(played, name) for name in names} | fields)


def test_what_may_not_be_trajectories(make_episodes: Make) -> None:
    played = make_episodes()
    holed = played.observations.copy()
    holed[4, 1] = np.nan
    with pytest.raises(DataError, match=r"^trajectories.observations: must be finite; row 4, column 'b'; got nan$"):
        changed(played, observations=holed)
    with pytest.raises(DataError, match=r"^trajectories.rewards: must be finite; row 0; got inf$"):
        changed(played, rewards=np.r_[np.inf, played.rewards[1:]])
    with pytest.raises(DataError, match="at least one step"):
        changed(played, rewards=np.empty(0))
    with pytest.raises(DataError, match="an episode needs an end"):
        changed(played, truncated=np.zeros(len(played), bool), terminated=np.zeros(len(played), bool))
    with pytest.raises(DataError, match="final_observations: must have the shape"):
        changed(played, final_observations=played.final_observations[1:])
    with pytest.raises(DataError, match="terminated: must be boolean"):
        changed(played, terminated=played.terminated.astype(float))
    with pytest.raises(DataError, match="must differ from each other"):
        changed(played, columns=("a", "b", "a"))
    with pytest.raises(DataError, match="must be integers of shape"):
        changed(played, choices=3)
    with pytest.raises(DataError, match="must be integers of shape"):
        changed(played, choices=3, actions=np.full(len(played), np.nan))
    with pytest.raises(DataError, match=r"must be finite; row 0, column 'a'; got inf"):
        changed(played, observations=played.observations.astype(float) * 1e300)
    with pytest.raises(DataError, match="must be choices from 0 to 1; got 2"):
        changed(make_episodes(choices=3), choices=2)
    with pytest.raises(ConfigError, match=r"^windows.length: must lie in \[1, 12\], the longest trajectory; got 64$"):
        played.windows(64)
    with pytest.raises(ConfigError, match=r"^windows.length"):
        played.windows(0)
    with pytest.raises(RunError, match=r"^trajectories.columns: column 1: must be 'x'; got 'b'$"):
        played.require_columns(("a", "x", "c"))
    with pytest.raises(RunError, match="must be 2 columns; got 3"):
        played.require_columns(("a", "b"))
    with pytest.raises(RunError, match="choices, size"):
        Trajectories.joined([played, make_episodes(choices=3)])
    with pytest.raises(DataError, match="at least one part"):
        Trajectories.joined([])
    with pytest.raises(RunError, match=r"^rows: must lie in \[0, 29\]; got 30$"):
        played.transitions([3, 30])
    with pytest.raises(RunError, match="rows: must be integers"):
        played.windows(2).batch([0.5])
    with pytest.raises(ValueError, match="read-only"):
        played.rewards[0] = 1.0
