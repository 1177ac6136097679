"""`RuleExpert`: five classic indicators vote, and the sum of their votes trades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.envs import ContinuousConfig, LevelsConfig, VectorEnv, Verb, markets_of
from regimen.errors import ConfigError
from regimen.replay.lane_random import LaneRandom

COLUMNS = (
    "rsi_centred_14",
    "macd_histogram_26",
    "bollinger_20",
    "volume_1_20",
    "return_1",
    "directional_strength_14",
    "directional_14",
)
"""What the votes read, of the standard feature set, as it is computed: not scaled."""


class ExpertConfig(BaseModel):
    """Where each indicator begins to vote."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    oversold: float = Field(
        default=30.0, gt=0.0, lt=50.0, description="RSI below it votes long, above 100 less it short"
    )
    band: float = Field(
        default=0.2,
        gt=0.0,
        lt=0.5,
        description="place in Bollinger's band (0 lower, 1 upper) below which it votes long",
    )
    volume_ratio: float = Field(default=1.5, gt=1.0, description="volume over its mean from which the bar's move votes")
    trend_strength: float = Field(default=25.0, ge=0.0, lt=100.0, description="ADX from which the trend votes")


@final
class RuleExpert:
    """A behaviour of fixed rules: demonstrations that are sensible, not good.

    Each vote is −1, 0 or +1 and reads the newest row of one symbol:

    - RSI(14): +1 below ``oversold``, −1 above 100 − ``oversold`` (30 and 70);
    - MACD(12, 26, 9): the sign of the histogram;
    - Bollinger(20): +1 in the lowest ``band`` of the band, or below it, −1 in the highest;
    - volume: the sign of the bar's return, where volume is at least ``volume_ratio`` times its mean of 20 bars;
    - trend: the sign of the directional movement (14), where the ADX is at least ``trend_strength``.

    The *score* is their sum, −5 to 5. Continuous: the exposure is score/5, at least the lower bound. Levels: the
    level nearest to score/5, of two the lower. Verbs: flat, a score of 3 or more buys large, 2 medium, 1 small; with
    a position, −3 or less sells all, −2 a part, and 2 or more adds to a winner; else hold. An unready symbol has
    features of 0 and no votes.

    Args:
        env: lanes of markets, wrapped or not, whose observations have `COLUMNS`.
        config: thresholds.

    Raises:
        ConfigError: lanes that are no market; a column is missing.
    """

    def __init__(self, env: VectorEnv, config: ExpertConfig | None = None) -> None:
        markets = markets_of(env)
        if not markets:
            raise ConfigError("expert.env", "must be lanes of a market", type(env).__name__)
        market = markets[0]
        for name in COLUMNS:
            if name not in market.columns:
                raise ConfigError("expert.columns", f"must have {name!r} in the observation", market.columns)
        self.config = config or ExpertConfig()
        self._actions = market.config.actions
        self._symbols = len(market.symbols)
        self._places = {
            name: market.columns.index(name) for name in (*COLUMNS, "target", "gain") if name in market.columns
        }

    def votes(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Returns the votes (lane, symbol, 5): RSI, MACD, Bollinger, volume, trend."""
        rows = observation.reshape(len(observation), self._symbols, -1)
        seen = {name: rows[..., place].astype(np.float64) for name, place in self._places.items()}
        config = self.config
        # The standard set centres its columns: RSI / 50 − 1, 2·place − 1, (ratio − 1) / (ratio + 1), ADX / 100.
        oversold, edge = 1.0 - config.oversold / 50.0, 1.0 - 2.0 * config.band
        busy = (config.volume_ratio - 1.0) / (config.volume_ratio + 1.0)
        rsi, place = seen["rsi_centred_14"], seen["bollinger_20"]
        trending = seen["directional_strength_14"] >= config.trend_strength / 100.0
        return np.stack(
            [
                (rsi < -oversold).astype(np.int64) - (rsi > oversold),
                np.sign(seen["macd_histogram_26"]).astype(np.int64),
                (place < -edge).astype(np.int64) - (place > edge),
                np.where(seen["volume_1_20"] >= busy, np.sign(seen["return_1"]), 0.0).astype(np.int64),
                np.where(trending, np.sign(seen["directional_14"]), 0.0).astype(np.int64),
            ],
            axis=-1,
        )

    def __call__(self, observation: NDArray[np.float32], _info: Mapping[str, Any], _random: LaneRandom) -> NDArray[Any]:
        """Returns actions (lane, symbol) of the environment's kind."""
        score = self.votes(observation).sum(axis=-1)
        exposure = score / 5.0
        if isinstance(self._actions, ContinuousConfig):
            return np.asarray(np.maximum(exposure, self._actions.low))
        if isinstance(self._actions, LevelsConfig):
            return np.asarray(np.abs(exposure[..., None] - np.array(self._actions.levels)).argmin(axis=-1))
        rows = observation.reshape(len(observation), self._symbols, -1)
        flat = rows[..., self._places["target"]] <= 0.0
        winning = rows[..., self._places["gain"]] > 0.0
        return np.select(
            [
                flat & (score >= 3),
                flat & (score == 2),
                flat & (score == 1),
                ~flat & (score <= -3),
                ~flat & (score == -2),
                ~flat & winning & (score >= 2),
            ],
            [Verb.BUY_LARGE, Verb.BUY_MEDIUM, Verb.BUY_SMALL, Verb.SELL_ALL, Verb.SELL_PARTIAL, Verb.ADD_TO_WINNER],
            Verb.HOLD,
        )
