"""What a policy sees at one bar: its columns, their schema, and the one function that writes them.

Lanes of an environment, a backtest, a policy that is called bar by bar and whoever serves one call `observe`; nothing
else builds an observation.
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.jit import jit, jit_step_uncached

ACCOUNT = ("position", "cash", "drawdown")
"""The account's columns: signed holding and cash as fractions of equity, and 1 − equity / its highest, from 0 to 1.

None of them grows with the account: one that has earned ten times its start is seen as a fresh one is."""


@final
@dataclass(frozen=True)
class ObservationSchema:
    """The columns of one symbol's observation: a context of feature rows, volatility, account, target, gain.

    Attributes:
        features: schema hash of the feature columns ("" where they are known by their names only, or there are none).
        inputs: number of feature columns in one row.
        volatility: whether one column of annualised trailing volatility follows.
        account: whether the three columns of `ACCOUNT` follow.
        target: whether the target exposure in force follows.
        gain: whether the gain of the open position follows: its price over the one it was opened at, less 1.
        context: feature rows in an observation, oldest first.
        precision: of the numbers.
        names: of the feature columns, ``inputs`` of them; empty where they are not known.

    Raises:
        RunError: names that are not ``inputs`` many, or a context below 1.
    """

    features: str = ""
    inputs: int = 0
    volatility: bool = False
    account: bool = False
    target: bool = False
    gain: bool = False
    context: int = 1
    precision: Literal["float32", "float64"] = "float64"
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.names and len(self.names) != self.inputs:
            raise RunError("observation: names", f"must be {self.inputs}, one for each feature", len(self.names))
        if self.context < 1:
            raise RunError("observation: context", "must be at least 1", self.context)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in their order; a feature ``k`` bars ago is ``name[-k]``."""
        names = self.names or tuple(f"x{k}" for k in range(self.inputs))
        ages = range(self.context - 1, -1, -1)
        columns = [f"{name}[-{age}]" if age else name for age in ages for name in names]
        columns += ["volatility"] * self.volatility
        columns += ACCOUNT if self.account else ()
        columns += ["target"] * self.target + ["gain"] * self.gain
        return tuple(columns)

    @cached_property
    def width(self) -> int:
        """Number of columns."""
        more = int(self.volatility) + len(ACCOUNT) * int(self.account) + int(self.target) + int(self.gain)
        return self.context * self.inputs + more

    @property
    def hash(self) -> str:
        """SHA-256 of the schema; a saved policy carries it, and whoever serves the policy compares it.

        What a schema did not name in its first version is in the text only where it is not as it was then.
        """
        account = "|".join(ACCOUNT) if self.account else self.account
        text = f"observation 1|{self.features}|{self.inputs}|{self.volatility}|{account}"
        later = {"target": self.target, "gain": self.gain, "context": self.context - 1}
        text += "".join(f"|{name} {value}" for name, value in later.items() if value)
        text += "" if self.precision == "float64" else f"|{self.precision}"
        text += "" if self.features else "".join(f"|{name}" for name in self.names)
        return hashlib.sha256(text.encode()).hexdigest()

    def require_features(self, schema: str) -> None:
        """Raises `RunError` unless ``schema`` is the hash of the features that the policy was trained on."""
        if schema != self.features:
            raise RunError("features", f"must have the schema {self.features or '(none)'} of the policy", schema)


class Observation(np.ndarray[Any, np.dtype[Any]]):
    """What a function is shown at one bar: rows (symbol, column), whose columns have names too.

    ``observation["rsi_14"]`` is a column (symbol,), ``observation[:, 0]`` what it is of every array.

    Attributes:
        columns: their names, in order.
    """

    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: NDArray[Any], columns: tuple[str, ...]) -> Self:
        """Returns rows (symbol, column) with names; they are not copied."""
        named = rows.view(cls)
        named.columns = columns
        return named

    def __getitem__(self, key: Any) -> Any:
        """Returns a column by its name, or what numpy does.

        Raises:
            RunError: no column has that name.
        """
        rows = np.asarray(self)
        if not isinstance(key, str):
            return rows[key]
        if key not in self.columns:
            near = [name for name in self.columns if key in name] or difflib.get_close_matches(key, self.columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self.columns)}"
            raise RunError("observation", f"has no such column ({hint})", key)
        return rows[:, self.columns.index(key)]


@jit_step_uncached
def observe(
    features: NDArray[Any],
    t: int,
    s: int,
    whole: bool,
    context: int,
    with_volatility: int,
    with_account: int,
    with_target: int,
    with_gain: int,
    volatility: float,
    value: float,
    cash: float,
    equity: float,
    peak: float,
    target: float,
    gain: float,
    out: NDArray[Any],
    n: int,
    k: int,
) -> None:
    """Writes what is seen of symbol ``s`` after the close of bar ``t`` into ``out[n, k]``.

    Columns: see `ObservationSchema`. The features are 0 where the observation is not ``whole``; position and cash are
    0, and the drawdown 1, once the equity is not positive. A number is rounded to the precision of ``out``.

    Args:
        features: (time, symbol, feature).
        whole: whether all ``context`` rows that end at ``t`` are known.
        with_volatility, with_account, with_target, with_gain: 1 for columns that the schema has.
        volatility: annualised.
        value: of the position at its mark, quote currency; signed.
        cash, equity, peak: of the account, and the highest equity that it knows of.
        target: exposure in force.
        gain: price of the position over the one that it was opened at; 1 when flat.
        out: (any, any, width).
        n, k: where in it.
    """
    width = features.shape[2]
    at = width * context
    if whole:
        for row in range(context):
            for f in range(width):
                out[n, k, row * width + f] = features[t - context + 1 + row, s, f]
    else:
        for f in range(at):
            out[n, k, f] = 0.0
    if with_volatility != 0:
        out[n, k, at] = volatility
        at += 1
    if with_account != 0:
        solvent = equity > 0.0
        out[n, k, at] = value / equity if solvent else 0.0
        out[n, k, at + 1] = cash / equity if solvent else 0.0
        out[n, k, at + 2] = 1.0 - equity / peak if solvent else 1.0
        at += 3
    if with_target != 0:
        out[n, k, at] = target
        at += 1
    if with_gain != 0:
        out[n, k, at] = gain - 1.0


@jit
def _fill(features: NDArray[np.float64], volatility: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    with_volatility = 1 if volatility.shape[0] > 0 else 0
    for t in range(features.shape[0]):
        for s in range(features.shape[1]):
            risk = volatility[t, s] if with_volatility != 0 else 0.0
            observe(
                features, t, s, True, 1, with_volatility, 0, 0, 0, risk, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, out, t, s
            )  # fmt: skip


def observations(
    schema: ObservationSchema, features: NDArray[np.float64], volatility: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Returns what a policy that sees no account is shown, for one row or any number of them; see `observe`.

    *Timing:* everything in an observation is known at the close of its bar; NaN stays NaN.

    Args:
        schema: which columns there are.
        features: (..., inputs).
        volatility: (...), annualised; given exactly when the schema has it.

    Returns:
        (..., width) float64; ``features`` itself when nothing is added to it.

    Raises:
        RunError: a part is missing, not asked for, or of another shape; a schema with more columns than these.
    """
    inputs, width = schema.inputs, schema.width
    if width != inputs + int(schema.volatility):
        raise RunError("observation", "must be of one row of features and volatility only", schema.columns[-1])
    if features.shape[-1:] != (inputs,):
        raise RunError("observation: features", f"must have {inputs} columns", features.shape)
    if schema.volatility != (volatility is not None):
        raise RunError("observation: volatility", "must be given" if schema.volatility else "must not be given")
    if volatility is None:
        return features
    if volatility.shape != features.shape[:-1]:
        raise RunError("observation: volatility", f"must have shape {features.shape[:-1]}", volatility.shape)
    out = np.empty((*features.shape[:-1], width))
    rows = np.ascontiguousarray(features, np.float64).reshape(-1, 1, inputs)
    _fill(rows, np.ascontiguousarray(volatility, np.float64).reshape(-1, 1), out.reshape(-1, 1, width))
    return out


class Accounts(NamedTuple):
    """What an observation shows of the accounts of some symbols; all (symbol,).

    Attributes:
        values: of the positions at their marks, quote currency; signed.
        cash, equity, peaks: of the account that holds the symbol, and the highest equity that it knows of.
        targets: exposures in force.
        gains: price of the open position over the one it was opened at; 1 when flat.
    """

    values: NDArray[np.float64]
    cash: NDArray[np.float64]
    equity: NDArray[np.float64]
    peaks: NDArray[np.float64]
    targets: NDArray[np.float64]
    gains: NDArray[np.float64]


@jit
def _show(
    features: NDArray[Any], whole: NDArray[np.bool_], shown: tuple[int, int, int], accounts: Accounts, out: NDArray[Any]
) -> None:
    context = features.shape[0]
    for s in range(features.shape[1]):
        observe(
            features, context - 1, s, whole[s], context, 0, shown[0], shown[1], shown[2], 0.0, accounts.values[s],
            accounts.cash[s], accounts.equity[s], accounts.peaks[s], accounts.targets[s], accounts.gains[s], out, 0, s,
        )  # fmt: skip


def observe_symbols(
    schema: ObservationSchema, features: NDArray[Any], whole: NDArray[np.bool_], accounts: Accounts
) -> NDArray[Any]:
    """Returns what is seen of all symbols at one bar, with their accounts; see `observe`.

    Args:
        schema: which columns there are; none of volatility.
        features: (context, symbol, inputs), oldest first.
        whole: (symbol,) whether the features are shown; else they are 0.
        accounts: after the close of the bar.

    Returns:
        (symbol, width) of the schema's precision.
    """
    out = np.empty((1, features.shape[1], schema.width), schema.precision)
    _show(features, whole, (int(schema.account), int(schema.target), int(schema.gain)), accounts, out)
    seen: NDArray[Any] = out[0]
    return seen
