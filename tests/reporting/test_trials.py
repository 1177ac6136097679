"""The section on trials: every step from N to the DSR, and who was counted."""

from __future__ import annotations

from typing import Any

from tests.judgements import row, stored

from regimen.judging import Judgement
from regimen.reporting.report import ReportDocument
from regimen.reporting.report.trials import grown, trial_section, trial_sharpes


def document(**changes: Any) -> ReportDocument:
    base = stored(rows=[row("policy", "Policy", sharpe=1.2, dsr=0.81)])
    base["random"] |= {"p_value": 0.01, "p_trials": 0.0297}
    base["timing"] = {
        "average_exposure": 0.0,
        "sharpe": 0.9,
        "sharpe_per_bar": 0.05,
        "skew": 0.0,
        "kurtosis": 3.0,
        "bars": 501,
    }
    base["trials"] = {
        "count": 3,
        "effective": None,
        "sharpe_variance": 0.5,
        "timing_variance": 0.0001,
        "sharpe_variance_used": 0.002,
        "expected_max_sharpe": 0.6,
    }
    judgement = Judgement.from_dict(base)
    lines = [
        {"kind": "fit", "run": "a", "source": "one", "sharpe": None},
        {"kind": "evaluation", "run": "a", "source": "one", "sharpe": 1.2},
        {"kind": "evaluation", "run": "a/bars-1", "source": "one", "sharpe": -3.0, "stress": 1},
        {"kind": "evaluation", "run": "b", "source": "two", "sharpe": 0.1},
    ]
    values = {"trials": lines, "trials_now": 3, "series": [{"source": "one", "share": 1.0}], "judgement": judgement}
    return ReportDocument(title="t", run="a", created="2026-01-01", **{**values, **changes})


def test_every_step_from_n_to_the_dsr_has_its_number_and_its_sentence() -> None:
    steps = {name: (value, sentence) for name, value, sentence in trial_section(document())["steps"]}
    assert {name: value for name, (value, _) in steps.items()} == {
        "N, trials counted": "3",
        "Lines of the ledger": "4",
        "Series counted as one": "1",
        "Sharpe ratio of the timing": "0.90",
        "V[SR], recorded": "0.000100",
        "Floor, 1 / (T − 1)": "0.00200",
        "V[SR], used": "0.00200",
        "Expected maximum": "0.60",
        "DSR": "0.81",
        "p of the best of N": "0.030",
    }
    assert all(sentence.endswith(".") for _, sentence in steps.values())
    assert steps["Lines of the ledger"][1] == (
        "1 fit and 3 evaluations by 2 runs, recorded on this market until now. "
        "Stress tests (the same decisions, dearer costs) are 1 of them and do not count."
    )


def test_joined_series_are_listed_with_the_share_of_their_days() -> None:
    assert trial_section(document())["series"] == []
    joined = [{"source": "one", "share": 1.0}, {"source": "two", "share": 0.93}]
    assert trial_section(document(series=joined))["series"] == [
        {"source": "one", "share": "100\u202f%", "runs": "1", "lines": "3"},
        {"source": "two", "share": "93\u202f%", "runs": "1", "lines": "1"},
    ]


def test_a_stress_test_is_listed_and_is_no_sharpe_ratio_of_a_trial() -> None:
    assert trial_sharpes(document()) == [1.2, 0.1]
    assert [row["sharpe"] for row in trial_section(document())["rows"]] == ["0.10", "−3.00 (stress)", "1.20"]


def test_a_verdict_of_fewer_trials_says_so() -> None:
    assert grown(3, 3) == grown(3, None) == ""
    assert grown(3, 66).startswith("Judged by 3 trials, while 66 are recorded now")
    assert "stale" not in grown(3, 66, 0.9, None, "unknown")
    assert "Its DSR of 0.96 is stale: by all of them it is 0.31, and the verdict is no evidence." in grown(
        3, 66, 0.96, 0.31, "no evidence"
    )
