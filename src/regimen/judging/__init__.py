"""The judge: controls, intervals, deflation by every trial, and a verdict in one plain sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.judging.acting import Acting, Information, Modes
    from regimen.judging.behaviour import Conduct
    from regimen.judging.controls.constants import ConstantExposure
    from regimen.judging.controls.experiment import LOOKS_GOOD, ControlExperiment, moved_later
    from regimen.judging.controls.random_timing import Draws
    from regimen.judging.document import plain
    from regimen.judging.growth import Difference
    from regimen.judging.judgement import Judgement, Sample, dsr_now, level_now
    from regimen.judging.judging import judge
    from regimen.judging.measures import Row
    from regimen.judging.periods import PeriodRow, by_period, calendar_edges
    from regimen.judging.regimes.episodes import EPISODES, Episode
    from regimen.judging.regimes.rows import RegimeRow, Regimes, profit, regimes_of
    from regimen.judging.regimes.states import MarketStates, market_states, volatility_states
    from regimen.judging.seeds import Distribution, Fan, SeedRow, Seeds, SeedSummary, judge_seeds, seed_summary
    from regimen.judging.symbols import SymbolProfit, SymbolProfits, symbol_profits
    from regimen.judging.timing import Timing, TimingMoments, timing_sharpe
    from regimen.judging.trials import Trials
    from regimen.judging.verdicts.alarms import COLLAPSE, Alarm
    from regimen.judging.verdicts.evidence import CONFIDENCE, LUCK, Evidence
    from regimen.judging.verdicts.verdict import Level, Rule, Verdict, decide

__all__ = [
    "COLLAPSE",
    "CONFIDENCE",
    "EPISODES",
    "LOOKS_GOOD",
    "LUCK",
    "Acting",
    "Alarm",
    "Conduct",
    "ConstantExposure",
    "ControlExperiment",
    "Difference",
    "Distribution",
    "Draws",
    "Episode",
    "Evidence",
    "Fan",
    "Information",
    "Judgement",
    "Level",
    "MarketStates",
    "Modes",
    "PeriodRow",
    "RegimeRow",
    "Regimes",
    "Row",
    "Rule",
    "Sample",
    "SeedRow",
    "SeedSummary",
    "Seeds",
    "SymbolProfit",
    "SymbolProfits",
    "Timing",
    "TimingMoments",
    "Trials",
    "Verdict",
    "by_period",
    "calendar_edges",
    "decide",
    "dsr_now",
    "judge",
    "judge_seeds",
    "level_now",
    "market_states",
    "moved_later",
    "plain",
    "profit",
    "regimes_of",
    "seed_summary",
    "symbol_profits",
    "timing_sharpe",
    "volatility_states",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "dsr_now": ".judgement",
        "level_now": ".judgement",
        "plain": ".document",
        "Acting": ".acting",
        "Alarm": ".verdicts.alarms",
        "Conduct": ".behaviour",
        "COLLAPSE": ".verdicts.alarms",
        "Episode": ".regimes.episodes",
        "EPISODES": ".regimes.episodes",
        "market_states": ".regimes.states",
        "volatility_states": ".regimes.states",
        "profit": ".regimes.rows",
        "RegimeRow": ".regimes.rows",
        "Regimes": ".regimes.rows",
        "regimes_of": ".regimes.rows",
        "MarketStates": ".regimes.states",
        "CONFIDENCE": ".verdicts.evidence",
        "LUCK": ".verdicts.evidence",
        "Level": ".verdicts.verdict",
        "ConstantExposure": ".controls.constants",
        "ControlExperiment": ".controls.experiment",
        "LOOKS_GOOD": ".controls.experiment",
        "moved_later": ".controls.experiment",
        "Difference": ".growth",
        "Distribution": ".seeds",
        "Draws": ".controls.random_timing",
        "Evidence": ".verdicts.evidence",
        "Fan": ".seeds",
        "Information": ".acting",
        "Judgement": ".judgement",
        "Modes": ".acting",
        "PeriodRow": ".periods",
        "Row": ".measures",
        "Rule": ".verdicts.verdict",
        "Sample": ".judgement",
        "SeedRow": ".seeds",
        "SeedSummary": ".seeds",
        "Seeds": ".seeds",
        "SymbolProfit": ".symbols",
        "SymbolProfits": ".symbols",
        "symbol_profits": ".symbols",
        "Timing": ".timing",
        "TimingMoments": ".timing",
        "Trials": ".trials",
        "Verdict": ".verdicts.verdict",
        "by_period": ".periods",
        "calendar_edges": ".periods",
        "decide": ".verdicts.verdict",
        "judge": ".judging",
        "judge_seeds": ".seeds",
        "seed_summary": ".seeds",
        "timing_sharpe": ".timing",
    },
)
