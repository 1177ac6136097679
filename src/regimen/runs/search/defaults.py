"""The small space that a model has where the user gives none: read from its typed config, with its bounds."""

from __future__ import annotations

from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from regimen.errors import ConfigError
from regimen.records import RunConfig, unread_by
from regimen.runs.search.settings import Parameter

SCALED = {
    "training": ("learning_rate", "weight_decay"),
    "model": (
        *("learning_rate", "num_leaves", "max_leaf_nodes", "max_depth", "min_child_samples", "min_child_weight"),
        *("min_samples_leaf", "colsample_bytree", "reg_lambda", "alpha", "lookback"),
    ),
}
"""Fields that a default space holds where the model has them: from a quarter to four times what they are."""
FACTOR = 4
_DROPOUT = 0.5


def default_space(config: RunConfig) -> dict[str, Parameter]:
    """Returns the space of a config whose file gives none.

    Each of `SCALED` that the model has and reads goes from a quarter of its value to four times it, in equal ratios and
    inside the bounds of its typed config; ``model.dropout`` goes from 0 to a half.

    Raises:
        ConfigError: a model that has none of them.
    """
    space = {}
    unread = unread_by(config.model)
    for section, names in SCALED.items():
        owner: BaseModel = getattr(config, section)
        for name in names:
            key = f"{section}.{name}"
            info, value = type(owner).model_fields.get(name), getattr(owner, name, None)
            if info is None or section in unread or key in unread or not _is_positive(value):
                continue
            parameter = _around(value, info)
            if parameter is not None:
                space[key] = parameter
    if isinstance(getattr(config.model, "dropout", None), float):
        space["model.dropout"] = Parameter(low=0.0, high=_DROPOUT)
    if not space:
        rule = f"must be given for a model of kind {config.model.kind}, which has no default space"
        raise ConfigError("search.space", rule)
    return space


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _around(value: Any, info: FieldInfo) -> Parameter | None:
    """From a quarter to four times a value, inside a field's bounds; None where nothing is left of that."""
    whole = isinstance(value, int)
    low, high = (max(1, value // FACTOR), FACTOR * value) if whole else (value / FACTOR, float(FACTOR * value))
    for bound in info.metadata:
        if isinstance(bound, Ge | Gt):
            least: Any = bound.ge if isinstance(bound, Ge) else bound.gt
            low = max(low, least) if isinstance(bound, Ge) or least < low else (value + least) / 2
        if isinstance(bound, Le | Lt):
            most: Any = bound.le if isinstance(bound, Le) else bound.lt
            high = min(high, most) if isinstance(bound, Le) or high < most else (value + most) / 2
    return Parameter(low=low, high=high, log=True) if 0 < low < high else None
