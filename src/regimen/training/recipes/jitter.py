"""Noise on the inputs of training rows, so that nothing smaller than the noise is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from regimen.errors import ConfigError
from regimen.seams import Batch, Transform
from regimen.training.recipes.recipe import Task

if TYPE_CHECKING:
    import torch

Deviation = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class JitterConfig(BaseModel):
    """``x + σ ε``, ``ε ~ N(0, 1)`` anew for each batch, row and feature.

    A scaled feature of variance 1 has variance ``1 + σ²`` in training. A row that is in several windows of a batch has
    another noise in each.

    Source: Bishop, Training with noise is equivalent to Tikhonov regularization (Neural Computation 7, 1995).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["jitter"] = Field("jitter", description="Noise on the inputs of training rows.")
    sigma: Deviation | tuple[Deviation, ...] = Field(
        0.1, description="Standard deviation in units of the scaled features: one for all, or one for each."
    )

    @field_validator("sigma")
    @classmethod
    def _some_noise(cls, sigma: float | tuple[float, ...]) -> float | tuple[float, ...]:
        if not (any(sigma) if isinstance(sigma, tuple) else sigma):
            raise ValueError("must be above 0, of one feature at least")
        return sigma

    def transform(self, below: Transform, task: Task) -> Transform:
        """Returns what is below, and then the noise.

        Raises:
            ConfigError: not as many deviations as features.
        """
        from torch import randn, tensor

        columns = task.data.x_train.shape[-1]
        if isinstance(self.sigma, tuple) and len(self.sigma) != columns:
            raise ConfigError("training.recipes: jitter.sigma", f"must be one number, or {columns}", len(self.sigma))
        sigma = self.sigma if isinstance(self.sigma, tuple) else (self.sigma,) * columns

        def jittered(batch: Batch, generator: torch.Generator) -> Batch:
            batch = below(batch, generator)
            noise = randn(batch.x.shape, generator=generator, device=batch.x.device, dtype=batch.x.dtype)
            return batch._replace(x=batch.x + noise * tensor(sigma, device=batch.x.device, dtype=batch.x.dtype))

        return jittered
