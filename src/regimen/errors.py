"""Every exception that a user can see: it names the field, the rule and the offending value, on one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Self

_LONGEST_FIELD, _LONGEST_RULE, _LONGEST_VALUE = 200, 1000, 120
_CREDENTIALS = re.compile(r"""(://)[^\s'"]*(?=@)|([?&]\w*(?:pass|pwd|secret|token|key)\w*=)[^\s&'"]+""", re.IGNORECASE)


def without_credentials(text: str) -> str:
    """Returns a text in which what is secret of every address is stars: ``http://***@host/?token=***``."""
    return _CREDENTIALS.sub(lambda match: f"{match[1] or match[2]}***", text)


def printable(text: str, kept: str = "") -> str:
    r"""Returns text in which what is no visible character is written as in Python: ``\x1b``, ``\u202e``.

    That is: control characters, marks of the direction of writing, spaces other than the blank, lone surrogates
    (bytes of a file's name that are no UTF-8), and what Unicode has not assigned.

    Args:
        text: from a file, a name, an argument.
        kept: characters that stay as they are, such as a line break.
    """
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() or mark in kept else repr(mark)[1:-1] for mark in text)


def one_line(text: str, longest: int) -> str:
    """Returns text on one printable line of at most ``longest`` characters; what is too much is left out inside."""
    if len(text) > 4 * longest:  # what is left out need not be looked at
        text = f"{text[: 2 * longest]}…{text[-2 * longest :]}"
    line = printable(" ".join(text.split()))
    if len(line) <= longest:
        return line
    tail = longest // 3
    return f"{line[: longest - tail - 1]}…{line[-tail:]}"


class _Missing:
    """Marks an error that has no offending value to show."""


_MISSING = _Missing()


class RegimenError(Exception):
    """A mistake that the user can mend; the command line prints it as one line and exits with 2.

    Args:
        field: what is wrong, in the user's own words: a config key, a column, a file.
        rule: what would be right, as a sentence fragment ("must be positive").
        value: the offending value; it is shown with ``repr`` and cut at 120 characters.

    The line is printable whatever the three hold: names come from files and arguments.
    """

    def __init__(self, field: str, rule: str, value: object = _MISSING) -> None:
        self.field = field
        self._given = value
        self.rule = rule
        self.value = None if isinstance(value, _Missing) else value
        line = f"{one_line(field, _LONGEST_FIELD)}: {one_line(rule, _LONGEST_RULE)}"
        if not isinstance(value, _Missing):
            line += f"; got {_shown(value)}"
        super().__init__(without_credentials(line))

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

    def in_words(self, words: Callable[[str], str]) -> Self:
        """The same mistake with its field and its rule in other words."""
        return type(self)(words(self.field), words(self.rule), self._given)


def _shown(value: object) -> str:
    try:
        text = without_credentials(" ".join(repr(value).split()))
    except RecursionError:  # lists in lists, a thousand deep
        text = f"a {type(value).__name__} nested too deeply to be shown"
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


class ConfigError(RegimenError):
    """A configuration that cannot be run: unknown key, wrong type, impossible combination."""


class DataError(RegimenError):
    """Market data that cannot be read, or that breaks a rule and is not repaired by an explicit policy."""


class SplitError(RegimenError):
    """A split that would be empty, would overlap, or would be fitted on outside its training slice."""


class RunError(RegimenError):
    """A run directory that is missing, unwritable, incomplete or made by another version."""
