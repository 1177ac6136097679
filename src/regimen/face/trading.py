"""`backtest`: a policy, a function or targets on bars, at the costs of a venue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.execution import Ledger, Market, MarketConfig
from regimen.face.config import SOURCES, costs_of
from regimen.face.features import features_section
from regimen.face.run import Run
from regimen.features import FeatureFrame, FeatureSet
from regimen.settings import validated


def backtest(policy: object, bars: object, *, features: object = None, costs: object = None, **market: Any) -> Ledger:
    """Trades a policy, a function of the observation, or target exposures; keeps every fill, fee and mark.

    Timing: what is decided with bars <= t fills at the open of t + 1 or later. Nothing is fitted; a policy that was
    trained on these bars is not out of sample here.

    Args:
        policy: a `Policy`; or ``f(observation) -> (symbol,)``; or exposures (time, symbol), or (time,) for one symbol,
            signed fractions of equity. See `Market.backtest`.
        bars: what is traded.
        features: what a policy or a function sees: a frame, a `FeatureSet`, or a list as in `train`; none by default.
        costs: the name of a venue (``"binance-spot"``) or `Costs`; the bars' calendar chooses by default.
        market: further fields of `MarketConfig`: ``latency_bars=2``, ``leverage=2.0``.

    Raises:
        ConfigError: no such venue, field or feature; bars that are none.
        DataError: targets of another shape, not numeric or infinite; bars that cannot be traded.
        RunError: features that are not those of the policy.
    """
    if not isinstance(bars, Bars):
        rule = "must be Bars: rg.Bars.read(path), rg.Bars.from_frame(frame) or rg.Bars.sample(name)"
        raise ConfigError("bars", rule, type(bars).__name__)
    if isinstance(policy, Run):
        raise ConfigError(
            "policy", "must be one policy of the run, such as run.policy(), or run.ledger.targets", policy
        )
    if costs is not None:
        market["costs"] = costs_of(costs)
    config = validated(MarketConfig, market, "market.")
    return Market(config).backtest(bars, policy, features=_computed(features, bars))


def _computed(features: object, bars: Bars) -> object:
    """The rows of features on these bars; what is computed already stays as it is."""
    if features is None or isinstance(features, FeatureFrame) or hasattr(features, "__array__"):
        return features
    if not isinstance(features, FeatureSet):
        features = features_section(features, Path("runs") / SOURCES).build()
    return features.compute(bars.adjusted() if "adjustment" in bars.extras else bars)  # a split is no move
