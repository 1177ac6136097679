"""`FlagTraderConfig`: every number that decides how FLAG-TRADER learns, once."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from regimen.learning import AgentSettings


class FlagTraderConfig(AgentSettings):
    """A transformer with frozen blocks as the policy, tuned by PPO through low-rank adapters (arXiv 2502.11433).

    The sizes are GPT-2-small's. With the defaults, 60 columns and three choices it has 87,955,971 weights, of which
    2,938,371 learn.

    Raises:
        ConfigError: an unknown key, a value out of its range, or sizes that do not fit together.
    """

    implementation: ClassVar[str] = "regimen.agents.flag_trader.flag_trader:FlagTrader"
    kind: Literal["flag_trader"] = Field(default="flag_trader", description="the algorithm")
    width: int = Field(default=768, ge=1, description="width of a step in the transformer")
    layers: int = Field(default=12, ge=1, description="blocks of the transformer")
    heads: int = Field(default=12, ge=1, description="attention heads of each block; must divide the width")
    hidden: int = Field(default=3072, ge=1, description="width of each block's feed-forward layer")
    context: int = Field(default=256, ge=1, description="observations that an action depends on, at most")
    forget: int | None = Field(
        default=None, ge=1, description="oldest observations dropped when the context is full; null: half of them"
    )
    rank: int = Field(default=16, ge=1, description="rank of the adapters on every linear map in the blocks")
    alpha: float = Field(default=16.0, gt=0.0, description="α of the adapters, whose output is scaled by α/rank")
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0, description="dropout on the adapters' inputs, in updates")
    pretrained: str | None = Field(
        default=None, description="folder of a Hugging Face GPT-2 of these sizes; null: the frozen blocks are random"
    )
    rollout_steps: int = Field(default=128, ge=1, description="steps of every lane between two updates")
    epochs: int = Field(default=4, ge=1, description="passes over a rollout")
    minibatch_windows: int = Field(
        default=16, ge=1, description="windows (pieces of an episode, at most a context long) in one gradient step"
    )
    accumulation: int = Field(
        default=1, ge=1, description="parts that a minibatch is computed in, which saves memory and changes nothing"
    )
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of a step")
    gae_lambda: float = Field(default=0.95, ge=0.0, le=1.0, description="λ of the advantages; 0: one step, 1: all")
    clip: float = Field(default=0.2, gt=0.0, description="half-width of the band of probability ratios")
    entropy_coefficient: float = Field(default=0.0, ge=0.0, description="weight of the entropy, per nat")
    value_coefficient: float = Field(default=0.5, ge=0.0, description="weight of the critic's loss")
    gradient_clip: float = Field(default=0.5, gt=0.0, description="largest norm of a gradient, of policy and of critic")
    learning_rate: float = Field(default=3e-4, gt=0.0, description="highest learning rate of Adam")
    warmup: float = Field(
        default=0.05, ge=0.0, lt=1.0, description="share of a call of learn in which the rate rises linearly"
    )
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    critic: int = Field(default=64, ge=1, description="width of the critic's hidden layer")
    log_std: float = Field(default=-0.5, ge=-5.0, le=2.0, description="first log σ of continuous actions, half-ranges")
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by what was seen")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    value_share: float = Field(
        default=0.25, gt=0.0, le=1.0, description="how far the critic's unit follows the targets of each rollout"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: cuda where there is one, else cpu"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="of products in the blocks; auto: bfloat16 on a cuda device that has it"
    )
    threads: int = Field(default=1, ge=1, description="CPU threads of torch")

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads must divide width; got {self.heads} and {self.width}")
        if self.rank > min(self.width, self.hidden):
            raise ValueError(f"rank must be at most {min(self.width, self.hidden)}, the blocks' width; got {self.rank}")
        if self.forget is not None and self.forget > self.context:
            raise ValueError(f"forget must be at most the context, {self.context}; got {self.forget}")
        return self

    @property
    def kept(self) -> int:
        """Observations that are left of a full context when the next one comes."""
        return self.context - (self.forget or -(-self.context // 2))
