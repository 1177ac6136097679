"""Temporal fusion transformer: quantiles of several horizons and the direction, from a context and the calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from regimen.errors import ConfigError
from regimen.features import calendar_columns, symbol_columns
from regimen.labels import ahead_target
from regimen.predictors.settings import PredictorSettings
from regimen.predictors.sizes import require_whole_heads

if TYPE_CHECKING:
    from torch import Tensor, nn

    from regimen.features import FeaturesConfig
    from regimen.nets import QuantileFan

Horizon = Annotated[int, Field(ge=1, le=100_000)]
_KNOWN = len(calendar_columns([0]))
_USUAL = (1, 4, 24)


class TFTConfig(PredictorSettings):
    """`regimen.nets.TemporalFusion`: variable selection, LSTM, interpretable attention, quantiles that never cross.

    Its loss is ``CE(direction) + quantile_weight · pinball``, the pinball loss summed over quantiles and averaged over
    horizons. What is forecast is the log return from close to close so many bars ahead, in units of trailing
    volatility times √horizon. `Predictor.predict` gives ``quantiles``. Source: Lim et al. 2019, arXiv 1912.09363.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"features": {"calendar": [0, *_USUAL]}}

    kind: Literal["tft"] = Field("tft", description="Temporal fusion transformer: quantiles of several horizons.")
    context: int = Field(32, ge=2, le=65_536, description="Feature rows that it sees at once.")
    horizons: tuple[Horizon, ...] = Field(
        _USUAL, min_length=1, description="Bars ahead that are forecast; features.calendar is 0 and these."
    )
    quantiles: tuple[float, ...] = Field(
        (0.1, 0.5, 0.9), min_length=1, description="Levels of the quantiles, ascending inside (0, 1)."
    )
    symbol: int = Field(
        0, ge=0, le=64, description="Columns that tell symbols apart, which never change; features.symbol is the same."
    )
    width: int = Field(16, ge=1, le=65_536, description="Width of all layers.")
    heads: int = Field(4, ge=1, description="Attention heads; they divide the width.")
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Dropout in every gate, in training.")
    quantile_weight: float = Field(
        1.0, gt=0.0, allow_inf_nan=False, description="What the quantiles' loss counts beside the direction."
    )
    target_limit: float | None = Field(
        10.0,
        gt=0.0,
        allow_inf_nan=False,
        description="Returns beyond ± this many units count as that, as after a price that stood still; null: never.",
    )

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        require_whole_heads(self.width, self.heads)
        if not all(0.0 < level < 1.0 for level in self.quantiles):
            raise ValueError(f"quantiles must lie inside (0, 1); got {list(self.quantiles)}")
        for name, values in (("quantiles", self.quantiles), ("horizons", self.horizons)):
            if any(later <= earlier for earlier, later in pairwise(values)):
                raise ValueError(f"{name} must ascend; got {list(values)}")
        return self

    @property
    def ahead(self) -> int:
        """Bars ahead that the furthest horizon reaches."""
        return self.horizons[-1]

    @property
    def learned(self) -> tuple[str, ...]:
        """A target for each horizon."""
        return tuple(ahead_target(bars) for bars in self.horizons)

    @property
    def calendar(self) -> tuple[int, ...]:
        """Whose calendar it is given, in bars ahead: the bar's own, and the horizons'."""
        return (0, *self.horizons)

    def usual(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns the calendar that these horizons need, and the columns that tell symbols apart."""
        symbol = {"symbol": self.symbol} if self.symbol else {}
        return {"features": {"calendar": list(self.calendar)} | symbol}

    def require_features(self, features: FeaturesConfig) -> None:
        """Refuses features without the calendar of these horizons, or without the symbol's columns.

        Raises:
            ConfigError: they lack them. Features of one's own are known by their columns only.
        """
        if features.features:
            return
        if features.symbol != self.symbol:
            raise ConfigError("features.symbol", f"must be {self.symbol}, as model.symbol is", features.symbol)
        if features.calendar != self.calendar:
            rule = f"must be {list(self.calendar)}, 0 and the horizons of the model, as the last columns"
            raise ConfigError("features.calendar", rule, list(features.calendar))

    def require_columns(self, names: Sequence[str]) -> None:
        """Refuses features that do not end with the calendar of these horizons, and with the symbol's columns.

        Raises:
            ConfigError: they do not, or there is nothing before it.
        """
        own = sum(name in symbol_columns(len(names)) for name in names)
        if own != self.symbol:
            raise ConfigError("features.symbol", f"must be {self.symbol}, as model.symbol is", own)
        wanted = (*calendar_columns(self.calendar), *symbol_columns(self.symbol))
        if tuple(names[-len(wanted) :]) != wanted:
            rule = f"must be {list(self.calendar)}, 0 and the horizons of the model, as the last columns"
            raise ConfigError("features.calendar", rule, f"last column {names[-1]}")

    def module(self, inputs: int, classes: int) -> nn.Module:
        """Returns the network with fresh weights."""
        from regimen.nets import CalendarFusion, TemporalFusion

        past = inputs - _KNOWN * len(self.horizons) - self.symbol
        if past < 1:
            rule = f"must be more columns than what is known ahead of {len(self.horizons)} horizons"
            raise ConfigError("features", rule, inputs)
        net = TemporalFusion(
            past,
            _KNOWN,
            self.symbol,
            horizons=len(self.horizons),
            levels=self.quantiles,
            classes=classes,
            width=self.width,
            heads=self.heads,
            dropout=self.dropout,
        )
        return CalendarFusion(inputs, _KNOWN, net)

    def losses(self, output: QuantileFan, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the pinball losses (n,), summed over quantiles, averaged over horizons."""
        import torch

        from regimen.ops import pinball

        y = torch.stack([targets[name] for name in self.learned], 1)
        if self.target_limit is not None:
            y = y.clamp(-self.target_limit, self.target_limit)
        levels = y.new_tensor(self.quantiles)
        return {"quantiles": pinball(output.quantiles, y[..., None], levels).sum(-1).mean(-1)}

    def combine(self, module: nn.Module, losses: dict[str, Tensor]) -> Tensor:  # noqa: ARG002
        """Returns ``direction + quantile_weight · quantiles``."""
        return losses["direction"] + self.quantile_weight * losses["quantiles"]

    def outputs(self, output: QuantileFan) -> dict[str, Tensor]:
        """Returns ``quantiles`` (n, horizon, quantile), in the unit of the targets."""
        return {"quantiles": output.quantiles}
