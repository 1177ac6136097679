"""`regimen` gives the name of everything that a user needs, and imports none of it before it is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

import regimen as rg
from regimen.settings import members
from regimen.simulators import SimulatorConfig


def configs(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A config and all that its fields may hold, at any depth."""
    yield model
    for field in model.model_fields.values():
        for member in members(field.annotation):
            yield from configs(member)


EVERY = {each.__name__: each for root in (rg.RunConfig, *members(SimulatorConfig)) for each in configs(root)}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_the_config_of_everything_that_a_run_may_hold_has_its_name_here(name: str) -> None:
    assert name in rg.__all__
    assert getattr(rg, name) is EVERY[name]


def test_dir_is_a_table_of_contents() -> None:
    names = dir(rg)
    assert names == sorted(names)
    assert {"train", "backtest", "judge", "prove", "leaks", "resume", "Run", "Bars", "PPOConfig", "features"} <= {
        *names
    }
    assert [name for name in names if name.startswith("_")] == ["__version__"]
    assert all(getattr(rg, name) is not None for name in names)


def test_rooms_are_modules_and_functions_stay_functions() -> None:
    assert rg.features.standard()[0].group == "momentum"
    assert callable(rg.leaks)
    assert callable(rg.judge)


def test_the_import_is_quick_because_it_imports_no_library() -> None:
    heavy = ["numpy", "torch", "pandas", "pyarrow", "numba", "pydantic", "matplotlib", "rich"]
    line = f"import sys, regimen; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout == "[]\n"
