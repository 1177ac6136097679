"""One network that learns direction, volatility, regime and magnitude together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.predictors.settings import PredictorSettings
from regimen.predictors.sizes import Taps, require_taps_inside, require_whole_heads
from regimen.settings import FORMER_NAMES

if TYPE_CHECKING:
    from torch import Tensor, nn

Weight = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class CNNEncoderConfig(BaseModel):
    """Causal multi-scale convolutions, as in the predictor ``cnn``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["cnn"] = Field("cnn", description="Causal multi-scale convolutions.")
    width: int = Field(32, ge=1, le=65_536, description="Channels of every block.")
    kernels: tuple[Taps, ...] = Field((3, 5, 7), min_length=1, description="Taps of the convolutions side by side.")
    dilations: tuple[Taps, ...] = Field(
        (1, 2, 4), min_length=1, description="Rows between two taps, one number for each block."
    )

    def module(self, inputs: int, dropout: float) -> nn.Module:
        """Returns the encoder with fresh weights."""
        from regimen.nets import CNNEncoder

        return CNNEncoder(inputs, self.width, self.kernels, self.dilations, dropout)


class LSTMEncoderConfig(BaseModel):
    """Stacked LSTM with skip connections, as in the predictor ``lstm``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["lstm"] = Field("lstm", description="Stacked LSTM with skip connections.")
    width: int = Field(64, ge=1, le=65_536, description="Width of the states.")
    layers: Literal[1, 2, 3] = Field(1, description="LSTM layers.")

    def module(self, inputs: int, dropout: float) -> nn.Module:
        """Returns the encoder with fresh weights."""
        from regimen.nets import LSTMEncoder

        return LSTMEncoder(inputs, self.width, self.layers, False, dropout)


EncoderConfig = Annotated[CNNEncoderConfig | LSTMEncoderConfig, Field(discriminator="kind")]
"""What reads the context; ``kind`` says which."""


class TaskWeights(BaseModel):
    """What each task's loss counts where the weights are not learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: Weight = Field(1.0, description="Cross-entropy of SELL, HOLD, BUY.")
    volatility: Weight = Field(1.0, description="Deviance of the span's volatility, in trailing volatilities.")
    regime: Weight = Field(1.0, description="Cross-entropy of CALM, NORMAL, TURBULENT.")
    magnitude: Weight = Field(1.0, description="Deviance of the return's size, in trailing volatilities x √horizon.")


class MultiTaskConfig(PredictorSettings):
    """`regimen.nets.MultiTaskNet`: one encoder of the context, four answers.

    Direction and regime have cross-entropy losses. Volatility and magnitude are positive and have long right tails;
    their loss is `regimen.ops.poisson_deviance`, whose minimum is the expected value and which a few extreme bars do
    not rule. It is non-negative, so learned weights have an optimum. For the targets see
    `regimen.labels.further_targets`.

    Under ``pcgrad`` each batch (each part, where gradients are accumulated) loses its conflicts by itself.
    """

    targets: ClassVar[tuple[str, ...]] = ("volatility", "regime", "magnitude")

    model_config = ConfigDict(alias_generator=FORMER_NAMES, validate_by_name=True)

    kind: Literal["multitask"] = Field("multitask", description="Direction, volatility, regime, magnitude together.")
    context: int = Field(32, ge=2, le=65_536, description="Feature rows that it sees at once.")
    encoder: EncoderConfig = Field(CNNEncoderConfig(), description="What reads the context.")
    heads: int = Field(4, ge=1, description="Heads of the pooling over time; they divide the encoder's width.")
    hidden: int = Field(64, ge=1, le=65_536, description="Width of the trunk that all tasks share.")
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Dropout of encoder and trunk, in training.")
    weighting: Literal["kendall", "fixed", "pcgrad"] = Field(
        "kendall",
        description="kendall: each loss's weight is learned; fixed: by weights; pcgrad: by weights, and the tasks' "
        "gradients lose what conflicts (five backward passes in place of one).",
    )
    weights: TaskWeights = Field(TaskWeights(), description="Weights of the tasks under fixed and pcgrad.")
    target_limit: float | None = Field(
        10.0,
        gt=0.0,
        allow_inf_nan=False,
        description="Volatility and magnitude beyond it count as that, as after a price that stood still; null: never.",
    )

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        encoder = self.encoder
        require_whole_heads(encoder.width, self.heads, "encoder's width")
        if isinstance(encoder, CNNEncoderConfig):
            require_taps_inside(self.context, encoder.kernels, encoder.dilations)
        if self.weighting == "kendall" and self.weights != TaskWeights():
            raise ValueError("weights must be left alone under weighting=kendall, which learns them")
        return self

    def module(self, inputs: int, classes: int) -> nn.Module:
        """Returns the network with fresh weights."""
        from regimen.nets import MultiTaskNet

        return MultiTaskNet(
            self.encoder.module(inputs, self.dropout),
            self.encoder.width,
            heads=self.heads,
            hidden=self.hidden,
            classes=classes,
            dropout=self.dropout,
            learned_weights=self.weighting == "kendall",
        )

    def losses(self, output: Any, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the losses (n,) of volatility, regime and magnitude."""
        from torch.nn.functional import cross_entropy

        from regimen.ops import poisson_deviance

        volatility, regime, magnitude = (targets[name] for name in self.targets)
        if self.target_limit is not None:
            volatility, magnitude = (part.clamp(max=self.target_limit) for part in (volatility, magnitude))
        return {
            "volatility": poisson_deviance(output.volatility, volatility),
            "regime": cross_entropy(output.regime, regime.long(), reduction="none"),
            "magnitude": poisson_deviance(output.magnitude, magnitude),
        }

    def combine(self, module: nn.Module, losses: dict[str, Tensor]) -> Tensor:
        """Returns the one loss of the four, by ``weighting``."""
        import torch

        from regimen.nets import MultiTaskNet, Tasks
        from regimen.ops import pcgrad, uncertainty_weighted

        assert isinstance(module, MultiTaskNet)
        each = torch.stack([losses[name] for name in Tasks._fields])
        if module.log_variances is not None:
            classification = torch.tensor([name in ("direction", "regime") for name in Tasks._fields])
            return uncertainty_weighted(each, module.log_variances, classification.to(each.device))
        each = each * each.new_tensor([getattr(self.weights, name) for name in Tasks._fields])
        if self.weighting == "fixed" or not torch.is_grad_enabled():
            return each.sum()
        # torch's own random state, as of dropout: the loop seeds it anew for each epoch
        return pcgrad(each, module.shared(), torch.rand(len(each), len(each)).argsort(1))

    def outputs(self, output: Any) -> dict[str, Tensor]:
        """Returns ``volatility`` (n,), ``regimes`` (n, 3), probabilities, and ``magnitude`` (n,)."""
        from torch import float64, softmax

        regimes = softmax(output.regime.to("cpu", float64), dim=-1)
        return {"volatility": output.volatility, "regimes": regimes, "magnitude": output.magnitude}
