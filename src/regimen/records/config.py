"""One run, written down: the config that a YAML file and dotted overrides resolve to."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from regimen.agents import agent_configs
from regimen.augment import AugmentConfig, PathsConfig, SamplesConfig, misfit
from regimen.bars import Bars, DataConfig
from regimen.envs import ActionConfig, LevelsConfig, LogWealthConfig, RewardConfig, WrapperConfig
from regimen.errors import ConfigError, RegimenError
from regimen.execution import MarketConfig
from regimen.features import FeaturesConfig
from regimen.labels import FixedHorizonConfig, LabelsConfig, OwnLabelsConfig
from regimen.learning import AgentSettings
from regimen.policies import (
    CalibrationConfig,
    ConformalConfig,
    ExposureConfig,
    ExposureRuleConfig,
    FractionalKellyConfig,
    NoTradeConfig,
    NoveltyConfig,
    RuleSettings,
    TemperatureConfig,
)
from regimen.predictors import BaselineConfig, OnlineSettings, PredictorSettings
from regimen.preprocess import PreprocessConfig
from regimen.records.models import ModelConfig
from regimen.reprs import short
from regimen.safeguards import SafeguardsConfig
from regimen.settings import FORMER_NAMES, ModelSettings, apply_overrides, members, placed, validated
from regimen.splits import SplitsConfig, WalkForwardConfig
from regimen.tracking import TensorBoardConfig, TrackingConfig
from regimen.training import TrainingConfig, check_pairs
from regimen.yamltext import LONGEST, MalformedError, UnboundedError, parse_yaml


class ControlsConfig(BaseModel):
    """When a result is made again where there is nothing to find, and how much that may cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: Literal["auto", "always", "never"] = Field(
        "auto", description="auto: where a result looks good (evidence, or too good); always, or never"
    )
    windows: int = Field(
        4, ge=1, description="windows that a control is fitted in at most; each decides up to the next"
    )


class JudgeConfig(BaseModel):
    """How hard the judge looks; the rule behind each verdict is fixed and documented, not configured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_draws: int = Field(2000, ge=100, description="resampled series behind each 95 % interval")
    random_controls: int | None = Field(
        None, ge=20, description="turnover-matched random policies; null: 300, fewer on very long series"
    )
    controls: ControlsConfig = Field(
        ControlsConfig(),
        exclude_if=lambda controls: controls == ControlsConfig(),  # a config is written as before there were any
        description="control experiments: auto, always, never, or {when, windows}",
    )

    @field_validator("controls", mode="before")
    @classmethod
    def _name_is_a_time(cls, value: object) -> object:
        return {"when": value} if isinstance(value, str) else value


class ScalerConfig(BaseModel):
    """How features are scaled before a network sees them: by mean and deviation of the training slice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip: float | None = Field(5.0, gt=0.0, description="scaled values are cut at plus and minus this; null: never")


class EnvironmentConfig(BaseModel):
    """How an agent learns from a window's training slice: as thousands of episodes of it, at the run's costs.

    A panel's symbols are lanes of their own, each with an account of its own, and one agent learns from all.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, alias_generator=FORMER_NAMES, validate_by_name=True
    )

    steps: int = Field(1_000_000, ge=1, description="environment steps to learn from in each window, over all lanes")
    n_envs: int = Field(256, ge=1, description="lanes; a panel's symbols share them, at least one each")
    episode_length: int = Field(512, ge=2, description="bars of an episode, which starts at a random bar")
    context: int = Field(1, ge=1, description="feature rows in an observation, oldest first")
    show_account: bool = Field(True, description="position, cash and drawdown are in the observation")
    actions: ActionConfig = Field(LevelsConfig(), description="levels, continuous or verbs")
    reward: RewardConfig = Field(LogWealthConfig(scale=100.0), description="the reward of a step")
    wrappers: tuple[WrapperConfig, ...] = Field(
        (),
        description="what stands around the lanes that an agent learns in, the last outside; [{kind: shaped, ...}]",
        exclude_if=lambda wrappers: (
            not wrappers
        ),  # a config without one is written, and known, as before there were any
    )
    evaluations: int = Field(
        10, ge=0, description="how often a window's validation slice is traded; the best Sharpe is kept; 0: the last"
    )

    @field_validator("actions", "reward", mode="before")
    @classmethod
    def _name_is_a_kind(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value


SEARCH = "search"
"""The section of a config file that says what a search tries; no run reads it."""
PLAN = "plan"
"""The section of a config file that says in which phases a policy is trained; no single run reads it."""
_OPTIONAL = (
    *("labels.weights", "preprocess", "augment", "scaler"),
    *("environment", "training", "calibration", "exposure"),
)
"""Sections, and fields of them, that some models read and others do not."""


def unread_by(model: ModelSettings | type[ModelSettings]) -> tuple[str, ...]:
    """Returns what such a model does not read: sections, and ``section.field`` of one that it reads in part."""
    reads = model.reads if isinstance(model, type) else model.sections()
    unread: list[str] = []
    for section in _OPTIONAL:
        if "." in section:
            unread += [] if section in reads else [section]
            continue
        fields = [name.partition(".")[2] for name in reads if name.partition(".")[0] == section]
        if not fields:
            unread.append(section)
        elif "" not in fields:
            every = type(RunConfig.model_fields[section].default).model_fields
            unread += [f"{section}.{name}" for name in every if name not in fields]
    return tuple(unread)


def without(values: dict[str, Any], name: str) -> object:
    """Takes a section, or a ``section.field``, out of plain values; returns it, or None where it is not there."""
    section, dot, field = name.partition(".")
    inside = values.get(section)
    if dot:
        return inside.pop(field, None) if isinstance(inside, dict) else None
    return values.pop(section, None)


class RunConfig(BaseModel):
    """Everything that a training run depends on, besides the data file itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("run", description="what lists of runs call it", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    seed: int = Field(0, ge=0, lt=2**63, description="every random number of the run derives from it")
    seeds: int = Field(
        1, ge=1, le=1000, description="number of seeds; the first is judged, the others show how much is luck"
    )
    data: DataConfig = Field(description="the bars: file, columns, clock, repairs; or Bars that are in memory")
    features: FeaturesConfig = Field(FeaturesConfig(), description="the columns the policy sees")
    labels: LabelsConfig = Field(FixedHorizonConfig(), description="what a classifier learns")
    splits: SplitsConfig = Field(WalkForwardConfig(), description="the walk-forward windows")
    preprocess: tuple[PreprocessConfig, ...] = Field(
        (),
        exclude_if=lambda steps: not steps,  # a config without one is written, and hashed, as before there were any
        description="steps that the features pass through, in this order, before the scaler or the agent",
    )
    augment: tuple[AugmentConfig, ...] = Field(
        (),
        exclude_if=lambda paths: not paths,
        description="more bars to learn from besides the real ones of the training slice",
    )
    scaler: ScalerConfig = Field(ScalerConfig(), description="how features are scaled")
    model: ModelConfig = Field(BaselineConfig(), description="the predictor, the agent, or the rule")
    environment: EnvironmentConfig = Field(EnvironmentConfig(), description="how an agent learns")
    training: TrainingConfig = Field(TrainingConfig(), description="the training loop")
    calibration: CalibrationConfig | None = Field(
        TemperatureConfig(), description="how probabilities are calibrated before the exposure; none: they are not"
    )
    exposure: ExposureRuleConfig = Field(ExposureConfig(), description="how probabilities become an exposure")
    intervals: ConformalConfig | None = Field(
        None,
        exclude_if=lambda section: section is None,
        description="how far the price may go: less, or nothing, is traded where that is far",
    )
    novelty: NoveltyConfig | None = Field(
        None, exclude_if=lambda section: section is None, description="flat where features are unlike those of training"
    )
    band: NoTradeConfig | None = Field(
        None,
        exclude_if=lambda section: section is None,
        description="what is held stays while it is near enough to what the policy aims at",
    )
    market: MarketConfig = Field(MarketConfig(), description="how orders become money")
    safeguards: SafeguardsConfig | None = Field(
        None,
        exclude_if=lambda section: section is None,  # a config without them is written, and hashed, as before
        description="limits that the account trades behind; none: without; default: all of them as they come",
    )
    judge: JudgeConfig = Field(JudgeConfig(), description="how the result is judged")
    tracking: TrackingConfig = Field(
        (TensorBoardConfig(),), description="tensorboard, mlflow, wandb, a list of them, or none"
    )

    @model_validator(mode="before")
    @classmethod
    def _default_kinds(cls, values: object) -> object:
        """A section without ``kind`` is of the default kind, so that ``labels.horizon=9`` alone means something."""
        if isinstance(values, Mapping):
            values = placed(values)
            defaults = {
                "labels": "fixed_horizon",
                "splits": "walk_forward",
                "model": "baseline",
                "calibration": "temperature",
                "exposure": "lean",
                "band": "no_trade",
            }
            sections = {
                name: {"kind": kind, **values[name]}
                for name, kind in defaults.items()
                if isinstance(values.get(name), Mapping)
            }
            return {**values, **sections}
        return values

    @field_validator("data", mode="before")
    @classmethod
    def _bars_are_data(cls, data: object) -> object:
        return DataConfig.of_bars(data) if isinstance(data, Bars) else data

    @field_validator("features", "labels", "splits", "model", "exposure", mode="before")
    @classmethod
    def _name_has_a_section(cls, value: object, info: ValidationInfo) -> object:
        """A name, or the place of what a user brings, stands within a section: the line says how it is written."""
        if not isinstance(value, str) or info.field_name is None:
            return value
        configs = members(cls.model_fields[info.field_name].annotation)
        kinds = [kind for config in configs for kind in get_args(config.model_fields["kind"].annotation)]
        near = difflib.get_close_matches(value.lower().replace("-", "_"), kinds, n=1)
        if ":" in value:
            brought = {"model": f"--model {value}", "features": f"{{kind: custom, features: [{value}]}}"}
            hint = brought.get(info.field_name, f"{{kind: own, source: {value}}}" if "own" in kinds else "")
        else:
            hint = f"{{kind: {near[0]}}}" if near else ""
        raise ValueError("must be a mapping of keys to values" + (f" (did you mean {hint}?)" if hint else ""))

    @field_validator("calibration", "intervals", "novelty", "band", mode="before")
    @classmethod
    def _name_is_a_kind(cls, value: object) -> object:
        return None if value == "none" else {"kind": value} if isinstance(value, str) else value

    @field_validator("safeguards", mode="before")
    @classmethod
    def _limits_by_name(cls, value: object) -> object:
        return {"none": None, "default": {}}.get(value, value) if isinstance(value, str) else value

    @field_validator("model")
    @classmethod
    def _model_is_a_member(cls, model: ModelSettings) -> ModelSettings:
        """A subclass would be trained under the hash of its parent, and read back as its parent."""
        if type(model) not in members(ModelConfig):
            parent = next(member for member in members(ModelConfig) if isinstance(model, member))
            raise ValueError(f"must be a {parent.__name__} itself, not a subclass; got {type(model).__name__}")
        return model

    @model_validator(mode="after")
    def _kelly_has_probabilities(self) -> Self:
        sized = "exposure" in self.model.reads and not isinstance(self.model, RuleSettings)
        if isinstance(self.exposure, FractionalKellyConfig) and not getattr(self.model, "say_probabilities", sized):
            rule = f"must be lean with a model of kind {self.model.kind}, which says no probabilities of the classes"
            raise ValueError(f"exposure.kind {rule}; got kelly")
        return self

    @model_validator(mode="after")
    def _kelly_has_calibrated_ones(self) -> Self:
        if isinstance(self.exposure, FractionalKellyConfig) and self.calibration is None:
            rule = "must be lean with calibration none: Kelly bets on probabilities as they are"
            raise ValueError(f"exposure.kind {rule}; got kelly")
        return self

    @model_validator(mode="after")
    def _every_section_is_read(self) -> Self:
        for name in unread_by(self.model):
            section, _, field = name.partition(".")
            own, default = getattr(self, section), type(self).model_fields[section].default
            if own is None:  # nothing is not read by anybody
                continue
            if (getattr(own, field) != getattr(default, field)) if field else (own != default):
                raise ValueError(f"{name} is not read by a model of kind {self.model.kind}: leave it out")
        return self

    @model_validator(mode="after")
    def _features_are_what_the_model_reads(self) -> Self:
        for model in getattr(self.model, "parts", {"": self.model}).values():
            if isinstance(model, PredictorSettings):
                model.require_features(self.features)
        return self

    @model_validator(mode="after")
    def _nets_begin_from_weights(self) -> Self:
        if getattr(self.splits, "warm_start", False) and not isinstance(self.model, PredictorSettings):
            rule = f"must be false with a model of kind {self.model.kind}: only a net goes on from weights"
            raise ValueError(f"splits.warm_start {rule}; got true")
        return self

    @model_validator(mode="after")
    def _learning_on_goes_with_time(self) -> Self:
        if isinstance(self.model, OnlineSettings) and not isinstance(self.splits, WalkForwardConfig):
            rule = f"must be walk_forward with a model of kind {self.model.kind}, which learns one bar after the other"
            raise ValueError(f"splits.kind {rule}; got {self.splits.kind}")
        if isinstance(self.model, OnlineSettings) and isinstance(self.labels, OwnLabelsConfig):
            rule = "must be fixed_horizon or triple_barrier with a model that learns on: a function sees all bars"
            raise ValueError(f"labels.kind {rule}; got own")
        return self

    @model_validator(mode="after")
    def _folds_without_paths(self) -> Self:
        paths = any(isinstance(each, PathsConfig) for each in self.augment)
        if paths and self.calibration is not None and self.calibration.fit_on == "out_of_fold":
            rule = (
                "calibration.fit_on must be validation beside augment, whose paths are drawn from all bars of a slice"
            )
            raise ValueError(rule)
        return self

    @model_validator(mode="after")
    def _made_rows_fit_the_model(self) -> Self:
        parts = getattr(self.model, "parts", {"": self.model})
        for number, config in enumerate(self.augment):
            for model in parts.values():
                if not isinstance(config, SamplesConfig) or "augment" not in model.sections():
                    continue
                context = None if isinstance(model, AgentSettings) else getattr(model, "context", 1)
                if rule := misfit(config, context):
                    raise ValueError(f"augment.{number}.kind {rule} ({model.kind}); got {config.kind}")
        return self

    @model_validator(mode="after")
    def _windows_are_shifted_where_there_are_some(self) -> Self:
        kinds = [recipe.kind for recipe in self.training.recipes]
        single = isinstance(self.model, PredictorSettings) and getattr(self.model, "context", 1) == 1
        if single and "block_shift" in kinds:
            rule = "must not be block_shift with a model that sees single rows: it shifts windows of them"
            raise ValueError(f"training.recipes.{kinds.index('block_shift')}.kind {rule}; got a {self.model.kind}")
        return self

    @model_validator(mode="after")
    def _recipes_act_together(self) -> Self:
        check_pairs(self.training)
        return self

    def __repr__(self) -> str:
        return short(self, f"{self.name!r}, model={self.model!r}, data={self.data!r}, hash={self.hash!r}")

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds that are trained; the first one's policy is judged."""
        return tuple(range(self.seed, self.seed + self.seeds))

    def as_dict(self) -> dict[str, Any]:
        """The resolved config as plain values, ready for YAML and JSON."""
        values: dict[str, Any] = self.model_dump(mode="json")
        return values

    def to_yaml(self) -> str:
        """The resolved config as YAML; `load_config` reads it back to an equal config."""
        text: str = yaml.safe_dump(self.as_dict(), sort_keys=False, allow_unicode=True)
        return text

    @property
    def hash(self) -> str:
        """Identifies the trial: SHA-256 (first 16 hex digits) of what can change its numbers.

        The run's name, the seeds, the sections that its model does not read and the places of files are left out: the
        trial ledger keys by them separately (the data by its content's fingerprint). How hard the judge looks
        and who watches change no trial. A field counts by its former name and at its former place: what it is called
        changes no trial either.
        """
        values: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        for key in ("name", "seed", "seeds", "judge", "tracking", *unread_by(self.model)):
            without(values, key)  # a section that is empty is not written
        if "labels.weights" in self.model.reads:
            weights = without(values, "labels.weights")
            values["training"] = values.get("training", {}) | ({} if weights is None else {"weights": weights})
        if self.calibration is None:  # as before there was any
            values.pop("calibration", None)
        data = values["data"]
        del data["path"]
        for file in data["extras"].values():
            del file["path"]
        for key in ("chosen_by", "venue"):  # the rates decide, and not who chose them
            del values["market"]["costs"][key]
        data["adjust"] = data["adjust"] and Path(data["adjust"]).name
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML mapping; raises `ConfigError` when it is missing, malformed, no mapping, or grows without end."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
    except OSError as error:
        raise ConfigError("config", f"cannot be read ({error.strerror or error})", str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError("config", "must be a UTF-8 text file", str(path)) from None
    except ValueError:
        raise ConfigError("config", "must be a usable path", str(path)) from None
    try:
        values = parse_yaml(text)
    except MalformedError as error:
        raise ConfigError("config", f"must be valid YAML{error}", str(path)) from None
    except UnboundedError as error:
        raise ConfigError("config", str(error), str(path)) from None
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError("config", f"{str(path)!r} must hold a mapping of keys to values", type(values).__name__)
    return values


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Loads a YAML file, applies overrides and validates. Relative data paths count from the working folder."""
    return resolve(apply_overrides(read_yaml(path), overrides))


def resolve(values: Mapping[str, Any]) -> RunConfig:
    """Validates the values of a config file; every mistake is named as it is written there.

    The section ``search`` is left out: `regimen tune` alone reads it, and its file can be trained like any other; and
    ``plan``, which says how `regimen train` goes about it.

    Raises:
        ConfigError: the first mistake, on one line.
    """
    if "policy" in values:  # as other frameworks call it
        rule = "is not a known key: what decides is the model, here --model with its name, or FILE.py:NAME of your own"
        raise ConfigError("policy", rule, values["policy"])
    try:
        return validated(RunConfig, placed({key: part for key, part in values.items() if key not in (SEARCH, PLAN)}))
    except ConfigError as error:
        raise as_written(error) from None


def as_written(error: RegimenError) -> RegimenError:
    """Returns a mistake in the words of a config file: agents name their room, where the file says ``model``."""
    room, kinds = r"^agents(?=\.|:|$)", "|".join(config.model_fields["kind"].default for config in agent_configs())
    return error.named(re.sub(rf"{room}(\.({kinds})(?=\.|:|$))?", "model", error.field))
