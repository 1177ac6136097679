"""`VTraceConfig`: every number that decides how an agent learns from actors that lag behind, once."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from regimen.agents.compute_text import ComputeText
from regimen.learning import ClippedSettings


class VTraceConfig(ClippedSettings):
    """IMPALA's V-trace (Espeholt et al. 2018, arXiv 1802.01561) with actors whose lag is fixed.

    The lanes are the environment's, shared out among the actors. A round is ``rollout_steps`` × lanes transitions.

    Raises:
        ConfigError: an unknown key or a value out of its range; c̄ above ρ̄.
    """

    implementation: ClassVar[str] = "regimen.agents.vtrace.vtrace:VTraceAgent"
    kind: Literal["vtrace"] = Field(default="vtrace", description="the algorithm")
    actors: int = Field(default=2, ge=1, description="groups of lanes, each stepped by one actor")
    compute: ComputeText = Field(default="local", description="where actors live; no number depends on it")
    lag: int = Field(default=0, ge=0, description="updates by which what an actor acts with is behind, exactly")
    trace_lambda: float = Field(default=0.95, ge=0.0, le=1.0, description="λ of the traces; 0: one step, 1: all")
    rho_bar: float = Field(default=1.0, gt=0.0, description="largest ratio π/μ of a step's own correction")
    c_bar: float = Field(default=1.0, gt=0.0, description="largest ratio π/μ along a trace; at most rho_bar")

    @model_validator(mode="after")
    def _traces_are_cut_first(self) -> Self:
        if self.c_bar > self.rho_bar:
            raise ValueError(f"c_bar must be at most rho_bar; got {self.c_bar:g} and {self.rho_bar:g}")
        return self
