"""Where a live process goes on: what features, volatility, prices and policy remembered at the last bar of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.arrays import packed, unpacked
from regimen.errors import RegimenError, RunError
from regimen.stateful import below, under

if TYPE_CHECKING:
    from regimen.bundle.decided import Served
    from regimen.features import FeatureSet

Floats = NDArray[np.float64]
_FEATURES, _VOLATILITY, _FEED = "features/", "volatility/", "feed/"


class Start(NamedTuple):
    """A snapshot at the close of a bar; a server takes the bar behind it first.

    Attributes:
        time: start of that bar, nanoseconds since 1970.
        features: of `regimen.features.FeatureStream.state_dict`, of bars adjusted for splits.
        volatility: of `regimen.policies.RunningVolatility.state`, of the same bars; empty where none is observed.
        feed: of `regimen.execution.Feed.state`.
        adjustment: (symbol,) cumulative factor of splits at each symbol's first bar, which prices are adjusted to.
        policy: (symbol, memory) of the policy that watched every bar.
    """

    time: int
    features: dict[str, NDArray[Any]]
    volatility: dict[str, NDArray[Any]]
    feed: dict[str, NDArray[Any]]
    adjustment: Floats
    policy: Floats

    def content(self) -> bytes:
        """Returns the file of the snapshot."""
        own = {"time": np.array(self.time), "adjustment": self.adjustment, "policy": self.policy}
        parts = {_FEATURES: self.features, _VOLATILITY: self.volatility, _FEED: self.feed}
        return packed({**own, **{key: a for prefix, part in parts.items() for key, a in under(prefix, part).items()}})

    @classmethod
    def read(cls, content: bytes, name: str) -> Start:
        """Reads what `content` gave.

        Raises:
            RunError: it is no snapshot.
        """
        arrays = unpacked(content, name)
        try:
            time = int(arrays["time"])
            features, volatility, feed = (below(arrays, prefix) for prefix in (_FEATURES, _VOLATILITY, _FEED))
            return cls(
                time,
                features,
                volatility,
                feed,
                np.asarray(arrays["adjustment"]),
                np.asarray(arrays["policy"], np.float64),
            )
        except (KeyError, TypeError, ValueError):
            raise RunError(name, "must be a snapshot of a bundle") from None

    def require(self, features: FeatureSet, symbols: tuple[str, ...], policy: Served) -> None:
        """Raises `RunError` unless the snapshot is of these features, symbols and this policy."""
        try:
            features.stream(symbols).load_state_dict(self.features)
        except RegimenError as error:
            raise RunError("bundle: start", f"must be of the bundle's features: {error.field} {error.rule}") from None
        shape = policy.initial_state(len(symbols)).shape
        if self.policy.shape != shape:
            raise RunError("bundle: start", f"must have the memory {shape} of the policy", self.policy.shape)
