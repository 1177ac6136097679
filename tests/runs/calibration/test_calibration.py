"""The judge is calibrated through the whole path, goes on where it was stopped, and is caught where it is wrong."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from regimen.errors import ConfigError, RunError
from regimen.judging import Trials
from regimen.records import TrialLedger
from regimen.runs.calibration import KINDS, CalibrationTask, JudgedBest, Share, calibrate, examine
from regimen.runs.calibration.examined import Examined
from regimen.runs.calibration.kinds import NULLS, PLANTED
from regimen.runs.calibration.rates import rates
from regimen.runs.calibration.table import markdown, missed, tables


def test_on_martingales_evidence_is_rare_and_a_planted_edge_is_found(tmp_path: Path) -> None:
    # the small version of `regimen calibrate`, whose table stands in the docs
    calibration = calibrate(tmp_path, ["martingale", "planted-1.5-5y"], markets=16, best_of=[1, 12])
    assert calibration.holds
    null, searched, planted, among = calibration.rates
    assert (null.kind, null.best_of, null.markets) == ("martingale", 1, 16)
    assert searched.evidence.value == 0.0
    assert searched.profit > 0.8  # the best of twelve made money nearly everywhere: the naive verdict is wrong
    assert planted.evidence.value >= 0.7
    assert 0.0 <= among.evidence.value <= planted.evidence.value
    assert not missed(calibration.rates)


def test_a_judge_that_does_not_count_trials_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrialLedger, "trials", lambda *_: Trials(1))
    fooled = tuple(examine(CalibrationTask("martingale", number, 0, (60,))) for number in range(12))
    (rate,) = rates(fooled)
    assert rate.evidence.value > 0.2
    assert not rate.within
    assert missed([rate])[0].startswith("martingale, best of 60: evidence in ")


def test_a_market_is_judged_by_the_trials_of_its_ledger() -> None:
    market = examine(CalibrationTask("garch", 3, 0, (1, 4, 9)))
    assert [(each.best_of, each.trials) for each in market.judged] == [(1, 1), (4, 4), (9, 9)]
    sharpes = [each.sharpe for each in market.judged]
    assert sharpes == sorted(sharpes, key=lambda value: value or -math.inf)  # the best of more is no worse
    assert market == examine(CalibrationTask("garch", 3, 0, (1, 4, 9)))


def test_what_was_stopped_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    settings = {"kinds": ["martingale", "panel"], "best_of": [2]}
    whole = calibrate(tmp_path / "a", markets=3, **settings).file  # type: ignore[arg-type]

    def stop(done: int, *_: object) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(tmp_path / "b", markets=3, progress=stop, **settings)  # type: ignore[arg-type]
    half = tmp_path / "b" / whole.name
    with half.open("ab") as file:
        file.write(b'{"kind": "panel", "num')  # killed in the middle of a line
    assert calibrate(tmp_path / "b", markets=3, **settings).file.read_bytes() == whole.read_bytes()  # type: ignore[arg-type]
    done: list[int] = []
    calibrate(tmp_path / "b", markets=3, progress=lambda count, *_: done.append(count), **settings)  # type: ignore[arg-type]
    assert done == [6]


def test_bad_input_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="kinds: must be one of martingale, garch"):
        calibrate(tmp_path, ["lottery"])
    with pytest.raises(ConfigError, match="markets: must be at least 1; got 0"):
        calibrate(tmp_path, markets=0)
    with pytest.raises(ConfigError, match="best_of: must be numbers of trials from 1 to 2000"):
        calibrate(tmp_path, best_of=[0, 1])
    file = calibrate(tmp_path, ["martingale"], markets=1, best_of=[1]).file
    file.write_text("{}\n")
    with pytest.raises(RunError, match="damaged line 1"):
        calibrate(tmp_path, ["martingale"], markets=1, best_of=[1])


def outcome(level: str, best_of: int = 1) -> JudgedBest:
    return JudgedBest(best_of, best_of, 0, level, 0.5, 0.96, 0.5, 0.5)


def test_rates_are_shares_with_wilsons_interval() -> None:
    levels = ["evidence"] * 5 + ["no evidence"] * 80 + ["worse than doing nothing"] * 14 + ["suspicious"]
    markets = tuple(Examined("martingale", number, (outcome(level),)) for number, level in enumerate(levels))
    (rate,) = rates(markets)
    assert (rate.worse, rate.psr, rate.profit) == (0.14, 1.0, 1.0)
    assert rate.refused == pytest.approx(0.01)
    # Wilson (1927): 5 of 100 is [2.15, 11.18] %
    assert rate.evidence == Share.of(5, 100)
    assert (rate.evidence.low, rate.evidence.high) == (pytest.approx(0.0215, abs=1e-4), pytest.approx(0.1118, abs=1e-4))
    assert rate.within
    assert math.isnan(rate.theory)
    assert "| martingale | 1 | 100 | 5.0 % | [2.2, 11.2] | 14 % | 100 % | 100 % |" in markdown([rate])


def test_both_tables_fit_a_terminal() -> None:
    names = [(name, tuple(outcome("evidence", best_of) for best_of in (1, 10, 100))) for name in KINDS]
    markets = tuple(Examined(name, number, judged) for name, judged in names for number in range(2))
    parts = list(tables(rates(markets)))
    assert [len(lines) for _, lines in parts] == [3 * len(NULLS), 3 * len(PLANTED)]
    for headings, lines in parts:
        widths = [max(len(cell) for cell in column) for column in zip(headings, *lines, strict=True)]
        assert sum(widths) + 2 * len(widths) <= 78
