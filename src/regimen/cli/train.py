"""`regimen train` and `regimen resume`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from regimen.cli import completion
from regimen.cli.arguments import RUNS, WHERE, Opens, Run, Runs, Where, require_one_source
from regimen.cli.screen.lines import say, with_blanks

if TYPE_CHECKING:
    from regimen.records import RunConfig

DEFAULT_MODEL = "logistic"
"""What is trained on a file of bars where nobody names a model."""
_WHY = "quick to train, and what every other model has to beat"


class TrainCommand(TyperCommand):
    """Knows the names of the models, but looks them up only when they are asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Answers a bare ``--model`` with the names."""
        if args and args[-1] in ("--model", "-m") and not ctx.resilient_parsing:  # a shell completes the line then
            from regimen.errors import ConfigError
            from regimen.records import model_names

            raise ConfigError("--model", f"must be one of {', '.join(model_names())}, or FILE.py:NAME of your own")
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Lists the models at the end of the help."""
        from regimen.records import model_names

        del ctx
        formatter.write_paragraph()
        formatter.write_text(f"Models: {', '.join(model_names())}.")


def train(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE", help="YAML file of the run; or bars: a file, a folder, a 'pattern'", show_default=False
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as training.epochs=5")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="use this model instead of the file's; your own: FILE.py:NAME",
            show_default=False,
            autocompletion=completion.models,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="YAML file, as FILE", show_default=False)
    ] = None,
    runs: Runs = RUNS,
    compute: Where = WHERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the resolved config and stop")] = False,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Train a policy walk-forward, trade it out of sample, judge it, write runs/<id>.

    Of bars alone everything has its default, and the model is logistic. With --model only the model differs from the
    config; sections that this model does not use are left out.

    Example: regimen train btc-1h.csv

    Example: regimen train examples/btc-1h.yaml data.path=btcusdt-1h.parquet training.epochs=5

    Example: regimen train --model sac --config examples/btc-1h.yaml data.path=btcusdt-1h.parquet

    Example: regimen train prices/ --model cnn market.costs=us-equity

    Example: regimen train examples/btc-1h.yaml data.path=btcusdt-1h.parquet seeds=4 --compute processes:2

    Example: regimen train --model my_model.py:MyModel data.path=btcusdt-1h.parquet model.settings.width=32
    """
    from regimen.cli.screen.progress import working

    if model is None and (values := planned_values(config, file, overrides or [])) is not None and not dry_run:
        plan_and_show(values, runs, as_json, opens, compute)
        return
    with working("config"):
        resolved = resolved_config(model, config, [*([] if file is None else [file]), *(overrides or [])])
    if not dry_run:
        train_and_show(resolved, runs, as_json, opens, compute)
    elif as_json:
        print(json.dumps(resolved.as_dict(), indent=1))
    else:
        say(resolved.to_yaml().rstrip("\n"))


def planned_values(path: Path | None, file: str | None, words: list[str]) -> dict[str, Any] | None:
    """The values of a config file with a section ``plan``, overrides applied; None where there is no such section."""
    from regimen.readers.formats import is_data
    from regimen.records import PLAN, read_yaml
    from regimen.settings import apply_overrides

    if path is None and (file is None or is_data(file) or not Path(file).is_file()):
        return None
    values = read_yaml(path or Path(str(file)))
    if PLAN not in values:
        return None
    return apply_overrides(values, [*([file] if path is not None and file is not None else []), *words])


def plan_and_show(values: dict[str, Any] | Path, runs: Path, as_json: bool, opens: bool, compute: str) -> None:
    """Starts the plan of a config file, or goes on with the one in a folder; prints its attempts and the verdict."""
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.cli.screen.verdict import print_judgement
        from regimen.records import judgement_now
        from regimen.runs.plan import resume_plan, start_plan
        from regimen.work import Compute

        with Compute.parse(compute).mapper() as mapper:
            if isinstance(values, Path):
                planned = resume_plan(values, advance, mapper)
            else:
                planned = start_plan(values, runs, advance, mapper)
    if not as_json:
        for each in planned.attempts:
            gates = with_blanks("; ".join(each.reasons) or "no gate")
            say(f"{each.name}, attempt {each.attempt + 1} ({each.run}): {gates}; {each.after}")
    run = planned.result
    page = run.path / "report.html"
    print_judgement(judgement_now(run), as_json=as_json, run=run.path, report=page, opens=opens)


def resolved_config(model: str | None, path: Path | None, words: list[str]) -> RunConfig:
    """The config that the command line means; the first word is a file, of a config or of bars, or an override."""
    from regimen.errors import ConfigError
    from regimen.readers.formats import is_data
    from regimen.records import choose_model, load_config

    if words and ("=" not in words[0] or Path(words[0]).exists()):
        word, words = words[0], words[1:]
        require_one_source(words)
        if is_data(word):
            model, words = _of_data(word, model, path, words)
        elif path is not None:
            raise ConfigError("config", f"must be given once; --config already names {str(path)!r}", word)
        else:
            path = Path(word)
    if model is None and path is None:
        raise ConfigError("config", "is required: a YAML file, or a file of bars such as btc-1h.csv")
    if model is None:
        assert path is not None
        return load_config(path, words)
    chosen = choose_model(model, path, words)
    if chosen.left_out:
        sections = ", ".join(chosen.left_out)
        say(f"{path}: left out what {chosen.config.model.kind} does not read: {sections}", error=True)
    return chosen.config


def _of_data(file: str, model: str | None, path: Path | None, words: list[str]) -> tuple[str | None, list[str]]:
    """Returns the model and the overrides of a run of a file of bars, where it stands in the place of the config.

    An override may name the model too; where nothing does and there is no config, it is `DEFAULT_MODEL`.

    Raises:
        ConfigError: the overrides name other data.
    """
    from regimen.errors import ConfigError

    keys = {word: word.partition("=")[0].strip() for word in words}
    other = next((word for word, key in keys.items() if key in ("data", "data.path", "data.sample")), None)
    if other is not None:
        raise ConfigError("data", f"must be given once; the command line already names {file!r}", other)
    words = [f"data.path={json.dumps(file)}", *words]
    if model is not None or path is not None:
        return model, words
    named = [word for word, key in keys.items() if key == "model.kind"]
    if named:
        return named[-1].partition("=")[2], [word for word in words if word not in named]
    say(f"Model: {DEFAULT_MODEL}, {_WHY}; --model NAME chooses another", error=True)
    return DEFAULT_MODEL, words


def train_and_show(config: RunConfig, runs: Path, as_json: bool, opens: bool, compute: str = WHERE) -> None:
    """Starts a run and prints its verdict; opens its report where that was asked for."""
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.cli.screen.verdict import print_judgement
        from regimen.records import TrialLedger
        from regimen.runs import start
        from regimen.work import Compute

        where = Compute.parse(compute)
        lost = TrialLedger(runs / "trials.sqlite").lost()
        if lost:
            say(lost, error=True)
        with where.mapper() as mapper:
            directory, judgement = start(config, runs, advance, mapper)
    print_judgement(judgement, as_json=as_json, run=directory.path, report=directory.path / "report.html", opens=opens)


def resume(
    run: Run,
    runs: Runs = RUNS,
    compute: Where = WHERE,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Continue a run that was stopped; it ends with the same bytes as one that never was.

    Example: regimen resume latest
    """
    from regimen.cli.screen.progress import progress_bar

    folder = next((each for each in (Path(run), runs / run) if (each / "plan.json").exists()), None)
    if folder is not None and not (folder / "manifest.json").exists():
        plan_and_show(folder, runs, as_json, opens, compute)
        return
    with progress_bar() as advance:
        from regimen.cli.screen.verdict import print_judgement
        from regimen.records import find_run
        from regimen.runs import resume_run
        from regimen.work import Compute

        where = Compute.parse(compute)
        directory = find_run(run, runs)
        with where.mapper() as mapper:
            judgement = resume_run(directory, advance, mapper)
    print_judgement(judgement, as_json=as_json, run=directory.path, report=directory.path / "report.html", opens=opens)
