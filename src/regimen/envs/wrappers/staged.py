"""Lanes whose market changes while an agent learns in them: from one stage to another, as a pace says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.envs.spec import Step, VectorEnv, innermost
from regimen.envs.wrappers.stages import OwnStage, SimulatedStage
from regimen.errors import ConfigError
from regimen.seeding import torch_seed
from regimen.stateful import below, under

if TYPE_CHECKING:
    from regimen.envs.group import MarketGroup
    from regimen.envs.vector_market import VectorMarket

_OF_LANES = frozenset(
    {"n_envs", "seed", "threads", "start", "stop", "random_start", "autoreset", "episode_length", "account_span"}
)
"""Fields of an environment's config that say which episodes of a market are traded, and not what the market is."""


class Pace(Protocol):
    """Which stage it is, by how the episodes of the lanes have ended.

    Attributes:
        episodes: that are looked at together, at least.
        least: return of an episode, from which it counts as a success.
    """

    episodes: int
    least: float

    @property
    def stage(self) -> int:
        """Number of the stage now, from 0."""

    @property
    def numbers(self) -> Mapping[str, float]:
        """How it stands, by name."""

    def record(self, successes: int, episodes: int) -> None:
        """Takes note of the episodes of one look; `stage` may be another one then."""

    def pass_time(self, steps: int) -> None:
        """Takes note of environment steps over all lanes; `stage` may be another one then."""

    def state(self) -> NDArray[np.float64]:
        """Returns all that changes."""

    def restore(self, state: NDArray[np.float64]) -> None:
        """Goes on from a `state`."""


@final
class Staged:
    """Lanes in the market of a stage, which are cut and begin anew in another market where the stage changes.

    A look takes the next episodes of every lane, as many of each, so that those that end early do not count more; it
    is over when the last of them has ended. Where the stage is another one then, episodes that are under way are cut
    (``truncated``), with what was seen last as their ``final_observation``: for an agent, the time was up.

    Args:
        env: markets, without a wrapper around them: whatever else wraps them stands outside.
        stages: of which one that is true is the given lanes themselves.
        pace: which of them it is.
        field: of the config, for errors.

    Attributes:
        below: the lanes of the stage.
        spec: columns and actions, the same in every stage.
        learning: whether episodes count; False while a policy is evaluated.

    Raises:
        ConfigError: lanes that are no bare markets; features that cannot be computed for other bars; a stage in which
            no episode can start.
    """

    def __init__(
        self, env: VectorEnv, stages: Sequence[OwnStage | SimulatedStage], pace: Pace, field: str = "wrappers"
    ) -> None:
        from regimen.envs.group import markets_of

        self._truth, self._markets = env, markets_of(env)
        if not self._markets or innermost(env) is not env:
            rule = "must stand directly around markets: before all other wrappers"
            raise ConfigError(field, rule, type(env).__name__)
        self.spec, self.learning, self._stages, self._pace, self._field = env.spec, True, tuple(stages), pace, field
        self._seed, self._changes = self._markets[0].config.seed, 0
        self._cash = np.concatenate([np.full(each.n_envs, each.config.market.initial_cash) for each in self._markets])
        self._each = -(-pace.episodes // env.n_envs)
        self._left, self._good = np.full(env.n_envs, self._each), 0
        self.below = self._lanes()

    @property
    def n_envs(self) -> int:
        """Number of lanes."""
        return self._truth.n_envs

    @property
    def stage(self) -> int:
        """Number of the stage, from 0."""
        return self._pace.stage

    @property
    def numbers(self) -> Mapping[str, float]:
        """The stage, and what the pace tells besides."""
        return self._pace.numbers

    def reset(self, seed: int | None = None, starts: ArrayLike | None = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins new episodes in the stage that it is; a seed begins random streams and simulated paths anew."""
        if seed is not None and seed != self._seed:
            self._seed = seed
            self.below = self._lanes()
        self._left[:], self._good = self._each, 0
        return self.below.reset(seed) if starts is None else self.below.reset(seed, starts)

    def step(self, actions: NDArray[Any]) -> Step:
        """Steps every lane; where a look is over, or its time is up, the stage may change."""
        seen, reward, terminated, truncated, info = self.below.step(actions)
        if not self.learning:
            return seen, reward, terminated, truncated, info
        before = self._pace.stage
        self._pace.pass_time(self.n_envs)
        self._count(terminated | truncated, info)
        if self._pace.stage == before:
            return seen, reward, terminated, truncated, info
        return self._changed(seen, reward, terminated, truncated, info)

    def _count(self, ended: NDArray[np.bool_], info: Mapping[str, NDArray[Any]]) -> None:
        counted = ended & (self._left > 0)
        if not counted.any():
            return
        self._left[counted] -= 1
        self._good += int((info["equity"][counted] / self._cash[counted] - 1.0 > self._pace.least).sum())
        if not self._left.any():
            self._pace.record(self._good, self._each * self.n_envs)
            self._left[:], self._good = self._each, 0

    def _changed(
        self,
        seen: NDArray[Any],
        reward: NDArray[Any],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        info: Mapping[str, NDArray[Any]],
    ) -> Step:
        ended = terminated | truncated
        last = {name: array.copy() for name, array in info.items()}
        last["final_observation"][~ended] = seen[~ended]
        reward, terminated = reward.copy(), terminated.copy()
        self._changes += 1
        self._left[:], self._good = self._each, 0
        self.below = self._lanes()
        seen, begun = self.below.reset(self._stream)
        return seen, reward, terminated, ~terminated, last | {name: begun[name] for name in ("bar", "start")}

    @property
    def _stream(self) -> int:
        return torch_seed(self._seed, "stage", self._changes) % 2**31

    def _lanes(self) -> VectorMarket | MarketGroup | VectorEnv:
        from regimen.envs.group import MarketGroup

        number = self._pace.stage
        stage = self._stages[number]
        if stage.is_true:
            return self._truth
        markets = [each for k, market in enumerate(self._markets) for each in self._eased(market, stage, (number, k))]
        return markets[0] if len(markets) == 1 else MarketGroup(markets)

    def _eased(
        self, market: VectorMarket, stage: OwnStage | SimulatedStage, place: tuple[int, int]
    ) -> list[VectorMarket]:
        """Returns the lanes of one market in a stage, on one path or on several."""
        from regimen.envs.vector_market import VectorMarket

        config = market.config.model_copy(update={"market": stage.market(market.config.market)})
        if stage.changes_no_bars:
            return [VectorMarket(market.bars, market.inputs, config)]
        own = market.bars.window(config.start, len(market.bars) if config.stop is None else config.stop)
        own = own.adjusted() if "adjustment" in own.extras else own
        shares = np.array_split(np.arange(market.n_envs), min(getattr(stage, "paths", 1), market.n_envs))
        lanes = []
        for k, share in enumerate(shares):
            path = stage.path(own, torch_seed(self._seed, "stage", *place, k))
            part = {"n_envs": len(share), "start": 0, "stop": None, "seed": (config.seed + k) % 2**31}
            try:
                features = market.inputs.anew(path)
                lanes.append(VectorMarket(path, features, config.model_copy(update=part)))
            except ConfigError as error:
                raise error.within(f"{self._field}, stage {stage.name or place[0]}: ") from None
        return lanes

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes: the stage, the look, and the lanes."""
        counts = np.array([self._seed, self._changes, self._good], np.int64)
        return under("below/", self.below.state()) | {
            "pace": self._pace.state(),
            "counts": counts,
            "left": self._left.copy(),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit; the lanes may be those of another stage than they are now."""
        arrays = {name: np.asarray(array) for name, array in state.items()}
        self._pace.restore(arrays["pace"])
        self._seed, self._changes, self._good = arrays["counts"].tolist()
        self._left = arrays["left"].copy()
        self.below = self._lanes()
        self.below.restore(below(arrays, "below/"))


def changes_market(env: object) -> bool:
    """Returns whether the market of lanes may be another one later."""
    while env is not None:
        if isinstance(env, Staged):
            return True
        env = getattr(env, "below", None)
    return False


def market_hash(env: object) -> str:
    """Returns the SHA-256 of the markets that lanes trade in: bars, columns, costs and rules, actions and rewards.

    Lanes that trade other episodes of the same markets have the same, with a wrapper around them or not. Markets are
    those at hand: of a curriculum, those of the stage that it is.
    """
    from regimen.envs.group import markets_of

    digest = hashlib.sha256()
    seen: set[str] = set()
    for market in markets_of(env):
        config = market.config.model_dump(mode="json", exclude=set(_OF_LANES))
        text = json.dumps([market.bars.fingerprint, market.columns, config], sort_keys=True)
        if text not in seen:  # stretches of one market
            seen.add(text)
            digest.update(text.encode())
    return digest.hexdigest()
