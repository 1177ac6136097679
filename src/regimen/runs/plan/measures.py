"""What the gates of a phase ask for, measured of a finished attempt."""

from __future__ import annotations

from regimen.agents import ClonedConfig, RecurrentPPOConfig
from regimen.envs import ContinuousConfig
from regimen.judging import Judgement
from regimen.learning import AgentSettings
from regimen.proving import KnownMarketEnv, PlayableMarket, evaluate
from regimen.records import RunConfig, RunDirectory, read_json
from regimen.runs.collapse import collapse_of
from regimen.runs.plan.gates import Gate, InformationGate, Market, Measured, OptimumGate
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    MartingaleConfig,
    OrnsteinUhlenbeckConfig,
)

_MARKETS: dict[str, PlayableMarket] = {
    "martingale": MartingaleConfig(),
    "ar1": Ar1Config(),
    "ou": OrnsteinUhlenbeckConfig(),
    "hysteresis": HysteresisConfig(cost=1.0),
    "garleanu-pedersen": GarleanuPedersenConfig(),
    "hidden": HiddenRegimeConfig(),
}
_PATH, _LANES, _WALKS, _WALK = 50_000, 128, 16, 1000


def measured_of(directory: RunDirectory, config: RunConfig, gates: tuple[Gate, ...]) -> Measured:
    """Returns what is known of a finished run, by its judgement; more where a gate asks for it."""
    judgement = Judgement.from_dict(read_json(directory.path / "judgement.json"))
    rows = {row.name: row for row in judgement.rows}
    right = False
    information: float | None = None
    if any(isinstance(gate, InformationGate) for gate in gates):
        collapse = collapse_of(directory, lambda *_: None, twin=False)
        right, information = collapse.right, collapse.evidence.information
    shares: dict[str, float] = {
        gate.market: share_of_optimum(config, gate.market, gate.steps)
        for gate in gates
        if isinstance(gate, OptimumGate)
    }
    partitions = judgement.regimes or ()
    return Measured(
        information=information,
        right=right,
        differ=None if judgement.modes is None else judgement.modes.differ,
        drawdown=rows["policy"].max_drawdown,
        reference_drawdown=rows["buy_and_hold"].max_drawdown,
        regimes=tuple(row.pnl for row in partitions[0].rows) if partitions else (),
        windows=tuple((row.total_return, 0.0) for row in judgement.windows or ()),
        shares=shares,
    )


def _without_columns(model: AgentSettings) -> AgentSettings:
    """Returns an agent as it can be where there is a signal and a position only; an expert is that of the market."""
    changes: dict[str, object] = {name: None for name in ("bonus", "auxiliary") if getattr(model, name, None)}
    if isinstance(model, ClonedConfig):
        changes["expert"] = "optimum"
    return model.model_copy(update=changes)


def share_of_optimum(config: RunConfig, name: Market, steps: int) -> float:
    """Returns what the run's agent reaches on a known market; 1 for a model that is no agent.

    On a martingale, where the optimum earns nothing, it is 1 less its turnover over that of random sides.
    """
    model, market = config.model, _MARKETS[name]
    if not isinstance(model, AgentSettings):
        return 1.0
    levels = None if isinstance(config.environment.actions, ContinuousConfig) else (-1.0, 0.0, 1.0)
    shows = not (name == "hidden" and isinstance(model, RecurrentPPOConfig))
    env = KnownMarketEnv(market, market.simulate(_PATH, config.seed), _LANES, levels=levels, show_position=shows)
    agent = _without_columns(model).build(env, config.seed)
    agent.learn(env, steps)
    result = evaluate(agent, market, config.seed, levels=levels, paths=_WALKS, bars=_WALK, show_position=shows)
    return 1.0 - result.turnover / (8.0 / 9.0) if name == "martingale" else result.score
