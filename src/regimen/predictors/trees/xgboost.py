"""XGBoost: trees that are grown level by level on histograms, one after another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from regimen.errors import ConfigError
from regimen.labels import CLASSES
from regimen.predictors.fitted_once import OnRound
from regimen.predictors.trees.settings import BoostingSettings, Learnt

if TYPE_CHECKING:
    from xgboost import Booster
    from xgboost.callback import TrainingCallback

    from regimen.predictors.trees.nodes import Nodes, Tree

_TRAIN, _VALIDATION, _LOSS = "train", "validation", "mlogloss"


class XGBoostConfig(BoostingSettings):
    """Gradient boosting of ``softmax(F)``, F the sum of one small tree for each class and round.

    Chen and Guestrin 2016, "XGBoost: a scalable tree boosting system". The defaults are as those of `LightGBMConfig`,
    with depth and second derivatives in place of leaves and rows.
    """

    kind: Literal["xgboost"] = Field("xgboost", description="Boosted trees of XGBoost.")
    max_depth: int = Field(4, ge=0, le=64, description="Splits between root and leaf at most; 0: any number.")
    max_leaves: int = Field(0, ge=0, description="Leaves of a tree at most; 0: any number.")
    grow_policy: Literal["depthwise", "lossguide"] = Field(
        "depthwise", description="depthwise: level by level; lossguide: where the loss falls most."
    )
    min_child_weight: float = Field(50.0, ge=0.0, description="Sum of second derivatives of a leaf at least.")
    gamma: float = Field(0.0, ge=0.0, description="What a split must lower the loss by.")
    max_delta_step: float = Field(0.0, ge=0.0, description="How far from 0 a leaf may be; 0: anywhere.")
    colsample_bylevel: float = Field(1.0, gt=0.0, le=1.0, description="Share of a tree's columns on each level.")
    num_parallel_tree: int = Field(1, ge=1, le=10_000, description="Trees of each class that a round grows.")
    max_bin: int = Field(256, ge=2, le=65_535, description="Bins that the values of a column are put into.")

    libraries: ClassVar[tuple[str, ...]] = ("xgboost",)
    file: ClassVar[str] = "trees.ubj"

    def parameters(self, seed: int) -> dict[str, Any]:
        """Returns what ``xgboost.train`` is called with, under the library's own names."""
        own = self.model_dump(exclude={"kind", "n_estimators", "patience", "threads"})
        return own | {
            "objective": "multi:softprob",
            "num_class": len(CLASSES),
            "eval_metric": _LOSS,
            "tree_method": "hist",
            "nthread": self.threads,
            "seed": self.library_seed(seed),
            "verbosity": 0,
        }

    def grow(self, rows: Learnt, seed: int, on_round: OnRound) -> XGBoostTrees:
        """Returns trees that were grown on rows; see `TreeSettings.grow`."""
        import xgboost

        self._require_device()
        about: dict[str, Any] = {"max_bin": self.max_bin, "nthread": self.threads}
        data = xgboost.QuantileDMatrix(rows.x, rows.y, weight=rows.weights, **about)
        sets, callbacks = [(data, _TRAIN)], [_telling(on_round, self.n_estimators)]
        if rows.x_val is not None:
            sets.append((xgboost.QuantileDMatrix(rows.x_val, rows.y_val, ref=data, **about), _VALIDATION))
            if self.patience is not None:
                stop = xgboost.callback.EarlyStopping(
                    rounds=self.patience, metric_name=_LOSS, data_name=_VALIDATION, save_best=True
                )
                callbacks.append(stop)
        booster = xgboost.train(
            self.parameters(seed), data, self.n_estimators, evals=sets, callbacks=callbacks, verbose_eval=False
        )
        return XGBoostTrees(booster)

    def revive(self, content: bytes) -> XGBoostTrees:
        """Returns the trees of a UBJSON document; see `TreeSettings.revive`."""
        import xgboost

        return XGBoostTrees(xgboost.Booster({"nthread": 1}, model_file=bytearray(content)))

    def _require_device(self) -> None:
        """Refuses cuda where the library would go on without it."""
        if self.device == "cuda":
            import xgboost

            from regimen.nets import pick_device

            if not xgboost.build_info().get("USE_CUDA"):
                rule = "must be cpu with this build of XGBoost, which has no CUDA: pip install xgboost"
                raise ConfigError("model.device", rule, self.device)
            pick_device(self.device, "model.device")


@final
class XGBoostTrees:
    """A booster of XGBoost, all of whose rounds count."""

    def __init__(self, booster: Booster) -> None:
        booster.set_param({"device": "cpu", "nthread": 1})
        self.booster = booster

    @property
    def rounds(self) -> int:
        """Rounds of boosting."""
        return int(self.booster.num_boosted_rounds())

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """Returns ``softmax(F)``, (n, 3) float32."""
        return np.asarray(self.booster.inplace_predict(x))

    def content(self) -> bytes:
        """Returns XGBoost's UBJSON."""
        return bytes(self.booster.save_raw("ubj"))

    def nodes(self) -> Nodes:
        """Returns the trees, read from XGBoost's JSON; each adds to the logit of one class."""
        from regimen.predictors.trees.nodes import Nodes

        model = json.loads(self.booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
        return Nodes((_tree_of(*each) for each in zip(model["trees"], model["tree_info"], strict=True)), logits=True)


def _telling(on_round: OnRound, of: int) -> TrainingCallback:
    """Returns a callback that tells of each round."""
    from xgboost.callback import TrainingCallback

    class Telling(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            del model
            validation = evals_log.get(_VALIDATION)
            val_loss = None if validation is None else float(validation[_LOSS][-1])
            on_round(epoch + 1, of, float(evals_log[_TRAIN][_LOSS][-1]), val_loss)
            return False

    return Telling()


def _tree_of(tree: dict[str, Any], to: int) -> Tree:
    """Returns a tree of XGBoost's JSON, which goes left where ``x < condition`` in float32; a leaf's is its value.

    Args:
        tree: as it is written.
        to: class whose logit it adds to.
    """
    from regimen.predictors.trees.nodes import Tree

    left, right = (np.array(tree[f"{side}_children"], dtype=np.int64) for side in ("left", "right"))
    condition, leaf = np.array(tree["split_conditions"], dtype=np.float32), left < 0
    value = np.zeros((len(left), len(CLASSES)))
    value[leaf, to] = condition[leaf]
    column = np.where(leaf, -1, np.array(tree["split_indices"], dtype=np.int64))
    return Tree(column, np.nextafter(condition, np.float32(-np.inf)).astype(np.float64), left, right, value)
