"""Convolutions and LSTM with cross-attention: direction, return, and how uncertain the return is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from regimen.predictors.sizes import Taps, require_taps_inside, require_whole_heads
from regimen.predictors.windowed import WindowedSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from regimen.nets import Forecast


class HybridConfig(WindowedSettings):
    """`regimen.nets.HybridNet`, or a deep ensemble of several.

    Its loss is ``CE(direction) + return_weight · β-NLL(return)``. The return is in units of trailing volatility times
    √horizon; `Predictor.predict` gives its ``mean`` and ``deviation``. Those of an ensemble are its mixture's, which
    adds what the members do not agree on. Sources: Kendall & Gal 2017, arXiv 1703.04977; Lakshminarayanan et al. 2017,
    arXiv 1612.01474; Seitzer et al. 2022, arXiv 2203.09168 (β).
    """

    targets: ClassVar[tuple[str, ...]] = ("return",)

    kind: Literal["hybrid"] = Field("hybrid", description="CNN and LSTM with cross-attention, and an uncertain return.")
    width: int = Field(32, ge=1, le=65_536, description="Width of both halves.")
    kernels: tuple[Taps, ...] = Field((3, 5, 7), min_length=1, description="Taps of the convolutions side by side.")
    dilations: tuple[Taps, ...] = Field(
        (1, 2, 4), min_length=1, description="Rows between two taps, one number for each block."
    )
    layers: Literal[1, 2, 3] = Field(1, description="LSTM layers.")
    heads: int = Field(4, ge=1, description="Heads of attention and pooling; they divide the width.")
    dropout: float = Field(
        0.1, ge=0.0, lt=1.0, description="Dropout in the two halves and their attention, in training."
    )
    members: int = Field(1, ge=1, le=64, description="Networks of a deep ensemble; 1: one network.")
    return_weight: float = Field(
        0.5, gt=0.0, allow_inf_nan=False, description="What the return's likelihood counts beside the direction."
    )
    beta: float = Field(
        0.5, ge=0.0, le=1.0, description="Each row's likelihood counts by σ^2β; 0: the plain Gaussian likelihood."
    )

    target_limit: float | None = Field(
        10.0,
        gt=0.0,
        allow_inf_nan=False,
        description="Returns beyond ± this many units count as that, as after a price that stood still; null: never.",
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        require_whole_heads(self.width, self.heads)
        require_taps_inside(self.context, self.kernels, self.dilations)
        return self

    def module(self, inputs: int, classes: int) -> nn.Module:
        """Returns the network, or the ensemble, with fresh weights."""
        from regimen.nets import Ensemble, HybridNet

        members = [
            self.normalised(
                HybridNet(
                    inputs,
                    classes,
                    width=self.width,
                    kernels=self.kernels,
                    dilations=self.dilations,
                    layers=self.layers,
                    heads=self.heads,
                    dropout=self.dropout,
                ),
                inputs,
                classes + 2,
            )
            for _ in range(self.members)
        ]
        return members[0] if self.members == 1 else Ensemble(members)

    def losses(self, output: Forecast, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the return's negative log-likelihood (n,), of an ensemble the mean of its members'."""
        from regimen.ops import gaussian_nll

        y = targets["return"]
        if self.target_limit is not None:
            y = y.clamp(-self.target_limit, self.target_limit)
        if output.mean.ndim == 2:
            loss = gaussian_nll(output.mean, output.log_variance, y[:, None].expand_as(output.mean), self.beta).mean(1)
        else:
            loss = gaussian_nll(output.mean, output.log_variance, y, self.beta)
        return {"return": loss}

    def combine(self, module: nn.Module, losses: dict[str, Tensor]) -> Tensor:  # noqa: ARG002
        """Returns ``direction + return_weight · return``."""
        return losses["direction"] + self.return_weight * losses["return"]

    def outputs(self, output: Any) -> dict[str, Tensor]:
        """Returns ``mean`` and ``deviation`` of the return, each (n,)."""
        from regimen.nets import mixture

        forecast = mixture(output) if output.mean.ndim == 2 else output
        return {"mean": forecast.mean, "deviation": (0.5 * forecast.log_variance).exp()}
