"""When a run is trained again, and by what it is judged."""

from __future__ import annotations

import hashlib
import json
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from regimen.errors import ConfigError
from regimen.monitoring import ChangesConfig
from regimen.settings import validated
from regimen.spans import span

_EVERY = "every:"


class RetrainSettings(BaseModel):
    """What `retrain_run` is asked for; another answer to any of it is another record."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    when: str = Field("drift", description="drift: when a change is proved; every:30d: by the calendar.")
    level: float = Field(0.05, gt=0.0, lt=1.0, description="Chance of promoting a challenger that is no better.")
    by: Literal["auto", "loss", "growth"] = Field(
        "auto", description="What is compared: log loss of rows, growth of accounts; auto: loss where there is one."
    )
    shadows: int = Field(2, ge=1, le=10, description="Challengers that run beside the champion at once, the newest.")
    changes: ChangesConfig = Field(ChangesConfig(), description="The detectors of drift.")

    @field_validator("when")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value != "drift" and not value.startswith(_EVERY):
            raise ConfigError("--when", "must be drift, or every: and a span such as every:30d", value)
        if value.startswith(_EVERY):
            span(value.removeprefix(_EVERY), "--when")
        return value

    @classmethod
    def parsed(cls, **values: object) -> Self:
        """Returns the settings of these values; raises `ConfigError` for the first that breaks its rule."""
        return validated(cls, values, "--")

    @property
    def every(self) -> int | None:
        """Nanoseconds between two retrainings of the calendar; None: they wait for drift."""
        return span(self.when.removeprefix(_EVERY), "--when") if self.when.startswith(_EVERY) else None

    @property
    def name(self) -> str:
        """What a record with these settings is called: ``drift-3fa9c1``."""
        digest = hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
        return f"{self.when.replace(':', '-').replace('.', '_').replace(' ', '')}-{digest[:6]}"
