"""`FeaturesConfig`: the features of a run, as a config file names them."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from regimen.errors import ConfigError
from regimen.own import load_object

if TYPE_CHECKING:
    from regimen.features.feature import Feature
    from regimen.features.feature_set import FeatureSet
    from regimen.features.functions.frame_function import FrameFunction


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

    calendar: tuple[Annotated[int, Field(ge=0, le=100_000)], ...] = Field(
        default=(),
        exclude_if=lambda calendar: not calendar,  # written, and hashed, as before there was any
        description="hour of the day and of the week of the bars so many ahead, as the last columns; 0: the bar's own",
    )

    _began: Path | None = PrivateAttr(None)

    @field_validator("calendar")
    @classmethod
    def _each_once(cls, calendar: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(calendar)) != len(calendar):
            raise ValueError(f"must name each number of bars once; got {list(calendar)}")
        return calendar

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
        if not self.calendar:
            return features
        from regimen.features.ahead.calendar import calendar

        return features.with_features(calendar(self.calendar))

    def _located(self, place: str) -> str:
        there = self._began / place.rpartition(":")[0] if self._began else None
        return f"{there}:{place.rpartition(':')[2]}" if there is not None and there.is_file() else place


def load_features(place: str) -> tuple[Feature | FrameFunction, ...]:
    """Returns the features at ``package.module:NAME`` or ``path/to/file.py:NAME``.

    NAME is a `Feature`, a function of a frame, or a list or tuple of these.

    Raises:
        ConfigError: the module, the file or the name does not exist, or is something else.
    """
    from regimen.features.feature import Feature
    from regimen.features.functions.frame_function import FrameFunction

    value = load_object(place, "features.features")
    features = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not features or not all(isinstance(each, Feature | FrameFunction | FunctionType) for each in features):
        raise ConfigError("features.features", "must name a Feature, a function of a frame, or a tuple of them", place)
    functions = (FrameFunction(each) if isinstance(each, FunctionType) else each for each in features)
    return tuple(each.at(place) if isinstance(each, FrameFunction) else each for each in functions)
