"""Text for a terminal: nothing in it moves the cursor, breaks the line, turns the writing round or fills the screen."""

from __future__ import annotations

import codecs
import unicodedata

FALLBACK = "regimen-ascii"
"""Name of the error handler that writes in ASCII what a character set lacks; see `codecs.register_error`."""

_ASCII = {
    "–": "-", "—": "-", "−": "-", "…": "...", "·": "-", "•": "*", "×": "x", "→": "->", "←": "<-", "±": "+-",
    "≤": "<=", "≥": ">=", "≈": "~", "√": "sqrt", "σ": "sigma", "µ": "u", "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


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


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Spells the characters that cannot be encoded: by a like mark, by their base letter, or by their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    spelt = []
    for mark in error.object[error.start : error.end]:
        base = unicodedata.normalize("NFKD", mark).encode("ascii", "ignore").decode()
        spelt.append(_ASCII.get(mark) or base or mark.encode("ascii", "backslashreplace").decode())
    return "".join(spelt), error.end


codecs.register_error(FALLBACK, _in_ascii)
