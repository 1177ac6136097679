"""The end of every command that judges: what its words mean, and the command that a careful person types next."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from tests.cli.conftest import called

from regimen.cli.app import app
from regimen.cli.screen.verdict import MEANINGS, following
from regimen.judging import CONFIDENCE, Level

OWN, BACKTEST = Path("runs/abcdefgh"), Path("runs/abcdefgh/backtests/eth-xyz")


def judged(level: str, **others: Any) -> dict[str, Any]:
    return {"verdict": {"level": level}, **others}


def test_every_level_has_a_meaning_of_one_line() -> None:
    assert set(MEANINGS) == {*get_args(Level), "weak evidence"}  # of earlier versions, whose runs are still shown
    assert all(len(f"Means:   {meaning}") <= 80 for meaning in MEANINGS.values())


@pytest.mark.parametrize(
    ("level", "run", "command"),
    [
        ("evidence", OWN, "leaks runs/abcdefgh/config.yaml"),
        ("weak evidence", OWN, "leaks runs/abcdefgh/config.yaml"),
        ("suspicious", BACKTEST, "leaks runs/abcdefgh/backtests/eth-xyz/config.yaml"),
        ("no evidence", OWN, "costs abcdefgh"),
        ("worse than doing nothing", OWN, "costs abcdefgh"),
        ("no evidence", BACKTEST, "backtest abcdefgh --bars FILE"),
        ("not tradable", OWN, "costs abcdefgh"),
        ("does nothing", OWN, "signal abcdefgh"),
        ("too short", OWN, "train runs/abcdefgh/config.yaml data.path=FILE"),
        ("too short", BACKTEST, "backtest abcdefgh --bars FILE"),
        ("no evidence", Path("my runs/abcdefgh"), "costs 'my runs/abcdefgh'"),
        ("no evidence", Path("old/abcdefgh/backtests/eth-xyz"), "backtest old/abcdefgh --bars FILE"),
    ],
)
def test_what_follows_is_a_command_of_ours_and_fits_the_verdict(level: str, run: Path, command: str) -> None:
    line = following(judged(level), run)
    assert line.startswith(f"regimen {command}   (")
    assert command.split()[0] in [each.name for each in app.registered_commands]


def test_what_paid_nothing_is_asked_to_pay_and_no_ladder_of_nothing_is_offered() -> None:
    line = following(judged("no evidence", charged={"zero_costs": True}), OWN)
    assert line == "regimen backtest abcdefgh market.costs=VENUE   (it paid nothing)"


def test_a_verdict_explains_its_columns_and_its_word(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("report", finished) == 0
    lines = capsys.readouterr().out.splitlines()
    explained = [line for line in lines if line.startswith(("PSR:", "DSR:", "Trials:", "Means:"))]
    assert [line.split(":")[0] for line in explained] == ["PSR", "DSR", "Trials", "Means"]
    assert f"{CONFIDENCE:.2f}" in explained[1]
    assert max(map(len, explained)) <= 80
    assert lines[-1].startswith("Next:    regimen ")


def test_after_a_look_into_a_vault_it_is_the_run_that_is_named() -> None:
    for look in ("vault", "vault-2"):
        line = following(judged("does nothing"), Path("runs/abcdefgh") / look)
        assert line.startswith("regimen signal abcdefgh ")
