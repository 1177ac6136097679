"""One request to a running server, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from regimen.errors import ConfigError, RunError, one_line

SECONDS = 10.0
"""Until a server must have answered."""


def post(url: str, content: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """Posts JSON and returns the JSON that is answered.

    Args:
        url: with its path.
        content: to post.
        key: of the server; empty for none.

    Raises:
        ConfigError: the address is none of a server.
        RunError: nobody answers, or the server refuses.
    """
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    try:
        request = urllib.request.Request(url, json.dumps(content).encode(), headers, method="POST")
        if request.type not in ("http", "https"):
            raise ValueError
    except ValueError:
        raise ConfigError("url", "must be as http://127.0.0.1:8000", url) from None
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=SECONDS) as answer:
            return _content(answer.read())
    except urllib.error.HTTPError as error:
        line = _content(error.read()).get("error", error.reason)
        raise RunError("server", f"refuses ({error.code}): {one_line(str(line), 300)}") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        why = getattr(error, "reason", error)
        raise RunError("server", f"does not answer ({one_line(str(why), 200)})", url) from None


def _content(content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise RunError("server", "must be one that `regimen serve` started", content[:60])
    return values
