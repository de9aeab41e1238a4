"""Rules about what an account or a strategy would hold in the worst case.

The worst case counts every order that has not ended as filled where that hurts, those in doubt too
(reliability.md 4.1: counters move when an order is approved, not when it fills). Each rule looks
at one order, with those before it in its batch already counted. An account's rule counts one
account over all strategies; a strategy's counts that strategy over all its accounts.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

from engine.errors import InvariantBroken
from engine.model.approval import Check
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.side import Side
from risk.case import Case, exact, rupees
from risk.limits import AccountLimits


def open_orders(case: Case) -> Check:
    """C15. So many orders of the account at once."""
    return _open_orders(case, case.policy.account, strategy=False)


def strategy_open_orders(case: Case) -> Check:
    """C15. So many orders of the strategy at once."""
    return _open_orders(case, case.limits, strategy=True)


def position(case: Case) -> Check:
    """C16. So much of one contract in the account."""
    return _position(case, case.policy.account, strategy=False)


def strategy_position(case: Case) -> Check:
    """C16. So much of one contract for the strategy."""
    return _position(case, case.limits, strategy=True)


def uncovered_short(case: Case) -> Check:
    """C17. So many sold options without cover in the account."""
    return _uncovered_short(case, case.policy.account, strategy=False)


def strategy_uncovered_short(case: Case) -> Check:
    """C17. So many sold options without cover for the strategy."""
    return _uncovered_short(case, case.limits, strategy=True)


def daily_loss(case: Case) -> Check:
    """C19. The day's loss, of the account and of all accounts together."""
    account = case.request.key.account
    of_account = case.view.day_pnl_inr(account=account)
    of_all = case.view.day_pnl_inr()
    worst = min(of_account, of_all)
    text = f"{_pnl(of_account)} in {account}, {_pnl(of_all)} in all"
    known = math.isfinite(of_account) and math.isfinite(of_all)
    return _daily_loss(case, case.policy.account, worst if known else math.nan, text, "account")


def strategy_daily_loss(case: Case) -> Check:
    """C19. The day's loss of the strategy."""
    pnl = case.view.day_pnl_inr(strategy=case.request.strategy)
    return _daily_loss(case, case.limits, pnl, _pnl(pnl), "strategy")


def reduce_only(case: Case) -> Check:
    """C25. An exit takes no more than its group holds, less what its other exits already take.

    Its own group, not its strategy: groups that hold one contract both ways must each get flat.
    """
    request = case.request
    account, group_id = request.key.account, request.key.group_id
    held = case.view.group_position(group_id, account, case.instrument)
    working = sum(
        order.exposed_quantity
        for order in case.others(strategy=False)
        if (other := order.request).instrument is case.instrument
        and other.side is request.side
        and other.key.group_id == group_id
        and other.purpose.reduces
    )
    earlier = sum(
        mate.quantity
        for mate in case.earlier
        if mate.key.group_id == group_id
        and mate.key.account == account
        and mate.instrument is case.instrument
        and mate.side is request.side
    )
    free = max(0, -request.side.sign * held - working - earlier)
    return Check(
        rule="reduce only",
        subject=case.subject,
        passed=case.fresh_units <= free,
        figure=case.lots_text(case.fresh_units),
        limit=f"{free} units ({held} held, {working + earlier} in other exits)",
        scope="group",
        largest_quantity=case.whole_lots(free),
    )


class _Series:
    """Options that are alike to the rule about cover: all but their strikes.

    Equal by identity, so that counting by it costs no comparison. Two of the same contracts, should
    there ever be two, count together in the end.
    """

    __slots__ = ("expiry", "family", "lot_size")

    def __init__(self, family: tuple[Segment, str, Right], expiry: date, lot_size: int) -> None:
        self.family = family
        self.expiry = expiry
        self.lot_size = lot_size


_Held = dict[_Series, tuple[int, int]]
"""Units bought and units sold of every series; contracts of one series do not net."""


def uncovered_lots(net: Mapping[Instrument, int]) -> int:
    """Return the sold option lots in ``net`` (units) that no bought option covers.

    A bought option covers a sold one of the same underlying and right that expires no later,
    whatever the strikes; the longest-lived cover is kept for the longest-lived short.
    """
    return _uncovered(_by_series(net))


@lru_cache(maxsize=4096)
def _series(instrument: Instrument) -> _Series | None:
    """Return the series of an option, None for anything else."""
    if instrument.kind is not Kind.OPTION:
        return None
    if instrument.right is None or instrument.expiry is None:
        raise InvariantBroken(f"{instrument.symbol}: an option without right or expiry")
    family = (instrument.segment, instrument.underlying, instrument.right)
    return _series_of(family, instrument.expiry, instrument.lot_size)


@lru_cache(maxsize=1024)
def _series_of(family: tuple[Segment, str, Right], expiry: date, lot_size: int) -> _Series:
    return _Series(family, expiry, lot_size)


def _by_series(net: Mapping[Instrument, int]) -> _Held:
    bought: dict[_Series, int] = defaultdict(int)
    sold: dict[_Series, int] = defaultdict(int)
    for instrument, units in net.items():
        series = _series(instrument)
        if series is None:
            continue
        if units > 0:
            bought[series] += units
        elif units < 0:
            sold[series] -= units
    return {series: (bought.get(series, 0), sold.get(series, 0)) for series in {**bought, **sold}}


def _and(held: _Held, instrument: Instrument, units: int) -> _Held:
    """Return ``held`` with ``units`` of one more option."""
    series = _series(instrument)
    if series is None or units == 0:
        return held
    bought, sold = held.get(series, (0, 0))
    more = (bought + units, sold) if units > 0 else (bought, sold - units)
    return {**held, series: more}


def _uncovered(held: _Held) -> int:
    families: dict[object, dict[date, list[_Series]]] = {}
    for series in held:
        families.setdefault(series.family, {}).setdefault(series.expiry, []).append(series)
    total = 0
    for by_expiry in families.values():
        cover = 0
        for expiry in sorted(by_expiry, reverse=True):
            alike = by_expiry[expiry]
            short = 0
            for series in alike:
                bought, sold = held[series]
                cover += bought
                short += sold
            used = min(cover, short)
            cover -= used
            lot = min([series.lot_size for series in alike])
            total += -((used - short) // lot)
    return total


def _open_orders(case: Case, limits: AccountLimits, *, strategy: bool) -> Check:
    standing = len(case.others(strategy=strategy))
    batch = len(case.earlier_mates(strategy=strategy)) + 1
    most = limits.max_open_orders
    return Check(
        rule="open orders",
        subject=case.subject,
        passed=standing + batch <= most,
        figure=f"{standing} open and {batch} more",
        limit=str(most),
        scope=_scope(strategy=strategy),
    )


def _position(case: Case, limits: AccountLimits, *, strategy: bool) -> Check:
    request, sign = case.request, case.request.side.sign
    if strategy:
        held = case.view.strategy_position(request.strategy, case.instrument)
    else:
        held = case.view.position(case.instrument, request.key.account)
    working = sum(
        order.exposed_quantity
        for order in case.others(strategy=strategy)
        if (other := order.request).instrument is case.instrument and other.side is request.side
    )
    earlier = sum(
        mate.quantity
        for mate in case.earlier_mates(strategy=strategy)
        if mate.instrument is case.instrument and mate.side is request.side
    )
    most = limits.max_position_lots * case.instrument.lot_size
    worst = held + sign * (working + earlier + case.fresh_units)
    return Check(
        rule="position",
        subject=case.subject,
        passed=sign * worst <= most,
        figure=f"{case.lots_text(worst)} in the worst case, {held} held",
        limit=f"{limits.max_position_lots} lots ({most})",
        scope=_scope(strategy=strategy),
        largest_quantity=case.whole_lots(most - sign * held - working - earlier),
    )


def _uncovered_short(case: Case, limits: AccountLimits, *, strategy: bool) -> Check:
    most = limits.max_uncovered_short_lots
    scope, limit = _scope(strategy=strategy), _lots(most)
    if case.instrument.kind is not Kind.OPTION or case.request.side is Side.BUY:
        figure = "not a sold option"
        return Check(
            rule="uncovered short",
            subject=case.subject,
            passed=True,
            figure=figure,
            limit=limit,
            scope=scope,
        )
    net = _worst_case(case, strategy=strategy)
    held = net.pop(case.instrument, 0)
    others = _by_series(net)

    def after(units: int) -> int:
        return _uncovered(_and(others, case.instrument, held - units))

    before, then = after(0), after(case.fresh_units)
    bearable = max(most, before)
    passed = then <= bearable
    return Check(
        rule="uncovered short",
        subject=case.subject,
        passed=passed,
        figure=f"{_lots(then)} uncovered, {_lots(before)} before it",
        limit=limit,
        scope=scope,
        largest_quantity=None if passed else _largest(case, lambda units: after(units) <= bearable),
    )


def _worst_case(case: Case, *, strategy: bool) -> dict[Instrument, int]:
    """Return net units without this order: every sell filled, and no buy that is not yet held.

    When the whole group is judged, its bought legs count as held: they are sent first, and the
    shorts are judged again by themselves before they go.
    """
    net = dict(case.holdings(strategy=strategy))
    for order in case.others(strategy=strategy):
        if order.side is Side.SELL:
            net[order.instrument] = net.get(order.instrument, 0) - order.exposed_quantity
    for mate in case.earlier_mates(strategy=strategy):
        if mate.side is Side.SELL:
            net[mate.instrument] = net.get(mate.instrument, 0) - mate.quantity
    if case.whole:
        for mate in case.mates(case.batch, strategy=strategy):
            if mate.side is Side.BUY:
                net[mate.instrument] = net.get(mate.instrument, 0) + mate.quantity
    return net


def _largest(case: Case, passes: Callable[[int], bool]) -> int:
    """Return the largest whole-lot quantity below that asked which passes ``passes``.

    For a rule that failed, and that more units can only break; 0 when not even one lot passes.
    """
    lot = case.instrument.lot_size
    low, high = 0, max(0, case.fresh_units - 1) // lot
    while low < high:
        middle = (low + high + 1) // 2
        if passes(middle * lot):
            low = middle
        else:
            high = middle - 1
    return low * lot


def _daily_loss(case: Case, limits: AccountLimits, pnl: float, text: str, scope: str) -> Check:
    most = limits.max_loss_inr
    if not math.isfinite(pnl):
        return Check(
            rule="daily loss",
            subject=case.subject,
            passed=False,
            figure="unknown",
            limit=rupees(-most),
            scope=scope,
        )
    return Check(
        rule="daily loss",
        subject=case.subject,
        passed=exact(pnl) > -most,
        figure=text,
        limit=rupees(-most),
        scope=scope,
    )


def _pnl(amount: float) -> str:
    return rupees(exact(amount)) if math.isfinite(amount) else "unknown"


def _lots(lots: int) -> str:
    return f"{lots} lot{'' if lots == 1 else 's'}"


def _scope(*, strategy: bool) -> str:
    return "strategy" if strategy else "account"
