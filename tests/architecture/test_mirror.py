"""A file of tests stands where its code does and has its name; what holds across files is listed here."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ACROSS: dict[str, set[str]] = {
    "agents": {"recurrent_hidden_regime"},
    "augment": set(),
    "bars": set(),
    "envs": {"env_bad_input", "replay"},
    "execution": {"ended_symbols", "laws_of_money", "market_input", "orders_and_margin", "step_elsewhere"},
    "journal": {"crashes", "disk"},
    "labels": set(),
    "learning": {"full_path", "training_sees_no_test_bar"},
    "live": {"learning_on"},
    "metrics": set(),
    "policies": {"policy"},
    "preprocess": set(),
    "records": set(),
    "replay": set(),
    "reporting": set(),
    "safeguards": {"machine"},
    "splits": set(),
    "training": {"learning", "machinery", "seams", "sinusoid"},
    "work": set(),
}
"""By room, the files of tests that are about several files of it: laws, bad input, whole paths."""


@pytest.mark.parametrize("room", ACROSS)
def test_a_file_of_tests_is_named_after_its_code(room: str) -> None:
    code = {path.stem for path in (ROOT / "src" / "regimen" / room).rglob("*") if path.suffix in ("", ".py")}
    named = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / room).rglob("test_*.py")}
    assert named - code == ACROSS[room]
