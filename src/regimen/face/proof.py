"""`prove`: agents on markets whose best policy is known, and the table of what they reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from regimen.agents import OwnAgentConfig
from regimen.errors import ConfigError
from regimen.face.progress import Advance, advancing
from regimen.learning import AgentSettings
from regimen.own import source_of
from regimen.proving import EXPERIMENTS, FAST, Experiment, Result, experiments_of, in_percent, installed, select
from regimen.proving import prove as run_experiments
from regimen.proving.table import HEADINGS, document, missed, rows
from regimen.reprs import many, short
from regimen.work import Compute

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Proof:
    """What agents reached on markets with a known optimum.

    Attributes:
        results: one for each agent and market, with every seed.
    """

    results: tuple[Result, ...]

    @property
    def met(self) -> bool:
        """Whether every demand was met."""
        return all(result.met for result in self.results)

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of one row for each agent, market, mode and seed, with its score and measures."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"agent": result["agent"], "market": result["market"], "mode": mode, "seed": run["seed"], **run[mode]}
                for result in document(self.results)["results"]
                for run in result["runs"]
                for mode in result["summary"]
            ]
        )

    def __repr__(self) -> str:
        names = ", ".join(str(result.experiment) for result in self.results)
        ending = "every demand is met" if self.met else f"{many(len(missed(self.results)), 'demand')} missed"
        return short(self, f"{names}: {ending}")

    def _repr_html_(self) -> str:
        from regimen.charts import card, html_table

        sentences = [f"Missed: {each}." for each in missed(self.results)]
        return card(repr(self), sentences, html_table(HEADINGS, rows(self.results)))


def prove(
    agent: str | type | AgentSettings | Sequence[str] | None = None,
    market: str | Sequence[str] | None = None,
    *,
    seeds: int = 10,
    fast: bool = False,
    compute: str = "local",
    progress: bool | Advance | None = None,
) -> Proof:
    """Trains agents on markets with a known optimum; score = (J − J_base)/(J* − J_base), 1 is the optimum.

    Args:
        agent: names, such as ``"ppo"``; a config, which is tried with its own numbers; or a class of your own or its
            place, ``"my_agent.py:MyAgent"``. All by default.
        market: names, such as ``"hysteresis"``; all that the agent is tried on by default.
        seeds: of each agent on each market.
        fast: quick markets only, few steps, lower demands, at most 2 seeds.
        compute: as in `train`.
        progress: as in `train`.

    Raises:
        ConfigError: an unknown name, or names that are not tried together.
        RunError: an agent that diverged.
    """
    markets = _names(market)
    if isinstance(agent, type):
        agent = OwnAgentConfig(source=source_of(agent, "agent", Path("sources")))
    if isinstance(agent, AgentSettings):
        chosen = _with(agent, select(FAST if fast else EXPERIMENTS, (), markets))
    else:
        chosen = experiments_of(_names(agent), markets, fast)
        chosen = chosen if agent is not None else installed(chosen)[0]
    seeds = min(seeds, 2) if fast else seeds
    with Compute.parse(compute).mapper() as mapper, advancing(progress) as advance:
        return Proof(tuple(run_experiments(chosen, seeds, in_percent(advance, chosen, seeds), mapper)))


def _names(names: str | Sequence[str] | None) -> Sequence[str]:
    if names is None or isinstance(names, str):
        return () if names is None else (names,)
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ConfigError("agent/market", "must be names, or for an agent one config", names)
    return names


def _with(agent: AgentSettings, experiments: Sequence[Experiment]) -> tuple[Experiment, ...]:
    """One experiment for each market, with the steps that agents of its kind get there, or else that others get."""
    by_market: dict[str, Experiment] = {}
    for each in experiments:
        name = each.arena.name
        if name not in by_market or type(each.agent) is type(agent) is not type(by_market[name].agent):
            by_market[name] = each
    return tuple(replace(each, agent=agent, name="") for each in by_market.values())
