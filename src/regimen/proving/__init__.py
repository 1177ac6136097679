"""The proving ground: agents on markets whose best policy is known, before anyone looks at real data."""

from regimen.proving.known_market import Evaluation, KnownMarketEnv, PlayableMarket, evaluate

__all__ = ["Evaluation", "KnownMarketEnv", "PlayableMarket", "evaluate"]
