"""`VectorMarketConfig`: what an environment is, apart from its bars and features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from regimen.bars import Bars
from regimen.envs.kinds import (
    CONTINUOUS,
    FLOOR,
    LEVELS,
    REWARDS,
    VERBS,
    ActionConfig,
    ContinuousConfig,
    DifferentialSharpeConfig,
    LevelsConfig,
    LogWealthConfig,
    MeanVarianceConfig,
    RewardConfig,
    VerbsConfig,
)
from regimen.envs.layout import Plan
from regimen.execution import Market, MarketConfig
from regimen.observation import ObservationSchema
from regimen.settings import FORMER_NAMES, one_line

if TYPE_CHECKING:
    from regimen.envs.vector_market import VectorMarket


class VectorMarketConfig(BaseModel):
    """What an environment is, apart from its bars and features.

    Raises:
        ConfigError: a value out of its range, or an unknown reward or kind of action.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, alias_generator=FORMER_NAMES, validate_by_name=True
    )

    n_envs: int = Field(default=4096, ge=1, description="lanes: accounts that trade independently")
    episode_length: int | None = Field(default=None, ge=1, description="steps of an episode; null: to the last bar")
    random_start: bool = Field(default=True, description="start at a random bar with an observation; else the first")
    start: int = Field(default=0, ge=0, description="episodes stay within the bars [start, stop)")
    stop: int | None = Field(default=None, ge=1, description="see start; null: all bars")
    context: int = Field(default=1, ge=1, description="feature rows in an observation, oldest first")
    show_account: bool = Field(default=True, description="position, cash and drawdown are in the observation")
    account_span: int | None = Field(
        default=None, ge=1, description="bars after which the observed drawdown begins anew; null: never in an episode"
    )
    precision: Literal["float32", "float64"] = Field(default="float32", description="of observations")
    actions: ActionConfig = Field(default_factory=ContinuousConfig, description="continuous, levels or verbs")
    sizing: Literal["share", "weight"] = Field(
        default="share",
        description="share: an exposure is divided by the number of symbols with a bar; weight: it is the target",
    )
    reward: RewardConfig = Field(default_factory=LogWealthConfig, description="the reward of a step")
    market: MarketConfig = Field(default_factory=MarketConfig, description="costs and rules of trading")
    seed: int = Field(default=0, ge=0, description="seed of the random starts, until reset is given another")
    autoreset: bool = Field(default=True, description="a lane whose episode ends starts the next in the same step")
    threads: int | None = Field(default=None, ge=1, description="most processors to use; null: all")

    if not TYPE_CHECKING:  # type checkers keep the signature that the fields make

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise one_line(error, type(self), values, "envs.") from None

    @field_validator("actions", "reward", mode="before")
    @classmethod
    def _name_is_a_kind(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("market", mode="before")
    @classmethod
    def _market_is_its_config(cls, value: object) -> object:
        return value.config if isinstance(value, Market) else value

    @model_validator(mode="after")
    def _span_is_not_empty(self) -> Self:
        if self.stop is not None and self.stop <= self.start:
            raise ValueError(f"stop must be above start; got {self.stop} and {self.start}")
        return self

    def build(self, bars: Bars, features: object = None) -> VectorMarket:
        """Returns the environment of this config on bars; see `VectorMarket`."""
        from regimen.envs.vector_market import VectorMarket

        return VectorMarket(bars, features, self)

    def observation(self, names: tuple[str, ...]) -> ObservationSchema:
        """Returns what a lane shows of a symbol whose feature columns have these names."""
        return ObservationSchema(
            inputs=len(names),
            account=self.show_account,
            target=self.actions.shows_target,
            gain=isinstance(self.actions, VerbsConfig),
            context=self.context,
            precision=self.precision,
            names=names,
        )

    def plan(self, last: int) -> Plan:
        """Returns the numbers that a lane reads, for episodes that reach bar ``last`` at most."""
        actions, reward = self.actions, self.reward
        plan = Plan(
            cash=self.market.initial_cash,
            latency=self.market.latency_bars,
            steps=self.episode_length or 0,
            last=last,
            window=self.context,
            autoreset=int(self.autoreset),
            share=int(self.sizing == "share"),
            account=int(self.show_account),
            account_span=self.account_span or 0,
            target=int(actions.shows_target),
            gain=int(isinstance(actions, VerbsConfig)),
            action=_KINDS[type(actions)],
            dead_band=0.0,
            smoothing=0.0,
            small=0.0,
            medium=0.0,
            large=0.0,
            partial=0.0,
            add=0.0,
            reward=REWARDS[type(reward)],
            parameter=0.0,
            variance_floor=0.0,
            wealth_floor=FLOOR * self.market.initial_cash,
            scale=reward.scale,
            drawdown_penalty=reward.drawdown_penalty,
            turnover_penalty=reward.turnover_penalty,
        )
        if isinstance(actions, ContinuousConfig):
            plan = plan._replace(dead_band=actions.dead_band, smoothing=actions.smoothing)
        if isinstance(actions, VerbsConfig):
            small, medium, large, partial, add = actions.sizes
            plan = plan._replace(small=small, medium=medium, large=large, partial=partial, add=add)
        if isinstance(reward, MeanVarianceConfig):
            plan = plan._replace(parameter=reward.risk_aversion)
        if isinstance(reward, DifferentialSharpeConfig):
            plan = plan._replace(parameter=reward.rate, variance_floor=reward.variance_floor)
        return plan


_KINDS = {ContinuousConfig: CONTINUOUS, LevelsConfig: LEVELS, VerbsConfig: VERBS}
