"""Many lives end well; the first that does not is named, with the seed and the days that live it again."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from regimen.cli.app import app
from regimen.errors import ConfigError
from regimen.live import Desk
from regimen.live.operations import simulate_operations


def test_no_invariant_breaks() -> None:
    seen: list[tuple[int, int]] = []
    operations = simulate_operations(30, 100, life=10, progress=lambda over, of: seen.append((over, of)))
    assert operations.seed is None
    assert (operations.days, operations.lives, seen[-1]) == (30, 3, (30, 30))
    assert operations.bars > 30 * 24 * 0.8
    assert repr(operations) == "Operations(30 days, no invariant broken)"


@pytest.mark.slow
def test_no_invariant_breaks_in_a_thousand_days() -> None:
    operations = simulate_operations(1000, 5000)
    assert operations.seed is None, operations
    kinds = {"killed", "two leaders", "damage refused", "other machine refused", "old", "other", "again"}
    assert kinds <= operations.happened.keys()


def test_the_first_broken_seed_is_lived_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: Desk, _: int) -> None:
        self._commit.resume()
        self._stopped = False

    monkeypatch.setattr(Desk, "_halt", careless)
    operations = simulate_operations(300, 7, life=10)
    assert operations.seed is not None
    assert operations.seed >= 7
    assert "must halt the account" in operations.broken
    again = simulate_operations(operations.length, operations.seed, life=operations.length)
    assert (again.seed, again.broken, again.events) == (operations.seed, operations.broken, operations.events)
    shown = CliRunner().invoke(app, ["simulate-operations", "--days", "300", "--seed", "7", "--life", "10"])
    assert shown.exit_code == 1
    assert f"Seed {operations.seed}: latch" in shown.output
    assert operations.events[-1] in shown.output
    assert re.search(rf"--seed {operations.seed} --days 10 --life 10", " ".join(shown.output.split()))


def test_the_command_counts_what_happened() -> None:
    shown = CliRunner().invoke(app, ["simulate-operations", "--days", "3", "--json"])
    assert shown.exit_code == 0
    document = json.loads(shown.stdout)
    assert (document["days"], document["seed"]) == (3, None)
    assert document["happened"]["taken"] > 50


@pytest.mark.parametrize(("days", "seed", "name"), [(2, 0, "days"), (10, -1, "seed")])
def test_impossible_operations_are_refused(days: int, seed: int, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        simulate_operations(days, seed)
