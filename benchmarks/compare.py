"""Trains every model on one file's data, folds, costs and seeds, and compares the runs.

Run ``python benchmarks/compare.py --config FILE --data FILE [--runs FOLDER] [--models NAME ...] [key=value ...]``.

The file serves all models (see examples/compare-btc-1h.yaml); what a model needs besides is in `SIZES` below: the large
ones are made small enough for one CPU core and half a minute a fit. Ends with ``regimen runs compare`` of all of them.
Models whose finished run lies in the folder already are not trained again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

SIZES: dict[str, tuple[str, ...]] = {
    "logistic": ("training.epochs=20", "training.batch_size=1024"),
    "baseline": ("training.epochs=20", "training.batch_size=1024"),
    "lightgbm": (),
    "xgboost": (),
    "forest": ("model.n_estimators=100",),
    "extra-trees": ("model.n_estimators=100",),
    "cnn": ("model.context=24", "model.width=24", "model.kernels=[3,5]"),
    "lstm": ("model.context=24", "model.width=32", "model.layers=1"),
    "hybrid": ("model.context=24", "model.width=24", "model.kernels=[3,5]"),
    "multitask": (
        "model.context=24",
        "model.encoder.kind=cnn",
        "model.encoder.width=24",
        "model.encoder.kernels=[3,5]",
    ),
    "tft": ("model.context=24", "model.width=8"),
    "ppo": ("model.gamma=0.9", "model.gae_lambda=0.9", "model.entropy_coefficient=0.01", "environment.steps=400000"),
    "ppo-lstm": (
        "model.gamma=0.9",
        "model.gae_lambda=0.9",
        "model.entropy_coefficient=0.01",
        "model.hidden=32",
        "model.layers=1",
        "model.head=32",
    ),
    "sac": ("model.gamma=0.9",),
    "mosac": ("model.gamma=0.9",),
    "options": ("model.gamma=0.9",),
    "analytic": ("environment.actions=continuous", "market.rebalance_band=0.0"),
    "cql": ("model.gamma=0.9", "model.network=heads", "model.hidden=[128,64]", "model.updates=4000"),
    "cgdt": (
        "model.gamma=0.9",
        "model.context=16",
        "model.width=32",
        "model.layers=2",
        "model.heads=4",
        "model.hidden=64",
        "model.critic_hidden=32",
        "model.updates=400",
        "model.learning_rate=0.001",
    ),
    "flag-trader": (
        "model.gamma=0.9",
        "model.gae_lambda=0.9",
        "model.entropy_coefficient=0.01",
        "model.context=32",
        "model.width=32",
        "model.layers=2",
        "model.heads=4",
        "model.hidden=128",
        "model.rank=8",
        "model.rollout_steps=32",
        "model.minibatch_windows=32",
        "model.learning_rate=0.001",
        "environment.steps=60000",
    ),
}
"""What each model is given besides the file; its name first."""


def finished(runs: Path, model: str) -> Path | None:
    """Returns the folder of a model's finished run, the newest; None where there is none."""
    from regimen.records import list_runs
    from regimen.records.models import model_config

    kind = model_config(model).model_fields["kind"].default
    rows = list_runs(runs) if runs.is_dir() else []
    found = [runs / row["run"] for row in rows if (row["status"], row["model"]) == ("finished", kind)]
    return found[-1] if found else None


def main() -> None:
    """Reads the command line, trains what is missing, compares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--models", nargs="*", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--overrides", nargs="*", default=[], metavar="KEY=VALUE", help="given to every model")
    given = parser.parse_args()
    regimen = [sys.executable, "-c", "from regimen.cli.app import main; main()"]
    for model in given.models:
        if finished(given.runs, model) is not None:
            continue
        words = [f"data.path={given.data}", *SIZES[model], *given.overrides]
        command = [
            *regimen,
            "train",
            "--model",
            model,
            "--config",
            str(given.config),
            "--runs",
            str(given.runs),
            *words,
        ]
        print(f"\n{model}", flush=True)
        if subprocess.run(command, check=False).returncode:
            print(f"{model}: left out", flush=True)  # its own line above says why
    runs = [str(folder) for model in given.models if (folder := finished(given.runs, model)) is not None]
    subprocess.run([*regimen, "runs", "compare", *runs, "--runs", str(given.runs), "--markdown"], check=True)


if __name__ == "__main__":
    main()
