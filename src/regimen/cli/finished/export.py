"""`regimen export`: a run's policy as a folder that decides without the library that trained it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs

if TYPE_CHECKING:
    from regimen.runs import Exported


def export(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="folder to write; bundles/<id> when left out"),
    ] = None,
    safeguards: Annotated[
        Path | None,
        typer.Option("--safeguards", metavar="FILE.yaml", help="limits that go with it; the defaults when left out"),
    ] = None,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print parity, verdict and checksums as JSON")] = False,
) -> None:
    """Write a run's newest policy as one folder: graph, features, limits, verdict, and proof that it decides the same.

    The graph is asked on the run's own bars beside the policy that was trained; there is no folder if they differ.
    Nothing is judged, so it is no trial.

    Example: regimen export latest --out bundles/mine
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.records import find_run, read_yaml
        from regimen.runs import export_run
        from regimen.safeguards import SafeguardsConfig
        from regimen.settings import validated

        directory = find_run(run, runs)
        limits = None if safeguards is None else validated(SafeguardsConfig, read_yaml(safeguards), "safeguards.")
        exported = export_run(directory, out or Path("bundles") / directory.id, advance, safeguards=limits)
    if as_json:
        print(json.dumps(exported.to_dict(), indent=1, allow_nan=False))
        return
    _print(exported)


def _print(exported: Exported) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console
    from regimen.numerals import percent
    from regimen.reprs import many

    screen, manifest = console(), exported.bundle.manifest
    origin, parity, golden = manifest.origin, manifest.parity, exported.bundle.golden
    model = f"{origin.model} of window {origin.window}, trained on bars before {origin.trained_until[:16]}."
    print_sentence(screen, model.replace("T", " "), label="Model")
    if parity.observations:
        text = (
            f"on {many(parity.observations, 'observation')} exposures differ by {parity.exposure:.1e} at most, what "
            f"they come from by {parity.details:.1e}; deciding by itself it does the same in "
            f"{percent(parity.same_actions)}, and its memory drifts by {parity.drift:.1e}."
        )
        print_sentence(screen, text, label="Parity")
    print_sentence(screen, f"{many(golden.observations, 'observation')}, answered again just now.", label="Golden")
    print_sentence(screen, f"{manifest.verdict.sentence} ({manifest.verdict.level})", label="Verdict", style="bold")
    print_sentence(screen, f"{exported.folder} ({exported.size / 1e6:.1f} MB)", label="Bundle")
    print_sentence(screen, f"regimen serve {exported.folder}", label="Next")
