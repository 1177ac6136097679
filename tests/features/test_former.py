"""Steps that were written anew: known as before, because they compute what they did, and only as long as they do."""

from __future__ import annotations

import hashlib

import numpy as np

from regimen.bars import Bars
from regimen.features import FeatureSet
from regimen.features.former import FORMER, step_digest
from regimen.jit import jit
from regimen.scan import code_digest
from regimen.seeding import generator

STANDARD = FeatureSet.standard()

COLUMNS = {
    "volatility_rank_120": "0209dcf3cfa270c510cf5653fbd19e98403f5264eb557ea8ccd085a8ee28f70d",
    "candle_body": "2b127c4160c10077b10b08b7290a48b3c9fbb47490fce387eb7e26320fa468aa",
    "candle_shadow": "e55cc5cd5bd74c24d2eaae1a24bd1597dc5c5a65c9bd4622556adff2ecf38456",
    "ultimate_28": "5e22b2dc41a044a1a0d28b7b15b47da549e2c7f34b698c63649e646faae02483",
    "williams_centred_14": "27b14835bddac729386b6f9821f090544d667dc606a40730d5eda197fe4d9264",
    "stochastic_14": "4877782e116fca675a4c44dd22ba3e419a38767672f3370c3cbe7d09857a2cb9",
    "aroon_25": "6aa1a47fae557bacf92962bd42a6b1d99281bfa737f601c1e85935108e83191a",
    "donchian_55": "6ff7a2ba8052f5129e23f27b71399e6bbc2c3d1e66ba30aa941babf70e9b6837",
    "extreme_order_120": "dd74906be530ec71ebbd9fbfe9c491772023b07acf6306a0483be3920f10652e",
}
"""SHA-256 of each column on `rough_bars`, by the former code. Of logarithms they take no more than the order."""


def rough_bars(rows: int = 3_000) -> Bars:
    """Prices in whole 64ths that tie often, bars without height, stretches without a move, missing bars."""
    random = generator(7, "former")
    close = 4_000 + np.cumsum(random.integers(-2, 3, rows) * (random.random(rows) < 0.7))
    close[1_000:1_200] = close[1_000]
    opened = np.roll(close, 1)
    opened[0] = close[0]
    high = np.maximum(opened, close) + random.integers(0, 2, rows) * (close != opened)
    low = np.minimum(opened, close) - random.integers(0, 2, rows) * (close != opened)
    prices = [np.where(np.arange(rows) % 97 == 5, np.nan, column / 64.0) for column in (opened, high, low, close)]
    o, h, l, c = prices  # noqa: E741
    stamps = (np.arange(rows) * 60_000_000_000).astype("datetime64[ns]")
    return Bars.from_arrays(
        stamps, open=o, high=h, low=l, close=c, volume=np.ones(rows), bar_length=60_000_000_000, checked=False
    )


def test_the_standard_set_is_known_as_before() -> None:
    assert STANDARD.hash == "d73654e43614aa07b1220c7e5dacef5670641c1a7a7f5a6cc4a50e85bf22c19b"


def test_rewritten_steps_give_the_same_bits() -> None:
    frame = STANDARD.compute(rough_bars())
    digests = {name: hashlib.sha256(frame.column(name).tobytes()).hexdigest() for name in COLUMNS}
    assert digests == COLUMNS


def test_every_line_is_of_a_step_in_use() -> None:
    assert set(FORMER) <= {code_digest(feature.step) for feature in STANDARD.features}


@jit
def some_step(state, bar):
    return state, bar.close


def test_a_step_that_is_not_listed_is_known_by_its_code() -> None:
    assert step_digest(some_step) == code_digest(some_step)
