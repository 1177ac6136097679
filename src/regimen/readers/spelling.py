"""How an option is written in a shell, so that what a message says can be pasted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

import yaml


def shell_word(text: str) -> str:
    """Returns text as one word of a shell: in double quotes where these keep it as it is."""
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'


def columns_option(columns: Mapping[str, str] | Sequence[str]) -> str:
    """Returns the option that gives columns their meaning: ``data.columns="{time: Datum, open: Erster}"``."""
    plain = dict(columns) if isinstance(columns, Mapping) else list(columns)
    written = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return f"data.columns={shell_word(written.strip())}"
