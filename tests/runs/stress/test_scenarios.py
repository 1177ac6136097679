"""Crises that did not happen: the prices fall as the template says, the run's own models decide, features are new."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.runs.conftest import YAML, silent, simulated

from regimen.augment.crises import TEMPLATES
from regimen.records import RunDirectory, load_config
from regimen.runs import start
from regimen.runs.prepare import Prepared, prepare
from regimen.runs.stress import scenarios as room
from regimen.runs.stress.scenarios import imagined_crises


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, RunDirectory]:
    """A finished run, nearly without costs, on a random walk."""
    folder = tmp_path_factory.mktemp("scenarios")
    simulated().to_parquet(folder / "coin.parquet")
    (folder / "small.yaml").write_text(YAML.format(path=folder / "coin.parquet"))
    cheap = "market={costs: {commission_bps: 0.1, half_spread_bps: 0, borrow_annual: 0}}"
    config = load_config(folder / "small.yaml", (cheap, "training.epochs=1", "tracking=none"))
    return prepare(config), start(config, folder / "runs", silent)[0]


def test_whoever_holds_falls_with_the_prices(
    made: tuple[Prepared, RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, directory = made
    spans: list[tuple[int, int]] = []

    def all_in(_policy: Any, history: Any, first: int, last: int) -> np.ndarray:
        spans.append((first, last))
        changed = history.features[: first + 1][np.isfinite(history.features[: first + 1]).all(axis=2)]
        assert len(changed)
        return np.ones((last - first, 1))

    monkeypatch.setattr(room, "targets", all_in)
    every = {each.name: each for each in imagined_crises(prepared, directory, 1, lambda _: None)}
    assert set(every) == set(TEMPLATES)
    for name, each in every.items():
        template = TEMPLATES[name]
        assert each.bars == template.bars(3_600_000_000_000)
        assert each.worst == each.earned == pytest.approx(each.market, abs=0.02)
        if not template.rebound:
            assert each.market == pytest.approx(-template.drawdown, abs=0.02)
        if each.bars > 100:
            assert each.drawdown == pytest.approx(template.drawdown, abs=0.1)
    begins = {window.test.start for window in prepared.windows}
    assert all(first in begins for first, _ in spans)


def test_the_models_of_the_run_decide(made: tuple[Prepared, RunDirectory]) -> None:
    prepared, directory = made
    steps: list[str] = []
    every = imagined_crises(prepared, directory, 2, steps.append)
    assert steps == [f"scenarios · {name}" for name in TEMPLATES]
    assert every == imagined_crises(prepared, directory, 2, steps.append)
    assert all(each.worst <= each.earned for each in every)
    assert all(each.draws == 2 for each in every)
    assert imagined_crises(prepared, directory, 0, steps.append) == ()
