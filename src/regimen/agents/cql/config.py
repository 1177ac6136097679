"""`CQLConfig`: every number that decides how conservative Q-learning learns, once."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from regimen.learning import AgentSettings, DatasetConfig


class CQLConfig(AgentSettings):
    """Conservative Q-learning (Kumar et al. 2020, arXiv 2006.04779), CQL(H), for discrete actions.

    An offline agent: `learn` records transitions of ``dataset``'s behaviour, then makes ``updates`` updates.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    implementation: ClassVar[str] = "regimen.agents.cql.cql:CQL"
    kind: Literal["cql"] = Field(default="cql", description="the algorithm")
    dataset: DatasetConfig = Field(default=DatasetConfig(), description="who acts while the dataset is recorded")
    updates: int = Field(default=4000, ge=1, description="updates of the critics in one call of learn")
    report_updates: int = Field(default=200, ge=1, description="updates in one iteration")
    batch_size: int = Field(default=256, ge=1, description="transitions in one update")
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of a step")
    n_step: int = Field(default=1, ge=1, description="rewards before the bootstrap; above 1 it is of the behaviour")
    alpha: float | None = Field(
        default=0.1, ge=0.0, description="weight of the conservative penalty, in normalised rewards; null: learned"
    )
    threshold: float = Field(
        default=0.5,
        ge=0.0,
        description="where alpha is learned: the allowed penalty above log(choices), which equal values have",
    )
    alpha_rate: float = Field(
        default=1e-3, gt=0.0, description="learning rate of Adam for the logarithm of alpha, where alpha is null"
    )
    loss: Literal["huber", "mse"] = Field(
        default="huber", description="of a temporal difference d: d^2/2, beyond 1 |d| - 1/2 with huber"
    )
    learning_rate: float = Field(default=1e-3, gt=0.0, description="learning rate of Adam at the first update")
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    tau: float = Field(default=0.005, gt=0.0, le=1.0, description="share of the critics that their targets take over")
    target_interval: int = Field(
        default=1, ge=1, description="updates between two moves of the targets; with tau 1 a hard copy"
    )
    critics: int = Field(default=2, ge=1, description="networks side by side; the smallest target is bootstrapped from")
    network: Literal["one_hot", "heads"] = Field(
        default="one_hot",
        description="one_hot: Q(s, one-hot a) with layer norms; heads: Q(s) with one output per action, much faster",
    )
    hidden: tuple[PositiveInt, ...] = Field(
        default=(256, 128, 64), min_length=1, description="widths of the hidden layers of each critic"
    )
    temperature: float = Field(
        default=0.0, ge=0.0, description="drawn actions are of softmax(Q / temperature); 0: always the best"
    )
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by the dataset's")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    normalise_rewards: bool = Field(default=True, description="critics work in units of the rewards' deviation")
    device: Literal["auto", "cpu", "cuda"] = Field(default="cpu", description="where to learn; auto: cuda if there")
    threads: int = Field(default=1, ge=1, description="CPU threads of torch")
