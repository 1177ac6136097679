"""The account step: how orders become money. Everything that trades calls `advance`; nothing else keeps
accounts.

The step is scalar code on arrays that the caller owns: no allocation, no Python objects, no slices, so that
the same source compiles for a CPU loop, for a loop over environments and as a device function of a GPU
kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from regimen.execution.account import YEAR, Fills, Floats, Rules, write_fill
from regimen.execution.columns import (
    BORROW,
    CALLED,
    CASH,
    CLIPS,
    COMMISSION,
    DELISTING,
    DUE,
    EQUITY,
    FILLS,
    FINANCING,
    FORCED,
    FREE,
    FUNDING,
    GOAL,
    GROSS,
    IMPACT,
    LIQUIDATION,
    LIQUIDATIONS,
    MARK,
    ORDER,
    REBALANCE,
    REMAINDER,
    RUIN,
    RUINED,
    SCALE,
    SPREAD,
    STAMP_DUTY,
    TRADED,
    TURNOVER,
    UNITS,
    UNPRICED,
    WISH,
)
from regimen.execution.orders import accept, impact_rate, reachable, room, whole_lots
from regimen.jit import jit_step_uncached

if TYPE_CHECKING:
    from regimen.execution.tape import Tape


@jit_step_uncached
def mark_positions(
    n: int,
    t: int,
    cash: float,
    tape: Tape,
    rules: Rules,
    positions: Floats,
) -> tuple[float, float, bool]:
    """Marks what account ``n`` holds at the close of bar ``t``, or at its last mark where there is none.

    Returns:
        Value and gross of the positions, and whether the margin fell short: at the close or, where the rules say so,
        at each symbol's worst price of the bar, all at once.
    """
    value = 0.0
    gross = 0.0
    worst = 0.0
    worst_gross = 0.0
    for s in range(positions.shape[1]):
        units = positions[n, s, UNITS]
        mark = tape.closes[t, s]
        if mark == mark:
            positions[n, s, MARK] = mark
        else:
            mark = positions[n, s, MARK]
        worth = units * mark
        value += worth
        gross += abs(worth)
        if rules.intrabar != 0.0:
            edge = tape.lows[t, s] if units > 0.0 else tape.highs[t, s]
            edge = edge if edge == edge else mark
            worst += units * edge
            worst_gross += abs(units) * edge
    called = cash + value < rules.maintenance * gross
    if rules.intrabar != 0.0 and cash + worst < rules.maintenance * worst_gross:
        called = True
    return value, gross, called


@jit_step_uncached
def advance(
    n: int,
    t: int,
    row: int,
    tape: Tape,
    targets: Floats,
    rules: Rules,
    account: Floats,
    positions: Floats,
    fills: Fills | None,
    filled: int,
) -> int:
    """Steps account ``n`` through bar ``t``: splits, carry, settlement and fills at its open, mark at its close.

    Timing: the row of ``targets`` was decided with bars before ``t`` (``latency_bars`` earlier); it fills at
    the open of ``t`` at the earliest. Carry (borrow and financing for the time since the open before, the
    funding of this bar) falls on what was held before the fills of this open, at its marks. Sizes come from
    the equity at this open, after the carry and before the costs of its fills, the same for all symbols.

    Args:
        n: row of ``account`` and ``positions``.
        t: bar, row of the market's arrays.
        row: row of ``targets`` (any, symbol) that falls due at this open; -1 for none.
        tape: the market; its arrays are trusted to be what `Tape` promises.
        fills: buffers with room for a fill of each symbol; None keeps none.
        filled: fills already in the buffers.

    Returns:
        How many fills the buffers hold afterwards.
    """
    opens, volumes, ratios, fundings, ends = tape.opens, tape.volumes, tape.ratios, tape.fundings, tape.ends
    stamp = tape.stamps[t]
    symbols = positions.shape[1]
    before = filled
    cash = account[n, CASH]
    ruined = account[n, RUINED] != 0.0
    years = (stamp - tape.stamps[t - 1]) * (1.0 / YEAR) if t > 0 else 0.0
    financing = -cash * (rules.financing * years) if cash < 0.0 and not ruined else 0.0
    short = 0.0
    funding = 0.0
    value = 0.0
    stuck = 0.0
    tight = False
    capped = symbols > 1 and rules.cap < np.inf
    paid_out = 0.0
    sellable = False
    ended = False
    for s in range(symbols):
        if ratios.shape[0] > 0:
            ratio = ratios[t, s]
            if ratio != 1.0:
                positions[n, s, UNITS] *= ratio
                positions[n, s, GOAL] *= ratio
                positions[n, s, MARK] /= ratio
        price = opens[t, s]
        if price == price:
            positions[n, s, MARK] = price
        units = positions[n, s, UNITS]
        worth = units * positions[n, s, MARK]
        if worth < 0.0:
            short -= worth
        if fundings.shape[0] > 0:
            rate = fundings[t, s]
            if rate == rate:
                funding += worth * rate
        if price != price and t > ends[s]:
            wish = positions[n, s, WISH]
            ended = ended or wish == wish
            positions[n, s, WISH] = np.nan
            positions[n, s, GOAL] = np.nan
            positions[n, s, DUE] = 0.0
            if units != 0.0:
                positions[n, s, UNITS] = 0.0
                price = positions[n, s, MARK] * tape.payouts[s]
                paid_out += units * price
                if fills is not None:
                    write_fill(filled, stamp, s, DELISTING, -units, price, FREE, np.nan, rules, fills)
                filled += 1
            continue
        value += worth
        if units != 0.0:
            if price == price and volumes[t, s] != 0.0:
                sellable = True
                if capped and abs(units) > whole_lots(rules.cap * volumes[t, s], rules.lot):
                    tight = True
            else:
                stuck += abs(worth)
                tight = True
    borrow = short * (rules.borrow * years)
    cash -= financing + (borrow + funding - paid_out)
    equity = cash + value

    changed = 0
    if row >= 0 or ended:
        changed = accept(n, t, row, ended, targets, ends, rules, account, positions)
    # A margin call that finds nothing to close lets the orders wait, as the market lets them.
    forced = ruined or (account[n, CALLED] != 0.0 and sellable)
    size = account[n, SCALE]
    fit = 1.0
    if tight and symbols > 1 and not forced and equity > 0.0:
        fit = room(n, t, stuck, equity, opens, volumes, rules, account, positions)
        if fit < 1.0:
            size *= fit
            account[n, CLIPS] += changed
    traded = 0.0
    commissions = 0.0
    spreads = 0.0
    impacts = 0.0
    duties = 0.0
    for s in range(symbols):
        units = positions[n, s, UNITS]
        price = opens[t, s]
        volume = volumes[t, s]
        if forced:
            positions[n, s, DUE] = 0.0
            positions[n, s, GOAL] = np.nan
        if not (price == price and volume != 0.0):
            continue
        reason = REMAINDER
        if forced:
            goal = 0.0
            delta = -units
            reason = RUIN if ruined else LIQUIDATION
        else:
            wish = positions[n, s, WISH]
            due = positions[n, s, DUE] != 0.0
            goal = positions[n, s, GOAL]
            if (due or (rules.every_bar != 0.0 and wish == wish)) and equity > 0.0:
                goal = whole_lots(wish * size / price * equity, rules.lot)
                if abs(goal - units) * price <= rules.band * equity:
                    goal = np.nan
                # What is smaller than asked for only while others cannot be sold is sized again at the next open.
                again = fit < 1.0 and rules.every_bar == 0.0
                positions[n, s, DUE] = 1.0 if again else 0.0
                positions[n, s, GOAL] = np.nan if again else goal
                reason = ORDER if due else REBALANCE
            if goal != goal:
                continue
            delta = reachable(goal - units, volume, rules.cap, rules.lot)
        if delta == goal - units:
            positions[n, s, UNITS] = goal
            positions[n, s, GOAL] = np.nan
        else:
            positions[n, s, UNITS] = units + delta
        if delta == 0.0:
            continue
        notional = abs(delta) * price
        commission = notional * rules.commission + rules.fixed
        spread = notional * rules.spread
        impact = 0.0
        if rules.impact > 0.0:
            rate = impact_rate(delta, volume, tape.variances[t, s], rules.impact)
            if rate == rate:
                impact = notional * rate
            else:
                account[n, UNPRICED] += 1.0
        duty = 0.0
        if rules.stamp_duty > 0.0 and delta < 0.0:
            duty = notional * rules.stamp_duty
        cash -= delta * price + (commission + spread)
        cash -= impact + duty
        traded += notional
        commissions += commission
        spreads += spread
        impacts += impact
        duties += duty
        if fills is not None:
            costs = (commission, spread, impact, duty)
            write_fill(filled, stamp, s, reason, delta, price, costs, abs(delta) / volume, rules, fills)
        filled += 1

    value, gross, called = mark_positions(n, t, cash, tape, rules, positions)
    if called and account[n, CALLED] == 0.0 and not ruined:
        account[n, LIQUIDATIONS] += 1.0
    account[n, CALLED] = 1.0 if called else 0.0
    account[n, FORCED] = 1.0 if forced else 0.0
    if cash + value <= 0.0:
        account[n, RUINED] = 1.0
    account[n, CASH] = cash
    account[n, EQUITY] = cash + value
    account[n, GROSS] = gross
    account[n, TRADED] = traded
    account[n, TURNOVER] = traded / equity if equity > 0.0 else 0.0
    account[n, COMMISSION] = commissions
    account[n, SPREAD] = spreads
    account[n, IMPACT] = impacts
    account[n, STAMP_DUTY] = duties
    account[n, BORROW] = borrow
    account[n, FINANCING] = financing
    account[n, FUNDING] = funding
    account[n, FILLS] += filled - before
    return filled
