"""LightGBM: trees that are grown leaf by leaf on histograms, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from regimen.errors import ConfigError
from regimen.labels import CLASSES
from regimen.predictors.fitted_once import OnRound
from regimen.predictors.trees.settings import BoostingSettings, Learnt

if TYPE_CHECKING:
    from lightgbm import Booster

    from regimen.predictors.trees.nodes import Nodes, Tree

_TRAIN, _VALIDATION = "train", "validation"


class LightGBMConfig(BoostingSettings):
    """Gradient boosting of ``softmax(F)``, F the sum of one small tree for each class and round.

    Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree". The defaults are shallow, slow and
    strongly regularised trees on half of the rows and a third of the columns: prices are mostly noise.
    """

    kind: Literal["lightgbm"] = Field("lightgbm", description="Boosted trees of LightGBM.")
    num_leaves: int = Field(15, ge=2, le=131_072, description="Leaves of a tree at most.")
    max_depth: int = Field(-1, ge=-1, description="Splits between root and leaf at most; -1: any number.")
    min_child_samples: int = Field(200, ge=0, description="Rows of a leaf at least.")
    min_child_weight: float = Field(1e-3, ge=0.0, description="Sum of second derivatives of a leaf at least.")
    min_split_gain: float = Field(0.0, ge=0.0, description="What a split must lower the loss by.")
    subsample_freq: int = Field(1, ge=0, description="Rounds after which other rows are drawn; 0: all rows, always.")
    path_smooth: float = Field(0.0, ge=0.0, description="How much a leaf is drawn towards its parent.")
    extra_trees: bool = Field(False, description="One random threshold for each column instead of the best.")
    max_bin: int = Field(255, ge=2, le=65_535, description="Bins that the values of a column are put into.")

    libraries: ClassVar[tuple[str, ...]] = ("lightgbm",)
    file: ClassVar[str] = "trees.txt"

    def parameters(self, seed: int) -> dict[str, Any]:
        """Returns what ``lightgbm.train`` is called with, under the library's own names."""
        return {
            "objective": "multiclass",
            "num_class": len(CLASSES),
            "metric": "multi_logloss",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth,
            "min_data_in_leaf": self.min_child_samples,
            "min_sum_hessian_in_leaf": self.min_child_weight,
            "min_gain_to_split": self.min_split_gain,
            "bagging_fraction": self.subsample,
            "bagging_freq": self.subsample_freq,
            "feature_fraction": self.colsample_bytree,
            "feature_fraction_bynode": self.colsample_bynode,
            "lambda_l1": self.reg_alpha,
            "lambda_l2": self.reg_lambda,
            "path_smooth": self.path_smooth,
            "extra_trees": self.extra_trees,
            "max_bin": self.max_bin,
            "device_type": self.device,
            "num_threads": self.threads,
            "deterministic": True,
            "force_col_wise": True,  # otherwise it tries which way is quicker, and the clock decides the bits
            "seed": self.library_seed(seed),
            "verbosity": -1,
        }

    def grow(self, rows: Learnt, seed: int, on_round: OnRound) -> LightGBMTrees:
        """Returns trees that were grown on rows; see `TreeSettings.grow`."""
        import lightgbm

        parameters = self.parameters(seed)
        data = lightgbm.Dataset(rows.x, rows.y, weight=rows.weights, params=parameters)
        sets, names = [data], [_TRAIN]
        callbacks: list[Any] = [lambda state: on_round(state.iteration + 1, self.n_estimators, *_losses(state))]
        if rows.x_val is not None:
            sets, names = [*sets, data.create_valid(rows.x_val, rows.y_val)], [*names, _VALIDATION]
            if self.patience is not None:
                callbacks.append(lightgbm.early_stopping(self.patience, verbose=False))
        try:
            booster = lightgbm.train(
                parameters, data, self.n_estimators, valid_sets=sets, valid_names=names, callbacks=callbacks
            )
        except lightgbm.basic.LightGBMError as error:
            if self.device == "cpu":
                raise
            rule = f"must be cpu with this build of LightGBM on this machine ({error})"
            raise ConfigError("model.device", rule, self.device) from error
        return LightGBMTrees(booster)

    def revive(self, content: bytes) -> LightGBMTrees:
        """Returns the trees of a text; see `TreeSettings.revive`."""
        import lightgbm

        return LightGBMTrees(lightgbm.Booster(model_str=content.decode()))


@final
class LightGBMTrees:
    """A booster of LightGBM, all of whose rounds count: ``lightgbm.train`` gives the best ones alone."""

    def __init__(self, booster: Booster) -> None:
        self.booster = booster

    @property
    def rounds(self) -> int:
        """Rounds of boosting."""
        return int(self.booster.current_iteration())

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """Returns ``softmax(F)``, (n, 3) float64."""
        return np.asarray(self.booster.predict(x, num_threads=1))

    def content(self) -> bytes:
        """Returns LightGBM's text."""
        return str(self.booster.model_to_string()).encode()

    def nodes(self) -> Nodes:
        """Returns the trees, read from LightGBM's text; each adds to the logit of one class."""
        from regimen.predictors.trees.nodes import Nodes

        blocks = self.booster.model_to_string().split("\nTree=")[1:]
        trees = (_tree_of(block, number % len(CLASSES)) for number, block in enumerate(blocks))
        return Nodes(trees, logits=True)


def _losses(state: Any) -> tuple[float, float | None]:
    """Returns the log loss of the training rows, and of validation rows where there are some."""
    losses = {name: float(value) for name, _, value, _ in state.evaluation_result_list}
    return losses[_TRAIN], losses.get(_VALIDATION)


def _tree_of(block: str, to: int) -> Tree:
    """Returns a tree of LightGBM's text: splits are numbered from 0, leaves from -1 downwards.

    Args:
        block: lines of names and numbers, up to the first that is empty.
        to: class whose logit it adds to.
    """
    from regimen.predictors.trees.nodes import Tree

    lines = dict(line.split("=", 1) for line in block.partition("\n\n")[0].splitlines() if "=" in line)
    leaves = np.array(lines["leaf_value"].split(), dtype=np.float64)
    numbers = {
        name: lines.get(name, "").split() for name in ("split_feature", "threshold", "left_child", "right_child")
    }
    column = np.array(numbers["split_feature"], dtype=np.int64)
    splits = len(column)
    own = np.arange(splits, splits + len(leaves))
    left, right = (np.array(numbers[name], dtype=np.int64) for name in ("left_child", "right_child"))
    value = np.zeros((splits + len(leaves), len(CLASSES)))
    value[splits:, to] = leaves
    return Tree(
        column=np.concatenate([column, np.full(len(leaves), -1)]),
        threshold=np.concatenate([np.array(numbers["threshold"], dtype=np.float64), np.zeros(len(leaves))]),
        left=np.concatenate([np.where(left < 0, splits + ~left, left), own]),
        right=np.concatenate([np.where(right < 0, splits + ~right, right), own]),
        value=value,
    )
