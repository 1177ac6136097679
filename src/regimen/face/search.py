"""`leaks`: poison the future of a run's config, and see whether the past changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regimen.errors import ConfigError
from regimen.face.config import whole_config
from regimen.face.progress import Advance, advancing
from regimen.face.run import Run
from regimen.leakage import LeakReport
from regimen.records import RunConfig


def leaks(what: Run | RunConfig | str | Path, *, progress: bool | Advance | None = None) -> LeakReport:
    """Replaces everything after a cut by noise, and cuts off the past; says of each feature, label, scaler and policy
    whether what came before changed.

    Args:
        what: a run, a config, or the path of its YAML file. Of a run its config is examined, on its data, anew.
        progress: as in `train`.

    Returns:
        The report; ``report.passed`` is the answer.

    Raises:
        ConfigError: something else.
        RegimenError: whatever is wrong with the config or the data.
    """
    from regimen.runs import find_run_leaks

    config: Any = what.config if isinstance(what, Run) else whole_config(what, {})
    if config is None:
        raise ConfigError("leaks", "must be given a Run, a RunConfig, or the path of its YAML file", what)
    with advancing(progress) as advance:
        return find_run_leaks(config, advance)
