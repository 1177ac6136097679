"""The 27 classic indicators, in Wilder's and the textbooks' definitions, equal to TA-Lib after warm-up.

Conventions that TA-Lib fixes and that are kept: every standard deviation divides by n; a ratio whose
denominator is zero (a flat market) is 0; an ADX without directional movement keeps its last value;
recursive averages are seeded with the simple average of their first n values.
"""

from __future__ import annotations

from regimen.features.feature import Feature
from regimen.features.oscillators import (
    CCIState,
    MACDState,
    StochasticState,
    cci_step,
    macd_step,
    stochastic_step,
)
from regimen.features.wilder import ADXState, ATRState, RSIState, adx_step, atr_step, rsi_step
from regimen.features.windowed import (
    BollingerState,
    OBVState,
    ReturnsState,
    VolatilityState,
    VolumeState,
    bollinger_step,
    obv_step,
    returns_step,
    volatility_step,
    volume_step,
)

GROUP = "indicators"


def _rsi(period: int) -> Feature:
    return Feature(
        (f"rsi_{period}",),
        GROUP,
        rsi_step,
        RSIState(),
        params=(period, 1.0 / period),
        warmup=period,
        about=f"Relative strength index over {period} bars, 0 to 100.",
    )


def _bollinger(period: int) -> Feature:
    return Feature(
        (f"bb_upper_{period}", f"bb_lower_{period}", f"bb_width_{period}"),
        GROUP,
        bollinger_step,
        BollingerState(),
        rings=(period, period, period),
        params=(1.0 / period, 2.0),
        warmup=period - 1,
        about=f"Bollinger bands over {period} bars, in price; their width over the mean.",
    )


def _volatility(period: int) -> Feature:
    return Feature(
        (f"volatility_{period}d",),
        GROUP,
        volatility_step,
        VolatilityState(),
        rings=(period, period, period),
        params=(1.0 / period,),
        warmup=period,
        about=f"Standard deviation of one-bar returns over {period} bars, per bar.",
    )


INDICATORS: tuple[Feature, ...] = (
    _rsi(7),
    _rsi(14),
    _rsi(21),
    Feature(
        ("macd", "macd_signal", "macd_hist"),
        GROUP,
        macd_step,
        MACDState(),
        params=(12, 26, 9, 2.0 / 13.0, 2.0 / 27.0, 2.0 / 10.0),
        warmup=33,
        about="MACD(12, 26, 9), its signal line and histogram, in price.",
    ),
    _bollinger(20),
    _bollinger(50),
    Feature(
        ("atr_14",),
        GROUP,
        atr_step,
        ATRState(),
        params=(14, 1.0 / 14.0),
        warmup=14,
        about="Average true range over 14 bars, in price.",
    ),
    Feature(("obv",), GROUP, obv_step, OBVState(), about="On-balance volume, in units of the base asset."),
    Feature(
        ("stoch_k", "stoch_d", "williams_r_14"),
        GROUP,
        stochastic_step,
        StochasticState(),
        rings=(14, 14, 14, 14),
        warmup=15,
        about="Stochastic %K(14), its mean over 3 bars, and Williams' %R(14).",
    ),
    Feature(
        ("cci_20",),
        GROUP,
        cci_step,
        CCIState(),
        rings=(20, 20),
        params=(20, 1.0 / 20.0),
        warmup=19,
        about="Commodity channel index over 20 bars.",
    ),
    Feature(
        ("adx_14",),
        GROUP,
        adx_step,
        ADXState(),
        params=(14, 1.0 / 14.0),
        warmup=27,
        about="Average directional index over 14 bars, 0 to 100.",
    ),
    Feature(
        ("volume_sma_ratio", "volume_std"),
        GROUP,
        volume_step,
        VolumeState(),
        rings=(20, 20, 20),
        params=(1.0 / 20.0,),
        warmup=19,
        about="Volume over its mean of 20 bars; its standard deviation.",
    ),
    Feature(
        ("return_5d", "return_10d", "return_20d", "return_50d"),
        GROUP,
        returns_step,
        ReturnsState(),
        rings=(50,),
        params=(5, 10, 20, 50),
        warmup=50,
        about="Simple return over 5, 10, 20 and 50 bars.",
    ),
    _volatility(20),
    _volatility(50),
)

COLUMNS = (
    "rsi_7", "rsi_14", "rsi_21", "macd", "macd_signal", "macd_hist",
    "bb_upper_20", "bb_lower_20", "bb_width_20", "bb_upper_50", "bb_lower_50", "bb_width_50",
    "atr_14", "obv", "stoch_k", "stoch_d", "cci_20", "adx_14", "williams_r_14",
    "volume_sma_ratio", "volume_std", "return_5d", "return_10d", "return_20d", "return_50d",
    "volatility_20d", "volatility_50d",
)  # fmt: skip
