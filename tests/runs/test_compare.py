"""Runs beside each other: what is measured, what is refused, what is written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen import metrics
from regimen.cli.app import main
from regimen.errors import RunError
from regimen.records import RunDirectory, TrialLedger, list_runs, read_json
from regimen.records.choice import choose_model
from regimen.records.compare import compare_runs, find_runs, write_comparison
from regimen.records.effort import EFFORT, Effort, count_parameters
from regimen.records.manifest import write_manifest
from regimen.reporting.comparison.comparison import Comparison, markdown, table
from regimen.runs import start
from regimen.runs import traded as traded_module

from .conftest import YAML, silent, simulated

MORE = """
seeds: 3
environment: {steps: 512, n_envs: 16, episode_length: 40, evaluations: 0}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of bars, one config for all models, and the runs of two of them."""
    folder = tmp_path_factory.mktemp("study")
    simulated().to_parquet(folder / "coin.parquet")
    (folder / "one.yaml").write_text(YAML.format(path=folder / "coin.parquet") + MORE)
    for model, fields in (("logistic", ()), ("ppo", ("model.hidden=[8]", "model.rollout_steps=8"))):
        start(choose_model(model, folder / "one.yaml", fields).config, folder / "runs", silent)
    return folder


Again = Callable[..., RunDirectory]


@pytest.fixture
def another(study: Path, tmp_path: Path) -> Again:
    """Makes one more quick run of the study's config, in a folder of its own."""

    def make(*overrides: str, model: str = "logistic") -> RunDirectory:
        fast = ("seeds=1", "training.epochs=1", *overrides)
        return start(choose_model(model, study / "one.yaml", fast).config, tmp_path / "runs", silent)[0]

    return make


def runs_of(study: Path) -> list[RunDirectory]:
    return [RunDirectory.open(study / "runs" / row["run"]) for row in list_runs(study / "runs")]


@pytest.fixture
def comparison(study: Path) -> Comparison:
    return compare_runs(runs_of(study))


def policy(run: RunDirectory) -> dict[str, float]:
    rows = read_json(run.path / "judgement.json")["rows"]
    found: dict[str, float] = next(row for row in rows if row["name"] == "policy")
    return found


def test_each_run_is_told_by_its_own_files(study: Path, comparison: Comparison) -> None:
    logistic, ppo = comparison.contenders
    assert [one.label for one in comparison.contenders] == ["logistic", "ppo"]
    for one, run in zip(comparison.contenders, runs_of(study), strict=True):
        seeds = read_json(run.path / "judgement.json")["seeds"]
        assert one.run == run.id
        assert dict(one.seeds) == {row["seed"]: row["sharpe"] for row in seeds["rows"]}
        assert one.iqm == pytest.approx(seeds["sharpe"]["iqm"])
        assert one.iqm_interval[0] <= one.iqm <= one.iqm_interval[1]
        assert (one.worst, one.best) == (seeds["sharpe"]["worst"], seeds["sharpe"]["best"])
        assert (one.sharpe, one.total_return) == (policy(run)["sharpe"], policy(run)["total_return"])
        assert one.equity[-1] == pytest.approx(1.0 + one.total_return)
        assert len(one.time) == len(one.equity) == 600
        assert 0.0 < one.seconds < 60.0
    assert logistic.parameters == logistic.trainable == 3 * 5 + 3
    columns = 5 + 3  # five features, and what the account shows
    assert ppo.parameters == 2 * (columns * 8 + 8) + (8 * 3 + 3) + (8 + 1)


def test_every_dsr_counts_all_trials_of_now(study: Path, comparison: Comparison) -> None:
    """By hand from the ledger: three seeds of each of two configs."""
    ledger = TrialLedger(study / "runs" / "trials.sqlite")
    sharpes = [float(str(row["timing"])) for row in ledger.rows() if row["kind"] == "evaluation"]
    assert comparison.trials == len(sharpes) == 6
    variance = float(np.var(sharpes, ddof=1)) / (365 * 24)
    for one, run in zip(comparison.contenders, runs_of(study), strict=True):
        row, timing = policy(run), read_json(run.path / "judgement.json")["timing"]
        used = max(variance, 1 / 599)
        expected = metrics.dsr(timing["sharpe_per_bar"], 600, timing["skew"], timing["kurtosis"], 6, used)
        assert one.dsr == pytest.approx(expected, rel=1e-12)
        assert one.dsr_then == row["dsr"]
    assert comparison.contenders[0].dsr < comparison.contenders[0].dsr_then  # it was judged by its own three


def test_improvement_is_over_buy_and_hold_and_over_the_first(comparison: Comparison) -> None:
    first, second = comparison.contenders
    held = comparison.reference.sharpe
    above = [np.mean([score > held for score in one.seeds.values()]) for one in comparison.contenders]
    assert [one.better_than_hold for one in comparison.contenders] == pytest.approx(above)
    pairs = [(a > b) + 0.5 * (a == b) for a in second.seeds.values() for b in first.seeds.values()]
    assert second.better_than_first == pytest.approx(np.mean(pairs))
    assert math.isnan(first.better_than_first)


def test_table_markdown_and_json_say_the_same(comparison: Comparison) -> None:
    rows = table(comparison)
    assert [row["model"] for row in rows] == ["logistic", "ppo", "Buy and hold"]
    lines = markdown(comparison).splitlines()
    assert [line.count("|") for line in lines if line.startswith("|")] == [len(rows[0]) + 1] * 5
    assert lines[0] == comparison.sentence
    found = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert found["trials"] == 6
    assert found["runs"][0]["better_than_first"] is None
    assert "equity" not in found["runs"][0]


def test_the_page_loads_nothing_and_links_to_the_reports(study: Path, tmp_path: Path, comparison: Comparison) -> None:
    page = tmp_path / "elsewhere" / "page.html"
    write_comparison(comparison, runs_of(study), page)
    text = page.read_text()
    assert not re.search(r'(src|href)="(https?:)?//', text)
    assert "default-src 'none'" in text
    assert "<script" not in text
    for target in re.findall(r'<a href="([^"#]+)"', text):
        assert (page.parent / target).is_file()
    assert text.count('class="dot m2"') >= 3
    assert comparison.sentence in text
    again = tmp_path / "elsewhere" / "again.html"
    write_comparison(comparison, runs_of(study), again)
    assert again.read_bytes() == page.read_bytes()


def test_the_command_writes_and_prints(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study)

    def called(*words: object) -> str:
        with pytest.raises(SystemExit) as stop:
            main(["runs", "compare", *map(str, words)])
        assert stop.value.code == 0
        return capsys.readouterr().out

    paths = sorted(str(path) for path in Path("runs").iterdir())
    assert len(paths) == 3  # the ledger is among them
    shown = called(*paths)
    assert "\\" not in shown  # no-break spaces of the page are blanks here, and not spelt out
    assert re.search(r"[+−]\d+\.\d%", shown)
    assert "buying and holding has" in " ".join(shown.split())
    assert "runs/compare.html" in shown
    assert (study / "runs" / "compare.html").is_file()
    assert called(*sorted(str(path) for path in Path("runs").iterdir())) == shown  # the page is passed over
    ids = [Path(path).name for path in paths if Path(path).is_dir()]
    out = tmp_path / "x.html"
    found = json.loads(called(*ids, "--json", "--out", out))
    assert (found["page"], out.is_file()) == (str(out), True)
    assert called(*ids, "--markdown", "--out", out).count("\n|") == 5
    assert "\\" not in called(*ids, "--markdown", "--out", out)
    (study / "runs" / "compare.html").unlink()


def test_runs_of_other_data_spans_or_costs_are_refused(study: Path, another: Again, tmp_path: Path) -> None:
    first = runs_of(study)[0]
    simulated(seed=7).to_parquet(tmp_path / "other.parquet")
    cases = {
        f"data.path={tmp_path / 'other.parquet'}": r"must have the data of \S+, fingerprint \w{12}; --force ",
        "splits.train=400": r"must have the test span of .*600 bars.*; got '2021-01-17.*500 bars'",
        "market.costs.commission_bps=9": r"must have the market.costs.commission_bps of \S+, \S+; .*got '9.0'",
    }
    for override, said in cases.items():
        run = another(override)
        with pytest.raises(RunError, match=said) as caught:
            compare_runs([first, run])
        assert "\n" not in str(caught.value)
        forced = compare_runs([first, run], force=True)
        assert len(forced.differences) == 1
        assert run.id in forced.differences[0]
        assert "**Not comparable:**" in markdown(forced)
        write_comparison(forced, [first, run], tmp_path / "page.html")
        assert "<strong>Not comparable.</strong>" in (tmp_path / "page.html").read_text()


def test_how_targets_become_orders_may_differ(study: Path, another: Again) -> None:
    run = another("market.rebalance=every_bar", "market.rebalance_band=0.1", "name=steady")
    both = compare_runs([runs_of(study)[0], run])
    assert [one.label for one in both.contenders] == ["logistic · small-logistic", "logistic · steady"]
    assert not both.differences
    assert both.trials == 7  # the trials of both folders


def test_one_seed_has_no_interval(another: Again) -> None:
    (one,) = compare_runs([another()]).contenders
    assert one.iqm == one.worst == one.best == one.sharpe
    assert all(math.isnan(end) for end in one.iqm_interval)


def test_what_is_no_run_or_unfinished_is_refused(study: Path, tmp_path: Path, another: Again) -> None:
    root = study / "runs"
    with pytest.raises(RunError, match=r"must be the folder of a run, the id of one in .*'nothing'"):
        find_runs(["nothing"], root)
    with pytest.raises(RunError, match=r"is no run: manifest\.json or config.yaml is missing"):
        find_runs([str(tmp_path)], root)
    for words in ([], [str(root / "trials.sqlite")]):
        with pytest.raises(RunError, match="runs compare: needs at least one run"):
            find_runs(words, root)
    run = another()
    assert len(find_runs([str(run.path), str(run.path.parent / "." / run.id)], root)) == 1
    write_manifest(run.path, {**run.manifest(), "status": "running"})
    with pytest.raises(RunError, match=r"must be finished, but was interrupted; `regimen resume .*` continues it"):
        compare_runs([run], force=True)


def test_a_run_from_before_fits_were_recorded_shows_dashes(another: Again) -> None:
    run = another()
    for path in run.path.rglob(EFFORT):
        path.unlink()
    write_manifest(run.path, {**run.manifest(), "files": None})
    comparison = compare_runs([run])
    assert (table(comparison)[0]["parameters"], table(comparison)[0]["s/fit"]) == ("–", "–")


def test_a_fit_that_was_resumed_is_left_out_of_the_median(another: Again, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traded_module, "_begun", lambda _: True)
    run = another()
    assert [found is not None and found.whole for found in (Effort.read(run.window(0)),)] == [False]
    Effort(1.5, True, 18, 18).write(run.window(1))
    run.record(run.window(1))
    assert compare_runs([run]).contenders[0].seconds == 1.5


def test_parameters_are_counted_once_and_copies_not() -> None:
    from torch import nn

    class Agent:
        def __init__(self) -> None:
            self.network = nn.Linear(3, 2)
            self.same = self.network
            self.targets = nn.Linear(3, 2)
            self.critics = nn.ModuleDict({"one": nn.Linear(2, 1), "one_target": nn.Linear(2, 1)})
            self.frozen = nn.Linear(5, 1).requires_grad_(False)

    assert count_parameters(Agent()) == (8 + 3 + 6, 8 + 3)
    assert count_parameters(object.__new__(Agent)) == (None, None)
    told = Agent()
    told.parameter_counts = (100, 7)  # type: ignore[attr-defined]
    assert count_parameters(told) == (100, 7)
