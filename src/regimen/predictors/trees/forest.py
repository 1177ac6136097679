"""Random forests and extremely randomised trees of scikit-learn: grown side by side, their answers averaged."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from regimen.errors import DataError
from regimen.labels import CLASSES
from regimen.predictors.fitted_once import OnRound
from regimen.predictors.skops_file import from_skops, to_skops
from regimen.predictors.trees.settings import Learnt, TreeSettings

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    from regimen.predictors.trees.nodes import Nodes


class BaggingSettings(TreeSettings):
    """``p = mean over trees of the shares of classes in the row's leaf``; by default of shallow trees."""

    n_estimators: int = Field(200, ge=1, le=100_000, description="Trees.")
    criterion: Literal["gini", "entropy", "log_loss"] = Field("gini", description="What a split lowers most.")
    max_depth: int | None = Field(None, ge=1, description="Splits between root and leaf at most; null: any number.")
    max_leaf_nodes: int | None = Field(31, ge=2, description="Leaves of a tree at most; null: any number.")
    min_samples_split: int = Field(2, ge=2, description="Rows of a node that is split at least.")
    min_samples_leaf: int = Field(200, ge=1, description="Rows of a leaf at least.")
    min_weight_fraction_leaf: float = Field(0.0, ge=0.0, le=0.5, description="Share of all weights of a leaf at least.")
    min_impurity_decrease: float = Field(0.0, ge=0.0, description="What a split must lower the criterion by.")
    max_features: Annotated[float, Field(gt=0.0, le=1.0)] | Literal["sqrt", "log2"] = Field(
        0.3, description="Columns that a split may use: a share of them, their square root, or their logarithm."
    )
    bootstrap: bool = Field(True, description="Each tree draws rows, with replacement; otherwise it sees all of them.")
    max_samples: float | None = Field(
        None,
        gt=0.0,
        le=1.0,
        description="Share of the rows that a tree draws, with bootstrap; null: 1.",
    )
    ccp_alpha: float = Field(0.0, ge=0.0, description="Cost of a leaf when a tree that has grown is pruned.")

    libraries: ClassVar[tuple[str, ...]] = ("sklearn.ensemble", "skops.io")
    file: ClassVar[str] = "trees.skops"

    @model_validator(mode="after")
    def _draws_rows(self) -> Self:
        if self.max_samples is not None and not self.bootstrap:
            raise ValueError(f"max_samples must be null without bootstrap; got {self.max_samples}")
        return self

    @abstractmethod
    def unfitted(self, seed: int) -> RandomForestClassifier | ExtraTreesClassifier:
        """Returns scikit-learn's own classifier with these settings."""

    def parameters(self, seed: int) -> dict[str, Any]:
        """Returns what scikit-learn's class is called with."""
        own = self.model_dump(exclude={"kind", "threads"})
        return own | {"n_jobs": self.threads, "random_state": self.library_seed(seed)}

    def grow(self, rows: Learnt, seed: int, on_round: OnRound) -> ForestTrees:
        """Returns trees that were grown on rows; see `TreeSettings.grow`."""
        del on_round
        return ForestTrees(self.unfitted(seed).fit(rows.x, rows.y, sample_weight=rows.weights))

    def revive(self, content: bytes) -> ForestTrees:
        """Returns the trees of a file of skops; see `TreeSettings.revive`."""
        return ForestTrees(from_skops(content, {"sklearn"}))


class ForestConfig(BaggingSettings):
    """Breiman 2001, "Random forests": the best split of some columns, each tree on rows of its own."""

    kind: Literal["forest"] = Field("forest", description="Random forest of scikit-learn.")
    max_samples: float | None = Field(0.3, gt=0.0, le=1.0, description="Share of the rows that a tree draws; null: 1.")

    def unfitted(self, seed: int) -> RandomForestClassifier:
        """Returns scikit-learn's own classifier with these settings."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**self.parameters(seed))


class ExtraTreesConfig(BaggingSettings):
    """Geurts, Ernst and Wehenkel 2006, "Extremely randomized trees": one random threshold for each of some columns."""

    kind: Literal["extra_trees"] = Field("extra_trees", description="Extremely randomised trees of scikit-learn.")
    bootstrap: bool = Field(False, description="Each tree draws rows, with replacement; otherwise it sees all of them.")

    def unfitted(self, seed: int) -> ExtraTreesClassifier:
        """Returns scikit-learn's own classifier with these settings."""
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(**self.parameters(seed))


@final
class ForestTrees:
    """A fitted forest of scikit-learn.

    Args:
        forest: as it was grown or read.

    Raises:
        DataError: a node that points out of its tree; scikit-learn follows it without looking.
    """

    rounds: int | None = None

    def __init__(self, forest: RandomForestClassifier | ExtraTreesClassifier) -> None:
        self.forest = forest
        self._classes = np.asarray(forest.classes_, dtype=np.int64)
        self._trees = [each.tree_ for each in forest.estimators_]
        for tree in self._trees:
            inside = max(tree.children_left.max(), tree.children_right.max()) < tree.node_count
            if not inside or tree.feature.max() >= tree.n_features:
                raise DataError("tree", "must have nodes that point into it")

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """Returns (n, 3) float64; a class that no tree has seen has 0.

        The trees are asked in their order and not through ``predict_proba``, which checks the rows again for each of
        them, and adds in the order in which its threads come back. The bits are those of one thread there.
        """
        shares = np.zeros((len(x), len(self._classes)))
        for tree in self._trees:
            shares += tree.predict(x)
        answers = np.zeros((len(x), len(CLASSES)))
        answers[:, self._classes] = shares / len(self._trees)
        return answers

    def content(self) -> bytes:
        """Returns skops's file."""
        return to_skops(self.forest)

    def nodes(self) -> Nodes:
        """Returns the trees; each adds its share of the shares of classes."""
        from regimen.predictors.trees.nodes import Nodes, Tree

        trees = []
        for tree in self._trees:
            value = np.zeros((tree.node_count, len(CLASSES)))
            value[:, self._classes] = tree.value[:, 0, :] / len(self._trees)
            trees.append(Tree(tree.feature, tree.threshold, tree.children_left, tree.children_right, value))
        return Nodes(trees, logits=False)
