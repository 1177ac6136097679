"""Which methods against a policy that only holds help on real bars: the agents of the collapse suite, paired.

Run ``regimen bench holding -- --data ../shared/data [--markets btc sol sp500] [--agents ppo ppo+icm ...] [--seeds 3]
[--steps 100000] [--runs FOLDER] [--write FILE.md] [--overrides KEY=VALUE ...]``.

Every agent has the defaults of its config, sees the standard features and its account, chooses of −1, 0 and 1, and
learns from the same number of environment steps on 64 lanes (the evolution strategy from 80 times as many, on 1,040;
where a population needs more lanes, on so many). Each is an ordinary run in a folder for its market, walk-forward and
with the costs of the market, counted there in one trial ledger; what is finished is not trained again, so an
interrupted call goes on. An agent has *given up* in a window of a seed if its commonest exposure has 95 % of the bars
or more. The Sharpe ratios of windows are paired with those of the first agent over seeds and windows. I(S;A) is of the
first seed; the deflated Sharpe ratio is of its timing, over all trials of the folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from ablation import PLACES

from regimen.judging import Judgement
from regimen.judging.behaviour import behaviour
from regimen.judging.controls.targets import standing
from regimen.numerals import number
from regimen.records import RunConfig, list_runs, read_json, resolve
from regimen.reporting.ablation import Ablation, Arm, Column
from regimen.runs.ablation import MEASURES, Measure, PlannedArm, Scored, ablate_arms
from regimen.runs.collapse.diagnosis import ONE_ACTION
from regimen.settings import apply_overrides
from regimen.splits import Window
from regimen.work import Compute

SPLITS: dict[str, str] = {
    "btc": "splits={train: 2y, test: 1y, start: '2018-01-01'}",
    "sol": "splits={train: 1y, test: 4mo}",
    "sp500": "splits={train: 5y, test: 5y}",
}
"""Few windows that cover all of a market's test bars."""
SYMBOLS = {"sp500": 33}
AGENTS: dict[str, tuple[str, ...]] = {
    "ppo": ("model={kind: ppo}",),
    "ppo+icm": ("model={kind: ppo, bonus: {kind: icm}}",),
    "ppo+rnd": ("model={kind: ppo, bonus: {kind: rnd}}",),
    "ppo+shaped": ("model={kind: ppo}", "environment.wrappers=[{kind: shaped, gamma: 0.99, learned: {}}]"),
    "vtrace": ("model={kind: vtrace}",),
    "es": ("model={kind: es}",),
    "sac": ("model={kind: sac}",),
    "sac+icm": ("model={kind: sac, bonus: {kind: icm}}",),
    "mosac": ("model={kind: mosac}",),
    "options": ("model={kind: options}",),
    "hybrid_es": ("model={kind: hybrid_es}",),
    "cloned": ("model={kind: cloned}",),
}
"""The settings that each agent is; those of a new one are one line more."""
POPULATIONS = {"es": 65, "hybrid_es": 19}
"""Lanes of one symbol that an agent needs at least."""


def _share(scored: Scored, seed: int, window: Window) -> float:
    """The share of the bars, %, that each symbol spends at its own commonest exposure."""
    cut = scored.traded(window)
    books = scored.ledger(seed)
    bars, rows = scored.prepared.bars, slice(window.test.start, window.test.stop)
    targets, exposure, turnover = standing(books.targets)[cut], books.exposure[cut], books.turnover[cut]
    conduct, _ = behaviour(targets, exposure, turnover, bars.open[rows], bars.close[rows], bars.present[rows])
    return 100.0 * conduct.modal_share


SHARE = Measure(Column("share", "commonest exposure, %", -1, 0, "share of the bars"), _share)


def config_of(agent: str, market: str, data: Path, seeds: int, steps: int, overrides: Sequence[str]) -> RunConfig:
    """Returns the run of an agent on a market."""
    words = [word.replace("{data}", str(data)) for word in PLACES[market].words]
    words = [word for word in words if word.startswith(("data.", "labels", "market"))]
    symbols = SYMBOLS.get(market, 1)
    lanes = max(1040 if agent == "es" else 64, symbols * POPULATIONS.get(agent, 1))
    words += [SPLITS[market], "features={kind: standard}", "environment.actions={kind: levels, levels: [-1, 0, 1]}"]
    words += [f"environment.n_envs={lanes}", f"environment.steps={80 * steps if agent == 'es' else steps}"]
    words += [f"seeds={seeds}", f"name={market}-{agent.replace('+', '-')}", *AGENTS[agent], *overrides]
    return resolve(apply_overrides({"tracking": None}, words))


def lines(ablation: Ablation, home: Path, first: str) -> Iterator[str]:
    """Yields the table of a market in Markdown."""
    deflated = {row["run"]: row.get("dsr_now", row["dsr"]) for row in list_runs(home)}
    yield f"{ablation.windows} windows, {ablation.seeds} seeds, {ablation.trials} trials."
    yield ""
    heads = f"agent | net Sharpe [95 %] | to `{first}` | turnover a year | commonest exposure | gave up | I(S;A) | DSR"
    yield f"| {heads} |"
    yield "|---|" + "---:|" * heads.count("|")
    base = ablation.arm("base")
    for arm in ablation.arms:
        share = arm.scores["share"]
        gave_up = int((share >= 100.0 * ONE_ACTION).sum())
        judgement = Judgement.from_dict(read_json(home / arm.run / "judgement.json"))
        information = judgement.information
        yield (
            "| "
            + " | ".join(
                (
                    f"`{arm.method or first}`",
                    _with_interval(ablation, arm),
                    "" if arm is base else _paired(ablation, arm, base),
                    number(ablation.level_of(arm, "turnover").estimate, 0),
                    f"{np.mean(share):.0f} %",
                    f"{gave_up}/{share.size}",
                    "–" if information is None else number(information.nats, 3),
                    number(deflated[arm.run], 3),
                )
            )
            + " |"
        )
    yield ""
    yield from (text for note in (ablation.rule, *ablation.notes) for text in (note, ""))


def _with_interval(ablation: Ablation, arm: Arm) -> str:
    level = ablation.level_of(arm, "sharpe")
    return f"{number(level.estimate)} [{number(level.low)}, {number(level.high)}]"


def _paired(ablation: Ablation, arm: Arm, base: Arm) -> str:
    pair = ablation.difference(arm, base, "sharpe")
    return f"{number(pair.mean, plus=True)} [{number(pair.low, plus=True)}, {number(pair.high, plus=True)}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains what is missing, prints the tables, and writes them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the market data")
    parser.add_argument("--runs", type=Path, default=Path("runs/holding"))
    parser.add_argument("--markets", nargs="+", default=list(SPLITS), choices=list(SPLITS))
    parser.add_argument("--agents", nargs="+", default=list(AGENTS), choices=list(AGENTS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100_000, help="environment steps of every agent in each window")
    parser.add_argument("--compute", default="local", help="local, processes:N, ray or ray://HOST:PORT")
    parser.add_argument("--overrides", nargs="*", default=[], metavar="KEY=VALUE", help="given to every run")
    parser.add_argument("--write", type=Path, help="a file of Markdown")
    given = parser.parse_args(arguments)
    measures = (*(each for each in MEASURES if each.column.name in ("sharpe", "turnover")), SHARE)
    text: list[str] = []
    for market in given.markets:
        first, home = given.agents[0], given.runs / market
        arms = [
            PlannedArm(
                "base" if agent == first else "alone",
                "" if agent == first else agent,
                config_of(agent, market, given.data, given.seeds, given.steps, given.overrides),
            )
            for agent in given.agents
        ]

        def tell(done: int, total: int, message: str, market: str = market) -> None:
            print(f"{market} {done}/{total} {message}", file=sys.stderr, flush=True)

        with Compute.parse(given.compute).mapper() as mapper:
            ablation = ablate_arms(market, arms, home, tell, by="sharpe", measures=measures, mapper=mapper)
        text += [f"## {PLACES[market].title}", "", *lines(ablation, home, first)]
    print("\n".join(text))
    if given.write is not None:
        given.write.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
