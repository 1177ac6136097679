"""JSON mappings of a run on disk, whole or absent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regimen.errors import RunError
from regimen.files import write_text


def plain(value: Any) -> Any:
    """Turns numpy scalars, tuples and non-finite numbers into what JSON can hold (NaN becomes null)."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes JSON with sorted keys, whole or not at all."""
    write_text(path, json.dumps(plain(values), indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON mapping of a run; raises `RunError` when it is missing or damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError("run", f"lacks a readable {path.name} ({error.strerror})", str(path.parent)) from None
    except (ValueError, RecursionError):
        raise RunError("run", f"holds a damaged {path.name}", str(path.parent)) from None
    if not isinstance(values, dict):
        raise RunError("run", f"holds a {path.name} that is no mapping", str(path.parent))
    return values
