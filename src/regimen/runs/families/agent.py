"""An agent in one walk-forward window: it learns from episodes of the training slice, then trades the test span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from regimen.agents import load_agent
from regimen.envs import MarketCurriculumConfig, shown_by, standing
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.files import scratch
from regimen.learning import Agent, AgentSettings, Checkpoint, Iteration
from regimen.learning.checkpoint import FILE
from regimen.policies import AgentPolicy, Preprocessed, Showing
from regimen.preprocess import Chain
from regimen.records import SEAL, RunConfig, as_written, has_its_seal, plain, read_json, sealed, write_json
from regimen.records.layout import HISTORY, LAST, MODEL
from regimen.runs.families.augmented import augmented
from regimen.runs.families.family import Draw
from regimen.runs.families.lanes import lanes_of, learning_env
from regimen.runs.families.scaling import behind, preprocessed_by, read_chain, write_chain
from regimen.runs.fit import Tell, tell_of_optimiser
from regimen.runs.prepare import Prepared
from regimen.runs.selection import sharpe_after_costs
from regimen.splits import Window

_EVALUATIONS = "evaluations.json"
_POINTS = 300
"""Iterations that are kept of a history."""
_FEW = 2_000
"""A leak shows after so many steps as well as after millions."""


@dataclass(frozen=True, eq=False)
class AgentFit:
    """What the training slice of one window gave.

    Attributes:
        chain: what its features pass through, fitted on the training slice only.
        policy: the agent in accounts like those of its lanes, in the state that did best on the validation slice, or in
            the last one.
        model: that agent.
        last: the agent as it was at the end.
        rows: training rows, (bar, symbol) pairs.
        schema: hash of the features.
        history: all iterations.
        evaluations: annual Sharpe ratio on the validation slice by environment steps; empty without one.
    """

    chain: Chain
    policy: AgentPolicy | Preprocessed
    model: Agent
    last: Agent
    rows: int
    schema: str
    history: list[Iteration]
    evaluations: dict[int, float]

    @property
    def was_chosen(self) -> bool:
        """Whether the validation slice chose the state."""
        return bool(self.evaluations)

    def save(self, folder: Path) -> None:
        """Writes the best agent and the last one, and the course of learning."""
        write_chain(self.chain, folder)
        self.model.save(folder / MODEL)
        self.last.save(folder / LAST)
        thinned = self.history[:: max(1, len(self.history) // _POINTS)]
        course = {
            "rows": self.rows,
            "schema": self.schema,
            "steps": [each.steps for each in thinned],
            "reward": [each.reward for each in thinned],
            "entropy": [each.entropy for each in thinned],
            "numbers": _by_name(thinned),
            "evaluations": {"steps": list(self.evaluations), "sharpe": list(self.evaluations.values())},
            "best_steps": _best(self.evaluations),
        }
        write_json(folder / HISTORY, course)


def _by_name(history: Sequence[Iteration]) -> dict[str, list[float | None]]:
    """Returns what an algorithm tells of itself, a list for each name; null where it was not finite."""
    names = dict.fromkeys(name for each in history for name in each.numbers)
    return {name: [plain(each.numbers.get(name)) for each in history] for name in names}


def _best(evaluations: dict[int, float]) -> int | None:
    return max(evaluations, key=lambda steps: evaluations[steps]) if evaluations else None


def fit(
    prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
) -> AgentFit:
    """Lets an agent learn from a window's training slice; its purged tail, the validation slice, chooses the state.

    Args:
        prepared: bars and features.
        window: the window.
        seed: decides everything random.
        checkpoint: folder that learning which was stopped goes on from, bit for bit.
        tell: progress.

    Raises:
        ConfigError: an episode that is longer than the training slice, or no features in it; a fold of a training
            slice, whose held out bars an agent would trade through.
    """
    if window.test.role == "held_out":
        rule = "must learn from rows to be fitted on folds of a training slice; an agent trades through all of its bars"
        raise ConfigError("model", rule, prepared.config.model.kind)
    try:
        return _fit(prepared, window, seed, checkpoint, tell)
    except RegimenError as error:
        raise as_written(error) from None


def _fit(prepared: Prepared, window: Window, seed: int, checkpoint: Path | None, tell: Tell | None) -> AgentFit:
    config, model = prepared.config, prepared.config.model
    assert isinstance(model, AgentSettings)
    chain, seen_by = preprocessed_by(prepared, window)
    paths, prepared = augmented(prepared, window, seed, chain), seen_by
    env = learning_env(prepared, window, paths, chain)
    tell_of_optimiser(tell, config.environment.steps)
    agent: Agent = model.build(env, seed)
    with scratch("regimen-best-") as temporary:
        folder = checkpoint or temporary
        evaluations = _read_evaluations(folder)

        def follow(iteration: Iteration) -> None:
            if window.validation.rows and _due(iteration, config.environment.evaluations, evaluations):
                now = policy_of(agent, config)
                evaluations[iteration.steps] = sharpe_after_costs(prepared, window.validation, now)
                _write_evaluations(folder, evaluations)
                if _best(evaluations) == iteration.steps:
                    agent.save(folder / "best")
            if tell is not None:
                numbers = {**_numbers(iteration, evaluations), **standing(env)}
                tell(iteration.steps, iteration.total, _message(iteration, standing(env)), numbers)

        keep = None if checkpoint is None else Checkpoint(checkpoint)
        history = agent.learn(env, config.environment.steps, follow, keep)
        best = load_agent(folder / "best", env, model) if evaluations else agent
    schema = prepared.features.hash
    policy = behind(chain, policy_of(best, config))
    return AgentFit(chain, policy, best, agent, window.train.rows, schema, history, evaluations)


def load(folder: Path, config: RunConfig, schema: str) -> AgentPolicy | Preprocessed:
    """Loads what `AgentFit.save` left in a folder.

    Raises:
        RunError: it was trained on features of another schema.
    """
    assert isinstance(config.model, AgentSettings)
    own = read_json(folder / HISTORY).get("schema")
    if schema != own:
        raise RunError("features", f"must have the schema {own} of the agent", schema)
    return behind(read_chain(folder, config), policy_of(load_agent(folder / MODEL, None, config.model), config))


def policy_of(agent: Agent, config: RunConfig) -> AgentPolicy:
    """Returns an agent in accounts like those of its lanes."""
    assert isinstance(config.model, AgentSettings)
    shown = {**shown_by(config.environment.wrappers), **config.model.shows}
    return AgentPolicy(Showing(agent, shown) if shown else agent, lanes_of(config))


def figures() -> tuple[Draw, ...]:
    """Returns nothing: an agent has no pictures of its own."""
    return ()


def short(config: RunConfig) -> RunConfig:
    """Returns the same run with few steps, and without evaluations: so the agent knows the training slice only."""
    whole = config.environment
    steps = min(_FEW, whole.steps)
    wrappers = tuple(
        each.model_copy(update={"steps": max(1, each.steps * steps // whole.steps)})
        if isinstance(each, MarketCurriculumConfig)
        else each
        for each in whole.wrappers
    )
    few = {"steps": steps, "evaluations": 0, "wrappers": wrappers}
    return config.model_copy(update={"environment": whole.model_copy(update=few)})


def _due(iteration: Iteration, number: int, evaluations: dict[int, float]) -> bool:
    """Whether this iteration is the first beyond one of ``number`` evenly spaced places, the last of which is the end.

    Evaluations that a killed process made after its last checkpoint are made again, with the same result.
    """
    passed = max((steps * number // iteration.total for steps in evaluations if steps < iteration.steps), default=0)
    return iteration.steps * number // iteration.total > passed


def _message(iteration: Iteration, lanes: Mapping[str, float]) -> str:
    speed = f"{iteration.steps / iteration.iteration / iteration.seconds:,.0f} steps/s" if iteration.seconds > 0 else ""
    around = "".join(f"{name.replace('_', ' ')} {value:.3g}, " for name, value in lanes.items())
    return f"reward {iteration.reward:+.4f}, entropy {iteration.entropy:.2f}, {around}{speed}"


def _numbers(iteration: Iteration, evaluations: dict[int, float]) -> dict[str, float]:
    """Returns what trackers are told of an iteration; the validation Sharpe ratio where it was evaluated."""
    numbers = {
        "reward": iteration.reward,
        "entropy": iteration.entropy,
        "seconds": iteration.seconds,
        **iteration.numbers,
    }
    if iteration.steps in evaluations:
        numbers["validation_sharpe"] = evaluations[iteration.steps]
    return numbers


def _read_evaluations(folder: Path) -> dict[int, float]:
    """Reads the evaluations of a learning that was stopped; a new one begins with a file of none.

    Raises:
        RunError: the file is damaged, or missing beside a checkpoint: the best state would be chosen from other ones.
    """
    path = folder / _EVALUATIONS
    if not path.exists() and not (folder / FILE).exists():
        _write_evaluations(folder, {})
    values = read_json(path)
    if not has_its_seal(values):
        raise RunError("run", f"holds a damaged {path.name}: its checksum differs", str(folder))
    return {steps: values[str(steps)] for steps in sorted(int(key) for key in values if key != SEAL)}


def _write_evaluations(folder: Path, evaluations: dict[int, float]) -> None:
    write_json(folder / _EVALUATIONS, sealed(plain({str(steps): value for steps, value in evaluations.items()})))
