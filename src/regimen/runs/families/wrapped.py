"""What a run's config puts around the policies of its windows: fitted after the model, kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from regimen.policies import Fitting, Policy, PolicyWrapper, WrapperSettings
from regimen.records import RunConfig
from regimen.records.layout import WRAPPERS
from regimen.runs.families.scaling import read_arrays, write_arrays
from regimen.runs.families.sizing import limits_of
from regimen.runs.fit import Fit
from regimen.runs.prepare import Prepared
from regimen.splits import Window


def wrappers_of(config: RunConfig) -> dict[str, WrapperSettings]:
    """Returns the sections of a config that stand around a policy, the innermost first."""
    sections = {name: getattr(config, name, None) for name in WRAPPERS}
    return {name: section for name, section in sections.items() if section is not None}


@dataclass(frozen=True, eq=False)
class WrappedFit:
    """What the training slice of a window gave, and what was fitted around it.

    Attributes:
        fit: of the model's family.
        wrappers: by their section, the innermost first.
        policy: the family's policy inside all of them.
    """

    fit: Fit
    wrappers: Mapping[str, PolicyWrapper]
    policy: Policy

    @property
    def model(self) -> object:
        """The predictor or the agent."""
        return self.fit.model

    @property
    def rows(self) -> int:
        """Training rows."""
        return self.fit.rows

    @property
    def was_chosen(self) -> bool:
        """True: the validation slice is among what a wrapper may be fitted on."""
        return True

    def save(self, folder: Path) -> None:
        """Writes what the family writes, and what each wrapper was fitted to."""
        self.fit.save(folder)
        for name, wrapper in self.wrappers.items():
            write_arrays(folder, WRAPPERS[name], wrapper.state())


def unwrapped_fit(fit: Fit) -> Fit:
    """Returns what the model's family gave."""
    return fit.fit if isinstance(fit, WrappedFit) else fit


def wrapped(prepared: Prepared, window: Window, fit: Fit) -> Fit:
    """Returns a fit with the config's wrappers around its policy, each fitted around those before it."""
    policy, fitted = fit.policy, dict[str, PolicyWrapper]()
    for name, settings in wrappers_of(prepared.config).items():
        market, limits = prepared.config.market, limits_of(prepared.config)
        seen = Fitting(policy, prepared.history, prepared.labels, market, window.train, window.validation, limits)
        fitted[name] = settings.fit(seen)
        policy = fitted[name].around(policy)
    return WrappedFit(fit, fitted, policy) if fitted else fit


def behind_wrappers(policy: Policy, folder: Path, config: RunConfig) -> Policy:
    """Returns a window's policy with the wrappers around it that `WrappedFit.save` wrote.

    Raises:
        RunError: a file is missing or damaged.
    """
    for name, settings in wrappers_of(config).items():
        policy = settings.from_state(read_arrays(folder, WRAPPERS[name])).around(policy)
    return policy
