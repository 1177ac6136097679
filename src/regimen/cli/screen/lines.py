"""Plain lines to the terminal, in whatever character set it has; what would be a command to it is spelt out."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

from regimen.errors import printable


def say(text: str, error: bool = False) -> None:
    """Writes lines of plain text to standard output, or error."""
    stream = sys.stderr if error else sys.stdout
    stream.write(printable(text, kept="\n") + "\n")


_FALLBACK = "regimen-ascii"
_SPELT = {
    "–": "-", "—": "-", "−": "-", "…": "...", "·": "-", "•": "*", "×": "x", "→": "->", "←": "<-", "±": "+-",
    "≤": "<=", "≥": ">=", "≈": "~", "√": "sqrt", "σ": "sigma", "µ": "u", "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Spells the characters that cannot be encoded: by a like mark, by their base letter, or by their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    spelt = []
    for mark in error.object[error.start : error.end]:
        base = unicodedata.normalize("NFKD", mark).encode("ascii", "ignore").decode()
        spelt.append(_SPELT.get(mark) or base or mark.encode("ascii", "backslashreplace").decode())
    return "".join(spelt), error.end


codecs.register_error(_FALLBACK, _in_ascii)

_ASCII = codecs.lookup("ascii")
_UNDER_OTHER_NAME = codecs.CodecInfo(
    *_ASCII[:4],
    incrementalencoder=_ASCII.incrementalencoder,
    incrementaldecoder=_ASCII.incrementaldecoder,
    name="regimen-terminal",
)
codecs.register({_UNDER_OTHER_NAME.name.replace("-", "_"): _UNDER_OTHER_NAME}.get)


def spell_what_cannot_be_encoded() -> None:
    """Lets both streams fall back to ASCII for characters that the terminal's character set lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # typer takes "ascii" for a mistake of the system's and writes UTF-8 all the same
            name = _UNDER_OTHER_NAME.name if codecs.lookup(stream.encoding) == _ASCII else stream.encoding
            stream.reconfigure(encoding=name, errors=_FALLBACK)


def with_blanks(text: str) -> str:
    """Returns text without the no-break spaces of our pages, which a terminal would have spelt out: 4.2%, 5 bp."""
    return text.replace("\u202f%", "%").replace("\u202f", " ").replace("\xa0", " ")
