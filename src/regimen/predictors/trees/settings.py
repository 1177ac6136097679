"""What the configs of all trees share: a library behind an extra, one call that grows them, and a file."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from regimen.errors import ConfigError
from regimen.predictors.fitted_once import EstimatorSettings, OnRound
from regimen.seeding import torch_seed

if TYPE_CHECKING:
    from regimen.predictors.trees.nodes import Nodes
    from regimen.predictors.trees.predictor import TreePredictor

_FEW = 10
"""A leak shows after so many rounds as well as after hundreds."""


class Trees(Protocol):
    """Trees that are grown, in the hands of their library."""

    @property
    def rounds(self) -> int | None:
        """Rounds of boosting that are kept; None: they were not grown one after another."""

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """Returns (n, 3) for rows (n, inputs) that are finite, as the library computes them; one thread."""

    def content(self) -> bytes:
        """Returns the trees that are kept as the library's own kind of file."""

    def nodes(self) -> Nodes:
        """Returns the trees that are kept as arrays."""


class Learnt(NamedTuple):
    """The rows that trees are grown on.

    Attributes:
        x: (n, inputs).
        y: (n,) class 0, 1 or 2.
        weights: (n,), or None.
        x_val: (m, inputs), or None: nothing stops them.
        y_val: (m,), or None.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    x_val: NDArray[np.float32] | None
    y_val: NDArray[np.int64] | None


class TreeSettings(EstimatorSettings):
    """Settings of trees by the names that scikit-learn's classes of each library have for them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    libraries: ClassVar[tuple[str, ...]]
    """Modules that grow and keep them."""
    file: ClassVar[str]
    """What their file is called."""

    kind: str
    n_estimators: int = Field(300, ge=1, le=100_000, description="Trees, or rounds of boosting at most.")
    threads: int = Field(
        1, ge=1, le=1024, description="CPU threads of a fit; part of the result, since sums split by thread."
    )

    @abstractmethod
    def grow(self, rows: Learnt, seed: int, on_round: OnRound) -> Trees:
        """Returns trees that were grown on rows.

        Args:
            rows: finite, of two classes at least.
            seed: from 0 to 2³¹ − 1; decides everything random.
            on_round: called after each round of boosting, with the mean log loss of the rows.

        Raises:
            ConfigError: this build of the library cannot compute on the device.
        """

    @abstractmethod
    def revive(self, content: bytes) -> Trees:
        """Returns the trees of a file; whatever the library raises says that it is no such file."""

    @final
    def require(self) -> None:
        """Imports the libraries.

        Raises:
            ConfigError: one is not installed, and what installs it; or it cannot be imported.
        """
        for library in self.libraries:
            try:
                importlib.import_module(library)
            except ModuleNotFoundError as error:
                rule = f"needs {error.name}, which is not installed: pip install 'regimen[trees]'"
                raise ConfigError("model.kind", rule, self.kind) from None
            except (ImportError, OSError) as error:  # a library of machine code that does not fit the machine
                rule = f"needs {library}, which cannot be imported ({error})"
                raise ConfigError("model.kind", rule, self.kind) from error

    @final
    def build(self, inputs: int = 60, seed: int = 0, schema: str = "") -> TreePredictor:
        """Returns an unfitted predictor; see `EstimatorSettings.build`."""
        from regimen.predictors.trees.predictor import TreePredictor

        if inputs < 1:
            raise ConfigError("inputs", "must be at least 1", inputs)
        self.require()
        return TreePredictor(self, inputs=inputs, seed=seed, schema=schema)

    @final
    def read(self, folder: Path, schema: str) -> TreePredictor:
        """Returns what was saved into a folder; see `EstimatorSettings.read`."""
        from regimen.predictors.trees.predictor import TreePredictor

        return TreePredictor.load(folder, schema=schema)

    def shortened(self) -> Self:
        """Returns the config with few trees."""
        return self.model_copy(update={"n_estimators": min(_FEW, self.n_estimators)})

    @final
    def library_seed(self, seed: int) -> int:
        """Returns the seed that the library is given."""
        return torch_seed(seed, "trees") % 2**31


class BoostingSettings(TreeSettings):
    """What both libraries that boost have in common: small steps on parts of the rows and columns."""

    learning_rate: float = Field(0.02, gt=0.0, le=1.0, description="What each round's trees are multiplied by.")
    patience: int | None = Field(
        30,
        ge=1,
        description="Stop after this many rounds without a lower log loss of the validation slice, and keep the "
        "rounds up to the lowest; null: every round.",
    )
    subsample: float = Field(0.5, gt=0.0, le=1.0, description="Share of the rows that a round's trees grow on.")
    colsample_bytree: float = Field(0.3, gt=0.0, le=1.0, description="Share of the columns that a tree may use.")
    colsample_bynode: float = Field(1.0, gt=0.0, le=1.0, description="Share of those columns that a split may use.")
    reg_alpha: float = Field(0.0, ge=0.0, description="L1 penalty of the leaves.")
    reg_lambda: float = Field(10.0, ge=0.0, description="L2 penalty of the leaves.")
    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="Where the trees grow; cuda needs a build of the library that has it."
    )
