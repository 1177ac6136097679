"""What an export measured: how far the graph's answers are from those of the policy that was trained."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

TOLERANCE = 1e-5
"""Largest difference of exposures and details between a graph and what was trained, the state fed."""
CLOSE = 1e-4
"""Two actions whose logits (or a lean and its dead band) are nearer than this may be told apart either way."""


class Parity(BaseModel):
    """The graph beside the policy that was trained, on bars of the run.

    Exposures and details are compared with the state fed; then both decide by themselves, each from its own state.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    observations: int = Field(ge=0, description="rows of symbols that were compared")
    batches: tuple[int, ...] = Field(description="rows at once, each way compared")
    exposure: float = Field(
        ge=0.0, description="largest difference of exposures, the state fed; actions too near apart"
    )
    details: float = Field(ge=0.0, description="largest difference of details, the state fed")
    too_near: int = Field(ge=0, description="rows answered otherwise where actions are nearer than 1e-4")
    same_actions: float = Field(
        ge=0.0, le=1.0, description="share of the same actions, each from its own state, of those not too near"
    )
    free_exposure: float = Field(ge=0.0, description="largest difference of exposures, each from its own state")
    drift: float = Field(ge=0.0, description="largest difference of the memories at the end, relative above 1")
