"""Every exception that a user can see: it names the field, the rule and the offending value, on one line."""

from __future__ import annotations

import re
from typing import Self

_LONGEST_VALUE = 120
_CREDENTIALS = re.compile(r"""(://)[^\s'"]*(?=@)|([?&]\w*(?:pass|pwd|secret|token|key)\w*=)[^\s&'"]+""", re.IGNORECASE)


def without_credentials(text: str) -> str:
    """Returns a text in which what is secret of every address is stars: ``http://***@host/?token=***``."""
    return _CREDENTIALS.sub(lambda found: f"{found[1] or found[2]}***", text)


class _Missing:
    """Marks an error that has no offending value to show."""


_MISSING = _Missing()


class RegimenError(Exception):
    """A mistake that the user can mend; the command line prints it as one line and exits with 2.

    Args:
        field: what is wrong, in the user's own words: a config key, a column, a file.
        rule: what would be right, as a sentence fragment ("must be positive").
        value: the offending value; it is shown with ``repr`` and cut at 120 characters.
    """

    def __init__(self, field: str, rule: str, value: object = _MISSING) -> None:
        self.field = field
        self._given = value
        self.rule = rule
        self.value = None if isinstance(value, _Missing) else value
        line = f"{field}: {rule}"
        if not isinstance(value, _Missing):
            shown = without_credentials(repr(value))
            if len(shown) > _LONGEST_VALUE:
                shown = shown[: _LONGEST_VALUE - 1] + "…"
            line += f"; got {shown}"
        super().__init__(without_credentials(" ".join(line.split())))

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, object]]:
        """Lets another process raise it here as it was."""
        return type(self), (self.field, self.rule, self._given)

    def within(self, prefix: str) -> Self:
        """The same mistake, with its field named from further outside: ``costs.x`` is ``market.costs.x``."""
        return self.named(prefix + self.field)

    def adding(self, words: str) -> Self:
        """The same mistake with more said of its rule."""
        return type(self)(self.field, self.rule + words, self._given)

    def named(self, field: str) -> Self:
        """The same mistake under the name that the user wrote."""
        return type(self)(field, self.rule, self._given)


class ConfigError(RegimenError):
    """A configuration that cannot be run: unknown key, wrong type, impossible combination."""


class DataError(RegimenError):
    """Market data that cannot be read, or that breaks a rule and is not repaired by an explicit policy."""


class SplitError(RegimenError):
    """A split that would be empty, would overlap, or would be fitted on outside its training slice."""


class RunError(RegimenError):
    """A run directory that is missing, unwritable, incomplete or made by another version."""
