"""Intervals and a gate in a run, around any model: fitted in each window, loaded again, told in the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen.policies import targets
from regimen.records import RunConfig, read_json
from regimen.runs import backtest_run, find_run_leaks, reproduce_run, start
from regimen.runs.prepare import prepare
from regimen.runs.window import load_policy

from .conftest import silent

RULE = ("model={kind: momentum, lookback: 24}", "training={}", "exposure={}")
WRAPPED = ("intervals={scores: 100, size_by: width, abstain: 0.9}", "novelty={level: 0.1}", "tracking=none")


def test_a_run_without_wrappers_is_written_and_known_as_before(configured: Callable[..., RunConfig]) -> None:
    plain = configured()
    assert not {"intervals", "novelty"} & plain.as_dict().keys()
    assert configured("intervals=null").hash == plain.hash
    assert len({plain.hash, configured("intervals={}").hash, configured("novelty={}").hash}) == 3


@pytest.mark.parametrize("model", [RULE, ("training.epochs=1",)], ids=["rule", "classifier"])
def test_what_stands_around_a_policy_is_fitted_kept_and_told(
    configured: Callable[..., RunConfig], tmp_path: Path, model: tuple[str, ...]
) -> None:
    config = configured(*model, *WRAPPED)
    directory, judgement = start(config, tmp_path / "runs", silent)
    prepared = prepare(config)
    step = config.intervals.step(4) if config.intervals else None
    assert step is not None
    intervals = step.scan(prepared.history.tape, step.initial_state(1))
    kept, flat, shares = [], [], []
    for window in prepared.windows:
        test, folder = slice(window.test.start, window.test.stop), directory.window(window.number)
        policy = load_policy(folder, config, prepared.features.hash)
        np.testing.assert_array_equal(
            targets(policy, prepared.history, test.start, test.stop), np.load(folder / "exposures.npy")
        )
        bare = policy.below.below  # type: ignore[attr-defined]
        inside = targets(bare, prepared.history, test.start, test.stop)
        kept.append(np.load(folder / "exposures.npy") / np.where(inside == 0.0, np.nan, inside))
        flat.append(~policy.gate.passes(prepared.frame.values[test]))  # type: ignore[attr-defined]
        shares.append(policy.below.fitted.shares(intervals.widths[test]))  # type: ignore[attr-defined]
    share, closed, of_width = (np.concatenate(each) for each in (kept, flat, shares))
    known = ~np.isnan(share)
    np.testing.assert_allclose(share[known], np.where(closed, 0.0, of_width)[known], rtol=1e-12)

    # The report tells what can be counted by hand.
    told = {exhibit["key"]: exhibit for exhibit in read_json(directory.path / "exhibits.json")["exhibits"]}
    begin, end = prepared.span
    misses = intervals.misses[begin:end]
    assert dict(told["intervals"]["rows"])["Coverage"] == f"{100 * (1 - np.nanmean(misses)):.2f}\u202f%"
    assert dict(told["intervals"]["rows"])["Bars that were left flat"] == f"{100 * (of_width == 0).mean():.1f}\u202f%"
    assert dict(told["novelty"]["rows"])["Bars left flat"] == f"{100 * closed.mean():.2f}\u202f%"
    assert 0.0 < closed.mean() < 0.5
    page = (directory.path / "report.html").read_text()
    assert page.count('id="h-intervals"') == page.count('id="h-novelty"') == 1

    _, same = backtest_run(directory, None, [], silent)
    assert same["rows"][0]["total_return"] == judgement["rows"][0]["total_return"]
    if model == RULE:
        assert reproduce_run(directory, silent).differing == ()


def test_the_leak_search_finds_them_clean(configured: Callable[..., RunConfig]) -> None:
    assert find_run_leaks(configured(*RULE, *WRAPPED), silent).leaks == ()
