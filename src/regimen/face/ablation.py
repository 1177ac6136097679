"""`ablate`: each method of a config out and alone, and what each is worth."""

from __future__ import annotations

from pathlib import Path

from regimen.errors import ConfigError
from regimen.face.config import whole_config
from regimen.face.progress import Advance, advancing
from regimen.face.run import path_text
from regimen.records import RunConfig
from regimen.reporting.ablation import Ablation
from regimen.work import Compute


def ablate(
    config: RunConfig | str | Path,
    *,
    seeds: int = 8,
    by: str | None = None,
    only_alone: bool = False,
    runs: str | Path = "runs",
    compute: str = "local",
    progress: bool | Advance | None = None,
) -> Ablation:
    """Trains a config without its methods, with each alone, with all, and with all but each; says what each is worth.

    Methods are the members of ``preprocess``, ``augment`` and ``training.recipes``, and whatever of ``calibration``,
    ``intervals``, ``novelty``, ``band``, ``labels.weights`` and the training's own switches is not as it is by default.

    Args:
        config: of a run, or the path of its YAML file.
        seeds: of each run; the same for all, so that they are pairs.
        by: the measure that decides: ``"skill"``, ``"sharpe"``, ``"accuracy"``, ...; log-loss skill by default.
        only_alone: leaves out all together, and all but each.
        runs: the folder of runs; what is finished there is not trained again.
        compute, progress: as in `train`.

    Returns:
        The ablation; ``print(ablation.sentence)`` is the answer.

    Raises:
        ConfigError: no method in the config, or one that cannot be taken out alone.
        RegimenError: whatever is wrong with the config or the data.
    """
    from regimen.runs.ablation import ablate as run_ablation

    whole = whole_config(config, {})
    if whole is None:
        raise ConfigError("ablate", "must be given a RunConfig, or the path of its YAML file", config)
    root = Path(path_text(runs, "runs"))
    with Compute.parse(compute).mapper() as mapper, advancing(progress) as advance:
        return run_ablation(whole, root, advance, seeds=seeds, by=by, only_alone=only_alone, mapper=mapper)
