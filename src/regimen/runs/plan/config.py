"""`PlanConfig`: the section ``plan`` of a config file."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from regimen.errors import ConfigError
from regimen.records import PLAN, RunConfig, resolve, with_kind
from regimen.runs.plan.gates import Gate, require_passable
from regimen.settings import validated

Values = Mapping[str, Any]


class PhaseConfig(BaseModel):
    """One phase: what it changes, and what it must pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9]+$", description="what the timeline calls it")
    about: str = Field("", description="what it is for")
    changes: dict[str, JsonValue] = Field({}, description="sections of the config as this phase has them, merged")
    gates: tuple[Gate, ...] = Field((), description="all must be passed")


class PlanConfig(BaseModel):
    """Phases in order, what is tried where one fails, and what is fallen back to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(3, ge=1, le=20, description="of a phase: as it is, then other seeds and learning rates")
    rollbacks: int = Field(1, ge=0, description="phases that may be given up for the last gate's checkpoint")
    baseline: str = Field("logistic", description="supervised model that is fallen back to")
    phases: tuple[PhaseConfig, ...] = Field(min_length=1, description="in order")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [phase.name.lower() for phase in self.phases]
        if len(set(names)) < len(names):
            raise ValueError(f"phases must have names that differ; got {', '.join(names)}")
        return self


def plan_of(values: Values) -> PlanConfig:
    """Returns the plan of a config file, every phase of which can be trained and every gate passed.

    Raises:
        ConfigError: no plan; a phase whose config is not valid, of an unknown model for example; a gate that no policy
            can pass.
    """
    if not isinstance(values.get(PLAN), Mapping):
        raise ConfigError(PLAN, "must be a section of phases", values.get(PLAN))
    plan = validated(PlanConfig, dict(values[PLAN]), f"{PLAN}.")
    for number, phase in enumerate(plan.phases):
        at = f"{PLAN}.phases.{number}"
        try:
            config = config_of(values, plan, tuple(range(number)), number, 0)
        except ConfigError as error:
            if _holds(values, error.field) and not _holds(phase.changes, error.field):
                raise  # not the phase's fault
            key = {"config": "", "--model": ".model.kind"}.get(error.field, f".{error.field}")
            raise error.named(f"{at}.changes{key}") from None
        for place, gate in enumerate(phase.gates):
            require_passable(gate, config, f"{at}.gates.{place}")
    try:
        baseline_of(values, plan)
    except ConfigError as error:
        raise ConfigError(f"{PLAN}.baseline", error.rule, plan.baseline) from None
    return plan


def _holds(values: Any, field: str) -> bool:
    """Whether something stands at a dotted key."""
    for part in field.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def config_of(values: Values, plan: PlanConfig, kept: tuple[int, ...], phase: int, attempt: int) -> RunConfig:
    """Returns the config of an attempt: the file's, the changes of the phases kept, those of its own, and a remedy.

    A section with another ``kind`` replaces the one there was. The second attempt has another seed; the third another
    one and half the learning rate, and so on.

    Raises:
        ConfigError: it is not valid.
    """
    merged = _base(values)
    for number in (*kept, phase):
        merged = _merged(merged, plan.phases[number].changes)
    config = resolve(merged)
    if attempt == 0:
        return config
    halvings = attempt // 2
    changed: dict[str, Any] = {"seed": config.seed + 1000 * attempt}
    for section in ("model", "training"):
        part = getattr(config, section)
        rate = getattr(part, "learning_rate", None)
        if halvings and isinstance(rate, float):
            changed[section] = part.model_copy(update={"learning_rate": rate / 2**halvings})
            break
    return config.model_copy(update=changed)


def baseline_of(values: Values, plan: PlanConfig) -> RunConfig:
    """Returns the config of the supervised baseline on the same data.

    Raises:
        ConfigError: no model of that name.
    """
    return resolve(with_kind(_base(values), plan.baseline))


def _base(values: Values) -> dict[str, Any]:
    return deepcopy({key: part for key, part in values.items() if key != PLAN})


def _merged(values: dict[str, Any], changes: Values) -> dict[str, Any]:
    out = dict(values)
    kind = (changes.get("model") or {}).get("kind") if isinstance(changes.get("model"), Mapping) else None
    if kind is not None:
        out = with_kind(out, str(kind))
    for key, change in changes.items():
        out[key] = _laid_over(out.get(key), change)
    return out


def _laid_over(below: Any, change: Any) -> Any:
    if not isinstance(change, Mapping) or not isinstance(below, Mapping):
        return deepcopy(change)
    if "kind" in change and below.get("kind", change["kind"]) != change["kind"]:
        return deepcopy(dict(change))
    return {**below, **{key: _laid_over(below.get(key), part) for key, part in change.items()}}
