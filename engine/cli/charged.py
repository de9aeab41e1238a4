"""Trades that a person typed, charged: what each bears and why, together, and the break-even."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from engine.cli.trade_words import TradeWords, Verb
from engine.errors import FileError
from engine.model.instrument import Right
from engine.model.money import ZERO, inr
from engine.model.order import Product
from engine.model.side import Side
from engine.model.tariff import Fee, Tariff
from engine.rules.charges import (
    NO_CHARGES,
    BreakEven,
    BrokeragePlan,
    Charges,
    DayNote,
    Item,
    RateRows,
    Taxed,
    Traded,
    break_even,
    day_charges,
    day_notes,
    exercise_charges,
    rate_rows,
    tables,
    taxed_as,
)
from engine.rules.charges.break_even import EXACT_STEP
from engine.rules.charges.plans import item_of
from engine.rules.contract_class import ContractClass
from engine.rules.dated import Certainty, Row, row_in_force
from engine.rules.grid import tick_size

_ACCOUNT: Final = "you"
_PCT: Final = Decimal(100)


class ChargeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of charge on one trade: the amount, how it is made, and where that comes from.

    ``since`` is None for what the person's own plan says.
    """

    kind: str
    amount_inr: Decimal
    how: str
    since: date | None
    source: str
    certainty: Certainty


class ChargedTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade with its charges. ``value_inr`` is what changed hands, for EXERCISE in its favour.

    ``notes`` is what a reader should know about it.
    """

    text: str
    venue: str
    taxed_as: str
    side: Side
    quantity: int
    value_inr: Decimal
    charges: Charges
    lines: tuple[ChargeLine, ...]
    notes: tuple[str, ...]


class Charged(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``gross_inr`` and ``net_inr`` are None while something is left open.

    ``break_even`` is None where there is none, and ``no_break_even`` then says why; ``tick_inr`` is
    None where the contract's tick is not known, so that its price is on no grid.
    """

    on: date
    on_is_today: bool
    plan: str
    product: Product
    trades: tuple[ChargedTrade, ...]
    charges: Charges
    total_inr: Decimal
    notes: tuple[DayNote, ...]
    gross_inr: Decimal | None
    net_inr: Decimal | None
    break_even: BreakEven | None
    no_break_even: str
    tick_inr: Decimal | None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked: the trades and everything they are charged by."""

    words: tuple[TradeWords, ...]
    on: date
    on_is_today: bool
    plan: BrokeragePlan
    tariff: Tariff
    product: Product
    is_square_off: bool
    tick: Decimal | None


class _TurnedPart(NamedTuple):
    """The part of a delivery order that is taxed as intraday: its rupees, and its rates."""

    value: Decimal
    rows: RateRows

    def of(self, trade: Traded, rate: str) -> str:
        """Say what the rate of the rest is on, and which other rate is on this part."""
        kept = inr(trade.value - self.value)
        own = _pct(getattr(self.rows, rate))
        return f"of Rs {kept} for delivery, {own} % of Rs {inr(self.value)} intraday"


def charged(asked: Question) -> Charged:
    """Charge every trade as one day of one account.

    Raises ``FileError`` where a rate is not known, and for an exercise without an option to give
    up.
    """
    traded = [_traded(words, asked) for words in asked.words if words.verb is not Verb.EXERCISE]
    by_order = iter(day_charges(traded, asked.on, asked.plan, asked.tariff))
    orders = iter(traded)
    trades = []
    for words in asked.words:
        if words.verb is Verb.EXERCISE:
            trades.append(_exercised(words, asked.on))
        else:
            trades.append(_ordered(words, next(orders), next(by_order), traded, asked))
    total = sum((trade.charges for trade in trades), start=NO_CHARGES)
    left = _left(asked.words)
    gross = sum((-each.value_inr * each.side.sign for each in trades), start=ZERO)
    tick = asked.tick or _tick(asked)
    found, why = _break_even(traded, asked, left, tick)
    pairs = zip(asked.words, trades, strict=True)
    return Charged(
        on=asked.on,
        on_is_today=asked.on_is_today,
        plan=f"{asked.plan.name} ({asked.plan.title})",
        product=asked.product,
        trades=tuple(trades),
        charges=total,
        total_inr=total.total,
        notes=day_notes((_ACCOUNT, words.contract.segment, each.charges) for words, each in pairs),
        gross_inr=None if any(left.values()) else gross,
        net_inr=None if any(left.values()) else gross - total.total,
        break_even=found,
        no_break_even=why,
        tick_inr=tick,
    )


def _traded(words: TradeWords, asked: Question) -> Traded:
    return Traded(
        contract=words.contract,
        side=words.side,
        product=asked.product,
        quantity=words.quantity,
        value=words.price * words.quantity,
        is_square_off=asked.is_square_off,
    )


def _left(words: Sequence[TradeWords]) -> dict[str, int]:
    """Return the units left open, by contract."""
    left: dict[str, int] = {}
    for each in words:
        symbol = each.contract.symbol
        if each.verb is Verb.EXERCISE and left.get(symbol, each.quantity) < each.quantity:
            raise FileError(
                f"{each.text!r}: only {max(0, left[symbol])} of them are held after the trades "
                "before it"
            )
        before = left.get(symbol, each.quantity if each.verb is Verb.EXERCISE else 0)
        left[symbol] = before + each.quantity * each.side.sign
    return left


def _tick(asked: Question) -> Decimal | None:
    first = asked.words[0]
    contract = first.contract
    if contract.klass is ContractClass.CASH and contract.underlying in asked.tariff.etfs:
        # Units of funds have ticks of their own, which no table here has (market_rules.md 3).
        return None
    return tick_size(contract.segment, contract.klass, contract.underlying, first.price, asked.on)


def _break_even(
    traded: list[Traded], asked: Question, left: dict[str, int], tick: Decimal | None
) -> tuple[BreakEven | None, str]:
    open_symbols = [symbol for symbol, units in left.items() if units]
    if not open_symbols:
        return None, "nothing is left open"
    if len(left) > 1:
        return None, "a break-even is one price of one contract; these are several"
    if len(traded) < len(asked.words):
        return None, "part of the position was exercised"
    if asked.product is Product.DELIVERY and left[open_symbols[0]] < 0:
        return None, "a delivery sale closes a holding; what that cost is not known here"
    found = break_even(traded, asked.on, asked.plan, asked.tariff, tick or EXACT_STEP)
    return found, "" if found is not None else "the charges are more than the sale brought in"


def _ordered(
    words: TradeWords, trade: Traded, charges: Charges, day: Sequence[Traded], asked: Question
) -> ChargedTrade:
    taxed = taxed_as(trade.contract, trade.product, asked.tariff)
    notes = []
    part = None
    if words.odd_lot is not None:
        notes.append(f"{words.quantity} is no multiple of the lot of {words.odd_lot}")
    if taxed.is_delivery:
        turned, units = _turned(trade, day)
        if turned:
            of_them = "all" if turned == units else f"{turned} of {units}"
            notes.append(
                f"{of_them} both bought and sold on this day: taxed as intraday, not delivery"
            )
        if turned == units:
            taxed = taxed.as_intraday
        elif turned:
            closed = rate_rows(trade.contract, taxed.as_intraday, asked.on, asked.tariff)
            part = _TurnedPart(trade.value * turned / units, closed)
    rows = rate_rows(trade.contract, taxed, asked.on, asked.tariff)
    lines = _lines(trade, taxed, rows, charges, asked, part)
    return ChargedTrade(
        text=words.text,
        venue=str(trade.contract.segment),
        taxed_as=taxed,
        side=trade.side,
        quantity=trade.quantity,
        value_inr=trade.value,
        charges=charges,
        lines=tuple(lines),
        notes=tuple(notes),
    )


def _turned(trade: Traded, day: Sequence[Traded]) -> tuple[int, int]:
    """Return how many units of the order's share were turned round, and of how many on its side."""
    units = {Side.BUY: 0, Side.SELL: 0}
    for each in day:
        if each.contract == trade.contract:
            units[each.side] += each.quantity
    return min(units.values()), units[trade.side]


def _lines(
    trade: Traded,
    taxed: Taxed,
    rows: RateRows,
    charges: Charges,
    asked: Question,
    part: _TurnedPart | None,
) -> list[ChargeLine]:
    of = "of the premium" if trade.contract.klass.is_option else "of the value"
    is_buy = trade.side is Side.BUY
    tax = rows.stt_buy if is_buy else rows.stt_sell
    taxed_part = of if part is None else part.of(trade, "stt_buy" if is_buy else "stt_sell")
    made: list[ChargeLine] = [_fee("brokerage", charges.brokerage, item_of(taxed), asked)]
    if tax.value or not is_buy:
        made.append(_rate("stt", charges.stt, tax, taxed_part))
    made.append(_rate("exchange", charges.exchange, rows.exchange, of))
    if rows.ipft.value:
        made.append(_rate("ipft", charges.ipft, rows.ipft, of))
    made.append(_rate("sebi", charges.sebi, rows.sebi, of))
    if is_buy:
        stamped = of if part is None else part.of(trade, "stamp_buy")
        made.append(_rate("stamp", charges.stamp, rows.stamp_buy, stamped))
    base = ["brokerage", "exchange", "SEBI"]
    for kind, item in (("dp", Item.DP), ("square_off", Item.SQUARE_OFF)):
        amount = getattr(charges, kind)
        if amount:
            made.append(_fee(kind, amount, item, asked))
            base.append("DP" if item is Item.DP else "square off")
    made.append(_rate("gst", charges.gst, rows.gst, f"of {', '.join(base)}"))
    return made


def _fee(kind: str, amount: Decimal, item: Item, asked: Question) -> ChargeLine:
    row: Row[Fee] = asked.plan.row(item, asked.on)
    per = {Item.DP: "a scrip and day", Item.SQUARE_OFF: "an order"}.get(item, "an executed order")
    return ChargeLine(
        kind=kind,
        amount_inr=amount,
        how=f"{row.value}, {per}",
        since=None if row.first_day == date.min else row.first_day,
        source=row.source,
        certainty=row.certainty,
    )


def _rate(kind: str, amount: Decimal, row: Row[Decimal], of: str) -> ChargeLine:
    return ChargeLine(
        kind=kind,
        amount_inr=amount,
        how=f"{_pct(row)} % {of}",
        since=row.first_day,
        source=row.source,
        certainty=row.certainty,
    )


def _pct(row: Row[Decimal]) -> str:
    return f"{(row.value * _PCT).normalize():f}"


def _exercised(words: TradeWords, day: date) -> ChargedTrade:
    if words.strike is None:
        raise FileError(f"{words.text!r}: an option has a strike")
    sign = 1 if words.right is Right.CALL else -1
    value = max(ZERO, (words.price - words.strike) * sign) * words.quantity
    charges = exercise_charges(value, day)
    row = row_in_force(tables.STT_EXERCISED, day, "tax on exercise")
    notes = () if value else ("it is out of the money and expires worthless: nothing is exercised",)
    return ChargedTrade(
        text=words.text,
        venue=str(words.contract.segment),
        taxed_as="exercise",
        side=Side.SELL,
        quantity=words.quantity,
        value_inr=value,
        charges=charges,
        lines=(_rate("stt", charges.stt, row, "of what it is in the money by"),),
        notes=notes,
    )
