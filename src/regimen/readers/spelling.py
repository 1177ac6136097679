"""How an option is written in a shell or in Python, so that what a message says can be pasted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

import yaml

_OPTION = re.compile(r"""\bdata\.(\w+)(?:\.(\w+))?(?!\w|\.\w)(?:=("[^"]*"|'[^']*'|[^\s;,()]+))?""")


def shell_word(text: str) -> str:
    """Returns text as one word of a shell: in double quotes where these keep it as it is."""
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'


def columns_option(columns: Mapping[str, str] | Sequence[str]) -> str:
    """Returns the option that gives columns their meaning: ``data.columns="{time: Datum, open: Erster}"``."""
    plain = dict(columns) if isinstance(columns, Mapping) else list(columns)
    written = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return f"data.columns={shell_word(written.strip())}"


def keywords(text: str) -> str:
    """Returns a message with its options as keyword arguments: ``close_only=True`` for ``data.close_only=true``."""
    return _OPTION.sub(_keyword, text)


def _keyword(option: re.Match[str]) -> str:
    name, inner, text = option.groups()
    if text is None:
        return f"{name}={{{inner!r}: ...}}" if inner else name
    written = " or ".join(map(_value, [text] if text[0] in "\"'" else text.split("|")))
    return f"{name}={{{inner!r}: {written}}}" if inner else f"{name}={written}"


def _value(text: str) -> str:
    if text == "..." or text[0] == "'":
        return text
    return repr(yaml.safe_load(text.strip('"')))
