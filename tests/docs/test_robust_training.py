"""The configs of the page on robust training are configs, and its table names fields that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from regimen.augment import AugmentConfig
from regimen.records import RunConfig
from regimen.settings import members
from regimen.training import RecipeConfig, TrainingConfig

PAGE = (Path(__file__).parents[2] / "docs" / "robust-training.md").read_text(encoding="utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
ROWS = re.findall(r"^\| `(\w+)\.(.+?) \| (.+?) \|.*\|$", PAGE, re.MULTILINE)
KEYS = {
    "curriculum": 6,
    "maml": 6,
    "causal_augmentation": 4,
    "multi_task": 3,
    "adversarial": 5,
    "reward_shaping": 4,
    "rare_events": 4,
}
"""How many keys each part of such a block has."""


@pytest.mark.parametrize("values", BLOCKS)
def test_the_configs_are_configs(values: dict[str, Any]) -> None:
    config = RunConfig.model_validate({"data": {"path": "btcusdt-1h.parquet"}, **values})
    written = config.model_dump(mode="json")
    for number, recipe in enumerate(values["training"]["recipes"]):
        assert recipe.items() <= written["training"]["recipes"][number].items() or "difficulty" in recipe


def test_every_key_has_its_row() -> None:
    counted = {part: sum(len(re.findall(r"\w+(?=`)", row[1])) for row in ROWS if row[0] == part) for part in KEYS}
    assert counted == KEYS


def test_every_field_of_the_table_is_there() -> None:
    recipes: dict[str, type[BaseModel]] = {
        member.model_fields["kind"].default: member
        for union in (RecipeConfig, AugmentConfig)
        for member in members(union)
    }
    named = 0
    for _, _, cell in ROWS:
        for owner, name in re.findall(r"`(\w+)\.(\w+)`", cell):
            fields = {"training": TrainingConfig, "model": None, **recipes}[owner]
            named += 1
            assert fields is None or name in fields.model_fields, (owner, name)
    assert named > 20
