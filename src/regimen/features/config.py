"""`FeaturesConfig`: the features of a run, as a config file names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from regimen.errors import ConfigError
from regimen.features.functions.places import load_features
from regimen.features.known.columns import each_once

if TYPE_CHECKING:
    from regimen.features.feature_set import FeatureSet


class FeaturesConfig(BaseModel):
    """Which features a run computes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["standard", "indicators", "custom"] = Field(
        default="standard",
        description="standard (60 stationary columns in six groups), indicators (27 classic ones), or custom "
        "(only your own)",
    )
    groups: tuple[str, ...] = Field(default=(), description="keep the columns of these groups only")
    columns: tuple[str, ...] = Field(
        default=(), description="keep these columns only (with groups: these as well), in this order"
    )
    features: tuple[str, ...] = Field(
        default=(),
        description="your own features: 'package.module:NAME' or 'path/to/file.py:NAME', one or several",
    )

    calendar: Annotated[tuple[Annotated[int, Field(ge=0, le=100_000)], ...], AfterValidator(each_once)] = Field(
        default=(),
        exclude_if=lambda calendar: not calendar,  # written, and hashed, as before there was any
        description="hour of the day and of the week of the bars so many ahead, as the last columns; 0: the bar's own",
    )
    symbol: int = Field(
        default=0,
        ge=0,
        le=64,
        exclude_if=lambda symbol: symbol == 0,
        description="signs that tell the symbols of a panel apart, as columns behind the calendar; 8: 256 symbols",
    )

    _began: Path | None = PrivateAttr(None)

    def began_in(self, folder: Path) -> Self:
        """Returns the same features, whose relative files are looked for in another folder first."""
        features = self.model_copy()
        features._began = folder
        return features

    def build(self) -> FeatureSet:
        """Returns the feature set.

        Raises:
            ConfigError: an unknown group or column, a feature that cannot be found, two columns of one name.
        """
        from regimen.features.feature_set import FeatureSet

        own = [feature for place in self.features for feature in load_features(self._located(place))]
        if self.kind == "custom":
            if not own:
                raise ConfigError("features.features", "must name at least one feature when features.kind is custom")
            features = FeatureSet(own)
        else:
            features = FeatureSet.standard() if self.kind == "standard" else FeatureSet.indicators()
            features = features.with_features(own)
        features = features.select(self.columns, self.groups)
        if not self.calendar and not self.symbol:
            return features
        from regimen.features.known.calendar import calendar
        from regimen.features.known.symbol import symbol_features

        return features.with_features((*calendar(self.calendar), *symbol_features(self.symbol)))

    def _located(self, place: str) -> str:
        there = self._began / place.rpartition(":")[0] if self._began else None
        return f"{there}:{place.rpartition(':')[2]}" if there is not None and there.is_file() else place
