"""What came out when a finished run was asked again with nothing of the future in reach."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from regimen.reprs import many, short


@dataclass(frozen=True)
class LiveCheck:
    """One comparison of what a run wrote with what comes out live.

    Attributes:
        name: what was compared, such as "window 1, bar by bar".
        compared: bars, or files.
        differing: how many of them differ.
        first: where the first difference is: the time of its bar, or the name of the file; empty where there is none.
    """

    name: str
    compared: int
    differing: int
    first: str = ""

    @property
    def sentence(self) -> str:
        """The outcome in one plain sentence."""
        if not self.differing:
            return f"{self.name}: the same, {self.compared:,} compared"
        return f"{self.name}: {self.differing:,} of {self.compared:,} differ, the first at {self.first}"


@dataclass(frozen=True)
class LiveChecks:
    """All comparisons of a run.

    Attributes:
        checks: in their order.
        notes: what could not be compared, and why.
    """

    checks: tuple[LiveCheck, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        ending = "; ".join(check.sentence for check in self.failures) or "all the same"
        return short(self, f"{many(len(self.checks), 'comparison')}: {ending}")

    @property
    def failures(self) -> tuple[LiveCheck, ...]:
        """The comparisons with a difference."""
        return tuple(check for check in self.checks if check.differing)

    @property
    def passed(self) -> bool:
        """Whether all is the same."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        checks = [{**asdict(check), "sentence": check.sentence} for check in self.checks]
        return {"passed": self.passed, "checks": checks, "notes": list(self.notes)}
