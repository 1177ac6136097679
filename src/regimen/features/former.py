"""Steps that were written anew without changing a bit: each is known by the digest that it had before.

The hash of a feature set digests the text of its steps, and a stored run is read only with the hash that it was
written with. A step whose text changes and whose values do not keeps its digest here. The table is keyed by the
digest of the new text, so the next change of that text, or of anything that it calls, changes the hash by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regimen.scan import code_digest

FORMER = {
    "21fb5c4c39918efc62a346a436b49e49b7d99103a9414c9ad66469b3a8344c28": (  # regime.dynamics_step
        "11c65bb05e68b776727560711235b5b353e6f4741ba91d11dfe797e322dc5f0b"
    ),
    "127b54be790d4b4e4e7e6b99a6f3d8a615ddd8cd047d2036a5091ab1f0b4dc25": (  # regime.range_step
        "ebd64e3817073a393d78225a904a2698e140952c912039fed5f8af530a6240a4"
    ),
    "c196109ebe3f7d581df9a5c90579298db73269681b1022566f9d8c09471bb8cd": (  # channels.channel_step
        "321b8f0bcffec363d0184223d487c1334f87be265516270ab16c58c3e04191a6"
    ),
    "5e38896f1b0c6abbdc3bcb4709e84a89de5e941f45f77e1ca88871e9a9fc2a9d": (  # technical.candle_step
        "0c12cf8b1d0da22e97f8040f16a98e2e8c3c43557eaeb5b210e2f8c640e478b5"
    ),
}
"""Digest of a step's text, and the digest of the text that it replaced; `tests/features/test_former.py` proves them."""


def step_digest(step: Callable[..., Any]) -> str:
    """Returns the SHA-256 (hex) that a step is known by: of its code, or of the code that it replaced bit for bit."""
    digest = code_digest(step)
    return FORMER.get(digest, digest)
