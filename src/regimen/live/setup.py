"""What a live account is made of: a policy, its features, the market, and the limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import msgspec

from regimen.bars import DAY
from regimen.errors import ConfigError, RunError
from regimen.monitoring import SequentialVerdict, SequentialVerdictConfig, Watch
from regimen.safeguards import SafeguardsConfig

if TYPE_CHECKING:
    from regimen.bars import Calendar
    from regimen.bundle import Bundle, Served, Start
    from regimen.execution import MarketConfig
    from regimen.features import FeatureSet


@dataclass(frozen=True, eq=False)
class Setup:
    """Everything that the engine needs and that never changes while it runs.

    Attributes:
        policy: decides.
        features: computes what the policy sees.
        market: how orders become money, with the costs of the bars and the cash that the account opens with.
        symbols: in the order of every array.
        bar_length: nanoseconds.
        periods_per_year: bars a year.
        calendar: of the bars.
        volatility_bars: returns in the volatility that the policy observes; None: none is observed.
        extras: columns that bars come with besides prices and volume.
        safeguards: the limits; None: none at all.
        watch: over drift and actions beside training, and over what the backtest claimed; None: nobody watches.
        name: of the policy, for people.
        digest: SHA-256 of the bundle's manifest, in hexadecimal digits; empty without a bundle.
        start: where features, prices and policy stood at the last bar of the run's data.
    """

    policy: Served
    features: FeatureSet
    market: MarketConfig
    symbols: tuple[str, ...]
    bar_length: int
    periods_per_year: float
    calendar: Calendar
    volatility_bars: int | None = None
    extras: tuple[str, ...] = ()
    safeguards: SafeguardsConfig | None = None
    watch: Watch | None = None
    name: str = ""
    digest: str = ""
    start: Start | None = None

    @classmethod
    def of(cls, bundle: Bundle, *, safeguards: SafeguardsConfig | None = None, cash: float | None = None) -> Self:
        """Returns the setup of a bundle.

        Args:
            bundle: that was opened.
            safeguards: the limits; None: the bundle's own, or the defaults where it has none.
            cash: that the account opens with; None: that of the run's market.

        Raises:
            ConfigError: a cash that is not positive.
        """
        manifest, market = bundle.manifest, bundle.market
        if cash is not None:
            if not cash > 0.0:
                raise ConfigError("cash", "must be positive", cash)
            market = market.model_copy(update={"initial_cash": cash})
        limits = safeguards or bundle.safeguards or SafeguardsConfig()
        return cls(
            policy=bundle.policy,
            features=bundle.features,
            market=market,
            symbols=bundle.symbols,
            bar_length=bundle.bar_length,
            periods_per_year=bundle.periods_per_year,
            calendar=bundle.calendar,
            volatility_bars=manifest.volatility_bars,
            extras=manifest.extras,
            safeguards=limits,
            watch=_watch_of(bundle),
            name=f"{manifest.origin.model} of run {manifest.origin.run}",
            digest=bundle.digest,
            start=bundle.start,
        )

    def without_start(self) -> Setup:
        """Returns the same, beginning with nothing seen."""
        return replace(self, start=None)

    def notes(self) -> tuple[str, ...]:
        """Returns what keeps this account from trading whatever its policy says, for people."""
        limits, band = self.safeguards, self.market.rebalance_band
        if limits is None or limits.position is None or band is None or limits.position > band:
            return ()
        cure = "Give a larger position, or null, in --safeguards FILE.yaml"
        return (
            f"Nothing can ever be bought: the limit position {limits.position:g} is not above the market's "
            f"rebalance_band {band:g}, and smaller changes are not traded. {cure}.",
        )

    def terms(self) -> bytes:
        """Returns what an account is opened with, as JSON; a journal goes on with the same only."""
        limits = None if self.safeguards is None else self.safeguards.model_dump(mode="json")
        terms = {
            "bundle": self.digest,
            "cash": self.market.initial_cash,
            "features": self.features.hash,
            "safeguards": limits,
            "start": None if self.start is None else self.start.time,
            "symbols": self.symbols,
        }
        return msgspec.json.encode(terms, order="deterministic")

    def as_opened(self, terms: bytes) -> Setup:
        """Returns the setup with the cash and the limits that an account was opened with.

        Raises:
            RunError: it was opened with another bundle, or the bytes are no `terms`.
        """
        try:
            values = msgspec.json.decode(terms)
            cash, limits = float(values["cash"]), values["safeguards"]
            bundle, start = values["bundle"], values["start"]
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            raise RunError("journal", "must begin with the row that opened its account") from None
        if bundle != self.digest:
            raise RunError(
                "bundle", f"must be the one that the journal was opened with, {bundle[:12]}", self.digest[:12]
            )
        return replace(
            self,
            market=self.market.model_copy(update={"initial_cash": cash}),
            safeguards=None if limits is None else SafeguardsConfig.model_validate(limits),
            start=None if start is None else self.start,
        )


def _watch_of(bundle: Bundle) -> Watch:
    """Returns what watches a bundle's account: where its backtest claimed a profit, that claim too."""
    claim, verdict = bundle.manifest.verdict, None
    if claim.sharpe is not None and claim.sharpe > 0.0 and claim.volatility:
        days = bundle.calendar.periods_per_year(DAY)
        config = SequentialVerdictConfig(claimed=claim.sharpe, volatility=claim.volatility, days_per_year=days)
        verdict = SequentialVerdict(config)
    return Watch(bundle.reference, bundle.actions, verdict)
