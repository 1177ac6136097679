"""River's adaptive random forest: trees that grow with every label, and are replaced when they err more than before."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from regimen.errors import ConfigError
from regimen.predictors.online.settings import OnlineSettings

if TYPE_CHECKING:
    from regimen.predictors.online.online_forest import OnlineForest

_SEEDS = 2**31
"""River's seeds lie below it."""


class OnlineForestConfig(OnlineSettings):
    """Hoeffding trees on bootstrapped rows; a tree whose errors change is replaced by one that grew in its background.

    Gomes, Bifet, Read et al., "Adaptive random forests for evolving data stream classification" (Machine Learning 106,
    2017), as River 0.26 has it (``river.forest.ARFClassifier``), with ADWIN (Bifet and Gavaldà 2007) as its detector.
    What it says as it is, is too sure: on hourly bars of Bitcoin its log loss is above that of the classes'
    frequencies. So it is calibrated by the labels that fall due, unless ``calibration`` is none.
    """

    kind: Literal["online_forest"] = Field("online_forest", description="River's adaptive random forest.")
    n_models: int = Field(10, ge=1, le=1000, description="Trees.")
    max_depth: int = Field(10, ge=1, le=64, description="Splits between root and leaf at most.")
    grace_period: int = Field(50, ge=1, description="Rows of a leaf between two looks for a split.")
    lambda_value: int = Field(6, ge=1, description="Mean number of times that a tree learns a row.")
    split_confidence: float = Field(0.01, gt=0.0, lt=1.0, description="Chance of a wrong split that a leaf accepts.")
    leaf_prediction: Literal["nba", "nb", "mc"] = Field(
        "nba", description="nb: naive Bayes in the leaf; mc: frequencies; nba: whichever was right more often."
    )
    drift_delta: float = Field(0.002, gt=0.0, lt=1.0, description="ADWIN's bound on a false alarm: a tree is replaced.")
    warning_delta: float = Field(
        0.01, gt=0.0, lt=1.0, description="The same of a warning, at which a tree begins to grow in the background."
    )

    def require(self) -> None:
        """Says what is missing before any data are read.

        Raises:
            ConfigError: River is not installed.
        """
        if importlib.util.find_spec("river") is None:
            raise ConfigError("model.kind", 'needs River: pip install "regimen[online]"', self.kind)

    def build(self, inputs: int = 60, seed: int = 0, schema: str = "") -> OnlineForest:
        """Returns a forest that has learned nothing.

        Raises:
            ConfigError: River is not installed; no inputs.
        """
        from regimen.predictors.online.online_forest import OnlineForest

        self.require()
        if inputs < 1:
            raise ConfigError("inputs", "must be at least 1", inputs)
        return OnlineForest(self, self.forest(seed), inputs, schema)

    def forest(self, seed: int) -> Any:
        """Returns River's own object."""
        from river import drift, forest

        return forest.ARFClassifier(
            n_models=self.n_models,
            max_depth=self.max_depth,
            grace_period=self.grace_period,
            lambda_value=self.lambda_value,
            delta=self.split_confidence,
            leaf_prediction=self.leaf_prediction,
            drift_detector=drift.ADWIN(delta=self.drift_delta),  # type: ignore[no-untyped-call]
            warning_detector=drift.ADWIN(delta=self.warning_delta),  # type: ignore[no-untyped-call]
            seed=seed % _SEEDS,
        )

    def read(self, folder: Path, schema: str) -> OnlineForest:
        """Returns one that was saved into a folder."""
        from regimen.predictors.online.online_forest import OnlineForest

        self.require()
        return OnlineForest.load(self, folder, schema)
