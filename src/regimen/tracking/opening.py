"""From the section ``tracking`` of a config to open trackers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from regimen.errors import ConfigError, RegimenError, without_credentials
from regimen.tracking.config import MLflowConfig, TensorBoardConfig, TrackerConfig, require_trackers
from regimen.tracking.tracker import About, Tracker, TrackerIds, Trackers


def open_trackers(config: tuple[TrackerConfig, ...], folder: Path, about: About) -> Trackers:
    """Opens every tracker of a run, or goes on with those that an earlier process opened in the same folder.

    Args:
        config: the section ``tracking``.
        folder: of the run; ``tracking.json`` in it holds the ids of an MLflow and a Weights & Biases run.
        about: what is shown before the first number.

    Raises:
        ConfigError: a library that is not installed, a folder or store that cannot be written, a server that does not
            answer.
    """
    require_trackers(config)
    memory = TrackerIds(folder)
    opened: dict[str, Tracker] = {}
    for each in config:
        try:
            opened[each.kind] = _open(each, folder, about, memory)
        except Exception as error:
            for tracker in opened.values():
                with suppress(Exception):
                    tracker.close(False)
            if isinstance(error, RegimenError):
                raise
            raise ConfigError("tracking", f"{each.kind} cannot be opened ({_first_line(error)})") from error
    return Trackers(opened)


def placed(config: tuple[TrackerConfig, ...], began: Path | str) -> tuple[TrackerConfig, ...]:
    """Counts relative folders and SQLite files from the folder that a run was started in, wherever it goes on.

    Args:
        config: the section ``tracking``.
        began: that folder.
    """
    return tuple(_placed(each, Path(began)) for each in config)


def _placed(config: TrackerConfig, began: Path) -> TrackerConfig:
    if isinstance(config, TensorBoardConfig) and config.folder is not None:
        return config.model_copy(update={"folder": str(began / config.folder)})
    if isinstance(config, MLflowConfig) and config.uri is not None and config.uri.startswith("sqlite:///"):
        file = began / config.uri.removeprefix("sqlite:///")
        return config.model_copy(update={"uri": f"sqlite:///{file}"})
    return config


def _open(config: TrackerConfig, folder: Path, about: About, memory: TrackerIds) -> Tracker:
    """Imports the one module that is needed, and its library with it."""
    if isinstance(config, TensorBoardConfig):
        from regimen.tracking.tensorboard import TensorBoardTracker

        return TensorBoardTracker(config, folder, about)
    if isinstance(config, MLflowConfig):
        from regimen.tracking.mlflow import MLflowTracker

        return MLflowTracker(config, folder, about, memory)
    from regimen.tracking.wandb import WandbTracker

    return WandbTracker(config, folder, about, memory)


def _first_line(error: Exception) -> str:
    text = without_credentials(str(error).strip()).splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__
