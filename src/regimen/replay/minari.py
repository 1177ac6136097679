"""Trajectories as a dataset of Minari, the common shelf of offline reinforcement learning, and back."""

from __future__ import annotations

import json
import warnings
from importlib import import_module
from typing import Any

import numpy as np

from regimen.errors import ConfigError, DataError, RunError
from regimen.replay.trajectories import Trajectories

_KEY = "regimen"
_NEEDED = "needs minari[hdf5], which is not installed: pip install 'regimen[rl]'"


def to_minari(
    trajectories: Trajectories, dataset_id: str, *, description: str | None = None, author: str | None = None
) -> Any:
    """Writes trajectories as a local Minari dataset, one episode for each of theirs.

    Observations are a ``Box`` of float32, one number per column, the last one after the last step as Minari wants it;
    actions are a ``Discrete`` for one choice, a ``MultiDiscrete`` for several, a ``Box`` of float32 for numbers. The
    dataset's metadata has the columns. Datasets lie in ``MINARI_DATASETS_PATH``, or in the user's ``.minari``.

    Args:
        trajectories: what happened.
        dataset_id: as Minari has them, ``namespace/name-v0`` or ``name-v0``.
        description: for the metadata.
        author: for the metadata.

    Returns:
        The ``minari.MinariDataset``.

    Raises:
        ConfigError: Minari is not installed.
        RunError: an id that Minari refuses, or one that is taken.
    """
    minari = _library()
    from gymnasium.spaces import Box, Discrete, MultiDiscrete

    episode = import_module("minari.data_collector").EpisodeBuffer
    mine, size = trajectories, trajectories.actions.shape[1]
    single = mine.choices > 0 and size == 1
    numbers = Box(-np.inf, np.inf, (size,), np.float32)
    several = MultiDiscrete([max(mine.choices, 1)] * size)
    episodes = []
    for k in range(mine.episodes):
        steps = slice(mine.offsets[k], mine.offsets[k + 1])
        actions = mine.actions[steps]
        episodes.append(
            episode(
                id=k,
                observations=np.concatenate([mine.observations[steps], mine.final_observations[k : k + 1]]),
                actions=actions[:, 0] if single else actions,
                rewards=mine.rewards[steps],
                terminations=mine.terminated[steps],
                truncations=mine.truncated[steps],
            )
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that there is no environment to make anew
            dataset = minari.create_dataset_from_buffers(
                dataset_id,
                episodes,
                observation_space=Box(-np.inf, np.inf, (len(mine.columns),), np.float32),
                action_space=Discrete(mine.choices) if single else several if mine.choices else numbers,
                description=description or f"{len(mine)} steps in {mine.episodes} episodes of a market, by Regimen",
                author=author or "unknown",
                author_email="unknown",
                code_permalink="unknown",
                algorithm_name="unknown",
                data_format="hdf5",
            )
    except (ValueError, OSError) as error:
        raise RunError("minari.dataset_id", f"must be one that can be written ({_first(error)})", dataset_id) from None
    head = {"columns": mine.columns, "choices": mine.choices}
    dataset.storage.update_metadata({_KEY: json.dumps(head)})
    return dataset


def from_minari(dataset_id: str) -> Trajectories:
    """Reads a local Minari dataset that `to_minari` wrote; every number comes back.

    Raises:
        ConfigError: Minari is not installed.
        RunError: no such dataset here, a damaged one, or one that `to_minari` did not write.
        DataError: episodes that are no whole ones.
    """
    minari = _library()
    try:
        dataset = minari.load_dataset(dataset_id)
    except (ValueError, OSError) as error:
        raise RunError("minari.dataset_id", f"must be a dataset that is here ({_first(error)})", dataset_id) from None
    text = dataset.storage.metadata.get(_KEY)
    if text is None:
        raise RunError("minari.dataset_id", "must be a dataset that to_minari wrote", dataset_id)
    try:
        head, episodes = json.loads(text), list(dataset.iterate_episodes())
        columns, choices = tuple(head["columns"]), int(head["choices"])
    except (ValueError, OSError, KeyError, TypeError) as error:
        rule = f"must be a dataset that is whole and undamaged ({_first(error)})"
        raise RunError("minari.dataset_id", rule, dataset_id) from None
    if not episodes:
        raise DataError("minari", "must have at least one episode", dataset_id)

    def joined(name: str) -> Any:
        return np.concatenate([getattr(each, name) for each in episodes])

    return Trajectories(
        observations=np.concatenate([each.observations[:-1] for each in episodes]),
        actions=joined("actions"),
        rewards=joined("rewards"),
        terminated=joined("terminations"),
        truncated=joined("truncations"),
        final_observations=np.stack([each.observations[-1] for each in episodes]),
        columns=columns,
        choices=choices,
    )


def _library() -> Any:
    try:
        import_module("h5py")  # Minari imports it only when it writes
        return import_module("minari")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("minari", "h5py"):
            raise
        raise ConfigError("minari", _NEEDED) from None


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
