"""Regimen trains trading policies and tells the truth about them.

The names below are the Python face; each is imported when it is first used, so that ``import regimen`` stays quick.
``dir(regimen)`` is its table of contents: functions, classes, the config of everything that a run may hold, and rooms.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from regimen.lazy import lazily

__version__ = "0.2.0"

# Without it MKL, which multiplies torch's matrices, lets the place of a row in memory decide its last bits on some
# processors (AMD EPYC, 9 inputs and 3 outputs), and a bar alone would differ from the same bar among others. With it
# the fastest instructions of the machine are still used. MKL reads it at its first product.
os.environ.setdefault("MKL_CBWR", "AUTO")

if TYPE_CHECKING:
    from regimen.agents import (
        AnalyticConfig,
        CGDTConfig,
        CQLConfig,
        FlagTraderConfig,
        OwnAgentConfig,
        PPOConfig,
        RecurrentPPOConfig,
        SACConfig,
        SB3Config,
    )
    from regimen.augment import BlockBootstrapConfig
    from regimen.bars import Bars, DataConfig, ExtraFile, RepairsConfig
    from regimen.charts import Picture
    from regimen.envs import (
        ContinuousConfig,
        DifferentialSharpeConfig,
        LevelsConfig,
        LogWealthConfig,
        MeanVarianceConfig,
        RollingSharpeConfig,
        ShapedConfig,
        VerbsConfig,
    )
    from regimen.errors import ConfigError, DataError, RegimenError, RunError, SplitError
    from regimen.execution import Costs, Ledger, Market, MarketConfig, Policy
    from regimen.face import Proof, Run, backtest, judge, leaks, prove, resume, train
    from regimen.features import Feature, FeatureFrame, FeaturesConfig, FeatureSet, FrameFunction
    from regimen.judging import Judgement, Trials, Verdict
    from regimen.labels import FixedHorizonConfig, OwnLabelsConfig, TripleBarrierConfig, WeightsConfig
    from regimen.leakage import LeakReport
    from regimen.learning import DatasetConfig, PartConfig, RNDConfig
    from regimen.policies import Constant, ExposureConfig, FunctionConfig, MomentumConfig
    from regimen.predictors import (
        BaselineConfig,
        CNNConfig,
        CNNEncoderConfig,
        EstimatorConfig,
        HybridConfig,
        LogisticConfig,
        LSTMConfig,
        LSTMEncoderConfig,
        ModuleConfig,
        MultiTaskConfig,
        TaskWeights,
    )
    from regimen.preprocess import RunningConfig, StandardConfig
    from regimen.records import EnvironmentConfig, JudgeConfig, RunConfig, ScalerConfig, load_config
    from regimen.simulators import (
        AlmgrenChrissConfig,
        Ar1Config,
        GarleanuPedersenConfig,
        HiddenRegimeConfig,
        HysteresisConfig,
        KellyConfig,
        MartingaleConfig,
        MertonConfig,
        OrnsteinUhlenbeckConfig,
        Quotes,
        Regime,
        RegimeMarketConfig,
    )
    from regimen.splits import OwnSplitsConfig, WalkForwardConfig
    from regimen.tracking import MLflowConfig, TensorBoardConfig, WandbConfig
    from regimen.training import TrainingConfig
    from regimen.training.recipes import BalancedConfig, CurriculumConfig, JitterConfig, LabelSmoothingConfig

__all__ = [
    "AlmgrenChrissConfig",
    "AnalyticConfig",
    "Ar1Config",
    "BalancedConfig",
    "Bars",
    "BaselineConfig",
    "BlockBootstrapConfig",
    "CGDTConfig",
    "CNNConfig",
    "CNNEncoderConfig",
    "CQLConfig",
    "ConfigError",
    "Constant",
    "ContinuousConfig",
    "Costs",
    "CurriculumConfig",
    "DataConfig",
    "DataError",
    "DatasetConfig",
    "DifferentialSharpeConfig",
    "EnvironmentConfig",
    "EstimatorConfig",
    "ExposureConfig",
    "ExtraFile",
    "Feature",
    "FeatureFrame",
    "FeatureSet",
    "FeaturesConfig",
    "FixedHorizonConfig",
    "FlagTraderConfig",
    "FrameFunction",
    "FunctionConfig",
    "GarleanuPedersenConfig",
    "HiddenRegimeConfig",
    "HybridConfig",
    "HysteresisConfig",
    "JitterConfig",
    "JudgeConfig",
    "Judgement",
    "KellyConfig",
    "LSTMConfig",
    "LSTMEncoderConfig",
    "LabelSmoothingConfig",
    "LeakReport",
    "Ledger",
    "LevelsConfig",
    "LogWealthConfig",
    "LogisticConfig",
    "MLflowConfig",
    "Market",
    "MarketConfig",
    "MartingaleConfig",
    "MeanVarianceConfig",
    "MertonConfig",
    "ModuleConfig",
    "MomentumConfig",
    "MultiTaskConfig",
    "OrnsteinUhlenbeckConfig",
    "OwnAgentConfig",
    "OwnLabelsConfig",
    "OwnSplitsConfig",
    "PPOConfig",
    "PartConfig",
    "Picture",
    "Policy",
    "Proof",
    "Quotes",
    "RNDConfig",
    "RecurrentPPOConfig",
    "Regime",
    "RegimeMarketConfig",
    "RegimenError",
    "RepairsConfig",
    "RollingSharpeConfig",
    "Run",
    "RunConfig",
    "RunError",
    "RunningConfig",
    "SACConfig",
    "SB3Config",
    "ScalerConfig",
    "ShapedConfig",
    "SplitError",
    "StandardConfig",
    "TaskWeights",
    "TensorBoardConfig",
    "TrainingConfig",
    "Trials",
    "TripleBarrierConfig",
    "VerbsConfig",
    "Verdict",
    "WalkForwardConfig",
    "WandbConfig",
    "WeightsConfig",
    "backtest",
    "judge",
    "leaks",
    "load_config",
    "prove",
    "resume",
    "train",
]

_ROOMS = (
    "agents",
    "augment",
    "bars",
    "charts",
    "envs",
    "execution",
    "features",
    "judging",
    "labels",
    "leakage",
    "metrics",
    "nets",
    "ops",
    "policies",
    "predictors",
    "preprocess",
    "proving",
    "records",
    "replay",
    "runs",
    "simulators",
    "splits",
    "tracking",
    "training",
)
"""Packages that a user meets: ``rg.features.standard()``."""

_named, _ = lazily(
    __name__,
    {
        "AlmgrenChrissConfig": ".simulators",
        "AnalyticConfig": ".agents",
        "Ar1Config": ".simulators",
        "BalancedConfig": ".training.recipes",
        "Bars": ".bars",
        "BaselineConfig": ".predictors",
        "BlockBootstrapConfig": ".augment",
        "CGDTConfig": ".agents",
        "CNNConfig": ".predictors",
        "CNNEncoderConfig": ".predictors",
        "CQLConfig": ".agents",
        "ConfigError": ".errors",
        "Constant": ".policies",
        "ContinuousConfig": ".envs",
        "Costs": ".execution",
        "CurriculumConfig": ".training.recipes",
        "DataConfig": ".bars",
        "DataError": ".errors",
        "DatasetConfig": ".learning",
        "DifferentialSharpeConfig": ".envs",
        "EnvironmentConfig": ".records",
        "EstimatorConfig": ".predictors",
        "ExposureConfig": ".policies",
        "ExtraFile": ".bars",
        "Feature": ".features",
        "FeatureFrame": ".features",
        "FeatureSet": ".features",
        "FrameFunction": ".features",
        "FeaturesConfig": ".features",
        "FixedHorizonConfig": ".labels",
        "FlagTraderConfig": ".agents",
        "FunctionConfig": ".policies",
        "GarleanuPedersenConfig": ".simulators",
        "HiddenRegimeConfig": ".simulators",
        "HybridConfig": ".predictors",
        "HysteresisConfig": ".simulators",
        "JitterConfig": ".training.recipes",
        "JudgeConfig": ".records",
        "Judgement": ".judging",
        "KellyConfig": ".simulators",
        "LSTMConfig": ".predictors",
        "LSTMEncoderConfig": ".predictors",
        "LabelSmoothingConfig": ".training.recipes",
        "LeakReport": ".leakage",
        "Ledger": ".execution",
        "LevelsConfig": ".envs",
        "LogWealthConfig": ".envs",
        "LogisticConfig": ".predictors",
        "MLflowConfig": ".tracking",
        "Market": ".execution",
        "MarketConfig": ".execution",
        "MartingaleConfig": ".simulators",
        "MeanVarianceConfig": ".envs",
        "MertonConfig": ".simulators",
        "ModuleConfig": ".predictors",
        "MomentumConfig": ".policies",
        "MultiTaskConfig": ".predictors",
        "OrnsteinUhlenbeckConfig": ".simulators",
        "OwnAgentConfig": ".agents",
        "OwnLabelsConfig": ".labels",
        "OwnSplitsConfig": ".splits",
        "PPOConfig": ".agents",
        "PartConfig": ".learning",
        "Picture": ".charts",
        "Policy": ".execution",
        "Proof": ".face",
        "Quotes": ".simulators",
        "RNDConfig": ".learning",
        "RecurrentPPOConfig": ".agents",
        "Regime": ".simulators",
        "RegimeMarketConfig": ".simulators",
        "RegimenError": ".errors",
        "RepairsConfig": ".bars",
        "RollingSharpeConfig": ".envs",
        "Run": ".face",
        "RunConfig": ".records",
        "RunError": ".errors",
        "RunningConfig": ".preprocess",
        "SACConfig": ".agents",
        "SB3Config": ".agents",
        "ScalerConfig": ".records",
        "ShapedConfig": ".envs",
        "SplitError": ".errors",
        "StandardConfig": ".preprocess",
        "TaskWeights": ".predictors",
        "TensorBoardConfig": ".tracking",
        "TrainingConfig": ".training",
        "Trials": ".judging",
        "TripleBarrierConfig": ".labels",
        "VerbsConfig": ".envs",
        "Verdict": ".judging",
        "WalkForwardConfig": ".splits",
        "WandbConfig": ".tracking",
        "WeightsConfig": ".labels",
        "backtest": ".face",
        "judge": ".face",
        "leaks": ".face",
        "load_config": ".records",
        "prove": ".face",
        "resume": ".face",
        "train": ".face",
    },
)


def __getattr__(name: str) -> object:
    return import_module(f"{__name__}.{name}") if name in _ROOMS else _named(name)


def __dir__() -> list[str]:
    return sorted((*__all__, *_ROOMS, "__version__"))
