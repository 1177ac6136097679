"""What a policy sees at one bar: built here for the backtest, the environments and the server alike."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError

ACCOUNT = ("position", "cash", "drawdown")
"""The account's columns: signed holding and cash as fractions of equity, and 1 − equity / its highest, from 0 to 1.

None of them grows with the account: one that has earned ten times its start is seen as a fresh one is."""


@final
@dataclass(frozen=True)
class ObservationSchema:
    """The columns of an observation: features, then trailing volatility, then the account.

    Attributes:
        features: schema hash of the feature columns ("" for none).
        inputs: number of feature columns.
        volatility: whether one column of annualised trailing volatility follows.
        account: whether the three columns of `ACCOUNT` follow.
    """

    features: str = ""
    inputs: int = 0
    volatility: bool = False
    account: bool = False

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.inputs + int(self.volatility) + len(ACCOUNT) * int(self.account)

    @property
    def hash(self) -> str:
        """SHA-256 of the schema; a saved policy carries it, and whoever serves the policy compares it."""
        account = "|".join(ACCOUNT) if self.account else self.account
        text = f"observation 1|{self.features}|{self.inputs}|{self.volatility}|{account}"
        return hashlib.sha256(text.encode()).hexdigest()

    def require_features(self, schema: str) -> None:
        """Raises `RunError` unless ``schema`` is the hash of the features that the policy was trained on."""
        if schema != self.features:
            raise RunError("features", f"must have the schema {self.features or '(none)'} of the policy", schema)


def observe(
    schema: ObservationSchema,
    features: NDArray[np.float64],
    *,
    volatility: NDArray[np.float64] | None = None,
    account: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Builds observations, for one row or for any number of them.

    *Timing:* everything in an observation is known at the close of its bar; NaN stays NaN.

    Args:
        schema: which columns there are.
        features: (..., inputs).
        volatility: (...), annualised; given exactly when the schema has it.
        account: (..., 3) in the order of `ACCOUNT`; given exactly when the schema has it.

    Returns:
        (..., width) float64; ``features`` itself when nothing is added to it.

    Raises:
        RunError: a part is missing, not asked for, or of another shape.
    """
    if features.shape[-1:] != (schema.inputs,):
        raise RunError("observation: features", f"must have {schema.inputs} columns", features.shape)
    parts = [features]
    for name, wanted, part, tail in (
        ("volatility", schema.volatility, volatility, ()),
        ("account", schema.account, account, (len(ACCOUNT),)),
    ):
        if wanted != (part is not None):
            raise RunError(f"observation: {name}", "must be given" if wanted else "must not be given")
        if part is None:
            continue
        if part.shape != features.shape[:-1] + tail:
            raise RunError(f"observation: {name}", f"must have shape {features.shape[:-1] + tail}", part.shape)
        parts.append(part if tail else part[..., None])
    return features if len(parts) == 1 else np.concatenate(parts, axis=-1)
