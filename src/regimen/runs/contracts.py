"""The contracts that every model keeps, tried on one of the user's own, in seconds, on a few years of the S&P 500."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.execution import Policy, targets
from regimen.leakage import poison
from regimen.predictors import EstimatorConfig, EstimatorPredictor, TorchPredictor
from regimen.records import RunConfig, model_title, own_model
from regimen.runs.families import require_own_code
from regimen.runs.fit import Fit
from regimen.runs.prepare import Prepared, prepare, prepare_bars
from regimen.runs.window import fit_model, load_policy
from regimen.settings import validated

_SECTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "training": {"epochs": 2, "batch_size": 64},
    "environment": {"steps": 512, "n_envs": 8, "episode_length": 64, "evaluations": 0},
    "exposure": {"dead_band": 0.0},
}
"""Of a run that takes seconds; a model gets those that it reads."""
_ALONE = 40
"""Rows that are asked about one by one."""
_NOT_LOOKED_AT = "-"

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Subject:
    """A model in a small run."""

    config: RunConfig

    @cached_property
    def prepared(self) -> Prepared:
        """Its bars, features, labels and windows."""
        return prepare(self.config)

    @cached_property
    def fit(self) -> Fit:
        """What the first window gave, the first time."""
        return self.fitted(0)

    @cached_property
    def decisions(self) -> Floats:
        """What it decided then."""
        return self.decided(self.fit.policy)

    @cached_property
    def is_seeded(self) -> bool:
        """Whether it decides the same after another fit with the same seed."""
        return np.array_equal(self.decided(self.fitted(0).policy), self.decisions, equal_nan=True)

    def fitted(self, window: int) -> Fit:
        """Fits it on a window's training slice."""
        return fit_model(self.prepared, self.prepared.windows[window], self.config.seed)

    def decided(self, policy: Policy, prepared: Prepared | None = None) -> Floats:
        """Returns what a policy decides on the first test span."""
        test = self.prepared.windows[0].test
        return targets(policy, (prepared or self.prepared).history, test.start, test.stop)

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """Some rows as a predictor sees them, or windows of rows."""
        model = self.fit.model
        assert isinstance(model, EstimatorPredictor | TorchPredictor)
        shape = (256, model.inputs) if model.context == 1 else (256, model.context, model.inputs)
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _same_seed(subject: _Subject) -> str | None:
    if subject.is_seeded:
        return None
    return "two fits with the same seed decide differently: draw every random number from random_state or torch"


def _fresh(subject: _Subject) -> str | None:
    if not subject.is_seeded or len(subject.prepared.windows) < 2:
        return _NOT_LOOKED_AT
    subject.fitted(1)
    if np.array_equal(subject.decided(subject.fitted(0).policy), subject.decisions, equal_nan=True):
        return None
    return "after a fit on another window it decides differently: keep nothing outside the object that is fitted"


def _saved(subject: _Subject) -> str | None:
    with TemporaryDirectory(prefix="regimen-contract-") as name:
        subject.fit.save(Path(name))
        again = load_policy(Path(name), subject.config, subject.prepared.features.hash)
    if np.array_equal(subject.decided(again), subject.decisions, equal_nan=True):
        return None
    return "what was saved and loaded decides differently: all that it learns must be in what it saves"


def _later_bars(subject: _Subject) -> str | None:
    prepared, test = subject.prepared, subject.prepared.windows[0].test
    cut = (test.start + test.stop) // 2
    poisoned = replace(prepared.loaded, bars=poison(prepared.bars, cut, "noise", subject.config.seed))
    other = prepare_bars(subject.config, poisoned, prepared.features, cut)
    before = cut - test.start
    if np.array_equal(subject.decided(subject.fit.policy, other)[:before], subject.decisions[:before], equal_nan=True):
        return None
    return "decisions change with bars that come after them: each may look at its own bar and earlier ones only"


def _lone_rows(subject: _Subject) -> str | None:
    model = subject.fit.model
    if not isinstance(model, EstimatorPredictor | TorchPredictor):
        return _NOT_LOOKED_AT
    whole = model.predict_proba(subject.rows)
    alone = np.concatenate([model.predict_proba(row[None]) for row in subject.rows[:_ALONE]])
    backwards = model.predict_proba(subject.rows[::-1])[::-1]
    if np.array_equal(alone, whole[:_ALONE]) and np.array_equal(backwards, whole):
        return None
    return "a row's probabilities depend on the other rows that are asked about: answer each for itself"


def _inputs(subject: _Subject) -> str | None:
    model, rows = subject.fit.model, subject.rows.copy() if _is_predictor(subject) else None
    if rows is None:
        return _NOT_LOOKED_AT
    if isinstance(model, TorchPredictor):
        import torch

        given = torch.from_numpy(rows)
        with torch.no_grad():
            model.module(given)
    elif isinstance(model, EstimatorPredictor):
        wide, y = rows.astype(np.float64), np.arange(len(rows)) % 3
        model.config.unfitted().fit(wide, y)
        model.estimator.predict_proba(wide)
        rows = wide.astype(np.float32)
    return None if np.array_equal(rows, subject.rows) else "it writes into the rows that it is given: copy them first"


def _weights(subject: _Subject) -> str | None:
    config = subject.config.model
    if not isinstance(config, EstimatorConfig):
        return _NOT_LOOKED_AT
    rows, y = subject.rows, np.arange(len(subject.rows)) % 3
    one, other = (config.build(rows.shape[1], subject.config.seed) for _ in range(2))
    if "sample_weight" not in signature(one.estimator.fit).parameters:
        return _NOT_LOOKED_AT
    one.fit(rows, y, np.ones(len(y)))
    other.fit(rows, y, np.random.default_rng(1).uniform(0.1, 10.0, len(y)))
    if not np.array_equal(one.predict_proba(rows), other.predict_proba(rows)):
        return None
    return "its fit takes sample_weight and does nothing with it: use the weights, or do not take them"


def _is_predictor(subject: _Subject) -> bool:
    return isinstance(subject.fit.model, EstimatorPredictor | TorchPredictor)


_CONTRACTS: Final[Mapping[str, Callable[[_Subject], str | None]]] = {
    "the same seed decides the same": _same_seed,
    "a fit knows nothing of other fits": _fresh,
    "what is saved and loaded decides the same": _saved,
    "no decision depends on later bars": _later_bars,
    "a row's answer does not depend on the other rows": _lone_rows,
    "what it is given stays as it was": _inputs,
    "weights count": _weights,
}


def check_model(
    model: object, settings: Mapping[str, Any] | None = None, *, say: Callable[[str], None] = print, **fields: Any
) -> None:
    """Tries a model of one's own against the contracts that every model of the house keeps; one line for each.

    It is fitted a few times on some years of the S&P 500, with five columns of features and little training. What it is
    worth is not looked at. See also `regimen leaks`, which examines it with the bars and the config of a run.

    Args:
        model: ``path/to/file.py:NAME``, a class, a function, or an estimator; see `regimen.records.own_model`.
        settings: what it is called with.
        say: is told one line for each contract; `print` by default.
        fields: other fields of its config, such as the ``context`` of a torch module.

    Raises:
        ConfigError, RunError: it cannot be made, fitted or asked; or it breaks contracts, which are named.
    """
    with TemporaryDirectory(prefix="regimen-sources-") as folder:
        brought = own_model(model, settings, Path(folder), **fields)
        values = {
            "name": "contracts",
            "data": {"sample": "sp500", "end": "2003-01-01"},
            "features": {"kind": "indicators", "columns": ["rsi_14", "return_5d", "return_20d", "volatility_20d"]},
            "labels": {"kind": "fixed_horizon", "horizon": 3, "volatility_bars": 20},
            "splits": {"train": 400, "test": 150, "embargo": 0},
            "model": brought.model_dump(),
            "tracking": "none",
        }
        sections = {name: {**brought.presets.get(name, {}), **few} for name, few in _SECTIONS.items()}
        subject = _Subject(
            validated(RunConfig, values | {name: few for name, few in sections.items() if name in brought.reads})
        )
        require_own_code(subject.config)
        broken = []
        for contract, kept in _CONTRACTS.items():
            problem = kept(subject)
            if problem != _NOT_LOOKED_AT:
                say(f"kept    {contract}" if problem is None else f"broken  {contract}: {problem}")
            if problem not in (None, _NOT_LOOKED_AT):
                broken.append(contract)
    if broken:
        rule = f"must keep the contracts of a model, and breaks {len(broken)}: {'; '.join(broken)}"
        raise RunError("model", rule, model_title(subject.config.model))
