"""Rules, agents, labels and windows of one's own in a run: judged, reproduced, and held to their code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.policies import FunctionConfig
from regimen.records import RunConfig, choose_model, read_json
from regimen.runs import backtest_run, find_run_leaks, reproduce_run, resume_run, start
from regimen.runs.prepare import prepare

from .conftest import silent

Configured = Callable[..., RunConfig]
BINS = Path(__file__).parents[1] / "agents" / "own_bins.py"
CODE = """
import numpy as np


def decide(observation, cut=50.0):
    return np.clip((observation["rsi_14"] - cut) / 10.0 + 0.2 * observation["target"], -1.0, 1.0)


def ahead(bars, horizon=4):
    y, t_end = np.full(bars.shape, -1), np.full(bars.shape, -1)
    y[:-horizon] = 1 + np.sign(np.round(np.nan_to_num(bars.close[horizon:] / bars.close[:-horizon] - 1.0), 2))
    t_end[:-horizon] = np.arange(horizon, len(bars))[:, None]
    return y, t_end


def further(bars):
    y, t_end = ahead(bars, 8)
    return y, np.where(t_end < 0, -1, t_end - 4)


def halves(bars, labels, first=600):
    yield range(0, first), range(first, 750)
    yield range(150, 750), range(750, len(bars))
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The file of one's own."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "mine.py").write_text(CODE)
    shutil.copy(BINS, folder / "own_bins.py")
    return folder / "mine.py"


@pytest.fixture
def ruled(configured: Configured, code: Path) -> Configured:
    """The small run with a rule of one's own in it."""
    rule = f"model={{kind: function, source: '{code}:decide'}}"
    return lambda *more: configured(rule, "training={}", "exposure={}", "splits={train: 500, test: 250}", *more)


@pytest.fixture
def acting(configured: Configured, code: Path) -> Configured:
    """The small run with an agent of one's own in it."""
    agent = f"model={{kind: own_agent, source: '{code.with_name('own_bins.py')}:Bins', settings: {{bins: 5}}}}"
    steps = "environment={steps: 2048, n_envs: 16, episode_length: 40, evaluations: 2}"
    return lambda *more: configured(agent, "training={}", "exposure={}", "splits={train: 500, test: 250}", steps, *more)


def test_a_rule_is_judged_reproduced_and_traded_again(ruled: Configured, tmp_path: Path) -> None:
    config = ruled("model.settings.cut=48.0")
    directory, judgement = start(config, tmp_path / "runs", silent)
    assert directory.manifest()["model"] == "decide"
    assert [path.name for path in (directory.path / "sources").iterdir()] == ["mine.py"]
    held = np.load(directory.window(0) / "exposures.npy")
    assert len(np.unique(held)) > 50
    assert reproduce_run(directory, silent).differing == ()
    _, again = backtest_run(directory, None, [], silent)
    assert again["rows"][0]["total_return"] == judgement["rows"][0]["total_return"]


def test_what_a_rule_does_not_read_is_refused(ruled: Configured) -> None:
    assert ruled().hash != ruled("exposure.max_exposure=2.0").hash
    for override in ("exposure.scale=2.0", "exposure.dead_band=0.1", "training.epochs=3", "environment.steps=5"):
        with pytest.raises(ConfigError, match=r"is not read by a model of kind function: leave it out"):
            ruled(override)


def test_a_rule_is_chosen_by_its_place(config_file: Path, code: Path) -> None:
    chosen = choose_model(f"{code}:decide", config_file, ["model.settings.cut=40.0"])
    assert isinstance(chosen.config.model, FunctionConfig)
    assert chosen.config.name == "small-decide"
    assert chosen.config.model.settings == {"cut": 40.0}
    assert set(chosen.left_out) == {"training", "exposure.dead_band"}
    assert choose_model(f"{code.with_name('own_bins.py')}:Bins", config_file).config.model.kind == "own_agent"


def test_an_agent_learns_is_kept_and_reproduced_from_elsewhere(
    acting: Configured, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(code.parent)
    config = acting("model.source=own_bins.py:Bins")
    assert config.hash == acting().hash
    directory, judgement = start(config, tmp_path / "runs", silent)
    assert (directory.window(0) / "model" / "paid.npy").exists()
    assert len(read_json(directory.window(0) / "history.json")["evaluations"]["steps"]) == 2
    monkeypatch.chdir(tmp_path)
    assert reproduce_run(directory, silent).differing == ()
    _, again = backtest_run(directory, None, [], silent)
    assert again["rows"][0]["total_return"] == judgement["rows"][0]["total_return"]
    assert acting("model.settings.bins=6").hash != config.hash


def test_code_that_changed_between_kill_and_resume_is_refused(acting: Configured, code: Path, tmp_path: Path) -> None:
    def killed(done: int, _total: int, _message: str) -> None:
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(acting(), tmp_path / "runs", killed)
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    own = code.with_name("own_bins.py")
    before = own.read_text()
    own.write_text(before + "\n# a second thought\n")
    from regimen.records import RunDirectory

    with pytest.raises(ConfigError, match=r"^model\.source: must be the code that the run was begun with"):
        resume_run(RunDirectory(folder), silent)
    own.write_text(before)
    judgement = resume_run(RunDirectory(folder), silent)
    whole, same = start(acting(), tmp_path / "whole", silent)
    assert judgement["rows"][0]["total_return"] == same["rows"][0]["total_return"]
    assert (whole.window(0) / "model" / "paid.npy").read_bytes() == (
        RunDirectory(folder).window(0) / "model" / "paid.npy"
    ).read_bytes()


def test_labels_and_windows_of_ones_own(configured: Configured, code: Path, tmp_path: Path) -> None:
    own = (
        f"labels={{kind: own, source: '{code}:ahead', settings: {{horizon: 5}}}}",
        f"splits={{kind: own, source: '{code}:halves'}}",
        "training={epochs: 2, batch_size: 64}",
    )
    config = configured(*own)
    prepared = prepare(config)
    assert [(each.train.start, each.test.start, each.test.stop) for each in prepared.windows] == [
        (0, 600, 750),
        (150, 750, 900),
    ]
    assert prepared.labels.horizon == 5
    for window in prepared.windows:
        assert prepared.labels.t_end[window.train.mask].max() < window.validation.start
        assert prepared.labels.t_end[window.validation.mask].max() < window.test.start
    directory, _ = start(config, tmp_path / "runs", silent)
    assert [path.name for path in (directory.path / "sources").iterdir()] == ["mine.py"]
    assert reproduce_run(directory, silent).differing == ()
    assert config.hash != configured(*own, "labels.settings.horizon=6").hash
    assert config.hash != configured(*own, "splits.settings.first=500").hash


def test_the_leak_search_names_labels_that_look_further_than_they_say(configured: Configured, code: Path) -> None:
    config = configured("training={epochs: 1, batch_size: 64}", "splits={train: 500, test: 250}")
    honest = config.model_copy(update={"labels": _labels(code, "ahead")})
    liar = config.model_copy(update={"labels": _labels(code, "further")})
    assert find_run_leaks(honest, silent).leaks == ()
    assert "label" in {row.kind for row in find_run_leaks(liar, silent).leaks}


def _labels(code: Path, name: str) -> object:
    from regimen.labels import OwnLabelsConfig

    return OwnLabelsConfig(source=f"{code}:{name}")


MISTAKES = [
    ("labels={{kind: own, source: '{}:nothing'}}", r"^labels\.source: must name something that .*mine\.py defines"),
    (
        "labels={{kind: own, source: '{}:ahead', settings: {{far: 3}}}}",
        r"^labels\.settings\.far: is not a setting of ahead",
    ),
    ("splits={{kind: own, source: '{}:nothing'}}", r"^splits\.source: must name something that .*mine\.py defines"),
    ("splits={{kind: own, source: '{}:halves', settings: {{frist: 3}}}}", r"^splits\.settings\.frist: .* mean 'first'"),
    ("model={{kind: function, source: '{}:np'}}", r"^model\.source: must name a function of the observation"),
    (
        "model={{kind: own_agent, source: '{}:decide'}}",
        r"^model\.source: must name a class with the verbs learn, predict",
    ),
]


@pytest.mark.parametrize(("section", "line"), MISTAKES)
def test_code_of_no_use_is_refused_before_data_are_read(
    section: str, line: str, configured: Configured, code: Path, tmp_path: Path
) -> None:
    more = ("training={}", "exposure={}") if section.startswith("model") else ()
    config = configured(section.format(code), *more, f"data.path={tmp_path / 'nowhere.csv'}")
    with pytest.raises(ConfigError, match=line):
        start(config, tmp_path / "runs", silent)
    assert not (tmp_path / "runs").exists()
