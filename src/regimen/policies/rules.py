"""What the configs of all rules share: they say what they read, and build their policy; nothing is fitted."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from regimen.reprs import short_config
from regimen.settings import ModelSettings

if TYPE_CHECKING:
    from regimen.execution import Policy
    from regimen.policies.exposure import ExposureConfig


class RuleSettings(ModelSettings):
    """Every number of a rule, once: its config is all that there is to know of it."""

    reads: ClassVar[tuple[str, ...]] = ("exposure",)

    def __repr__(self) -> str:
        return short_config(self)

    @abstractmethod
    def build(self, exposure: ExposureConfig, names: tuple[str, ...] = ()) -> Policy:
        """Returns the policy.

        Args:
            exposure: how an opinion becomes exposure.
            names: of the feature columns that it will be shown.
        """
