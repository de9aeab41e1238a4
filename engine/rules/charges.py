"""What a trade costs besides its price: the statutory charges and the broker's fee.

Covers index and stock derivatives of NSE and BSE. Source: market_rules.md section 6; every rate is
dated, and a day before the first known one raises. Amounts are unrounded ``Decimal`` rupees per
trade; a day's contract note rounds (section 6.5, ``DayNote``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import msgspec

from engine.errors import FileError
from engine.model.instrument import Instrument, Segment
from engine.model.money import ZERO, paise
from engine.model.side import Side
from engine.rules.contract_class import ContractClass, contract_class
from engine.rules.dated import Row, in_force

GST: Final = Decimal("0.18")
_CRORE: Final = Decimal(10_000_000)
_HUNDRED: Final = Decimal(100)
_SEBI: Final = Decimal(10) / _CRORE


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of one kind of contract on one exchange, as shares of the traded value.

    For options the value is the premium. ``stt_sell`` is on sells and ``stamp_buy`` on buys; the
    others are on both. ``ipft`` is the investor protection fund's part, which bears no GST.
    """

    stt_sell: Decimal
    exchange: Decimal
    ipft: Decimal
    sebi: Decimal
    stamp_buy: Decimal


class Charges(msgspec.Struct, frozen=True, kw_only=True):
    """Rupees, unrounded, by kind. They add up with ``+``."""

    brokerage: Decimal = ZERO
    stt: Decimal = ZERO
    exchange: Decimal = ZERO
    ipft: Decimal = ZERO
    sebi: Decimal = ZERO
    gst: Decimal = ZERO
    stamp: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of them together."""
        return (
            self.brokerage
            + self.stt
            + self.exchange
            + self.ipft
            + self.sebi
            + self.gst
            + self.stamp
        )

    def __add__(self, other: Charges) -> Charges:
        return Charges(
            brokerage=self.brokerage + other.brokerage,
            stt=self.stt + other.stt,
            exchange=self.exchange + other.exchange,
            ipft=self.ipft + other.ipft,
            sebi=self.sebi + other.sebi,
            gst=self.gst + other.gst,
            stamp=self.stamp + other.stamp,
        )


NO_CHARGES: Final = Charges()


class BrokeragePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker takes per executed order: not per fill, and a slice is an order of its own."""

    name: str
    per_order: dict[ContractClass, Decimal]


ANGEL_ONE: Final = BrokeragePlan(
    name="Angel One",
    per_order={
        ContractClass.FUTIDX: Decimal(20),
        ContractClass.FUTSTK: Decimal(20),
        ContractClass.OPTIDX: Decimal(20),
        ContractClass.OPTSTK: Decimal(20),
    },
)
"""Rs 20 flat per executed order in derivatives (market_rules.md 6.4)."""

PLANS: Final[dict[str, BrokeragePlan]] = {"angelone": ANGEL_ONE}
"""Plans by the name a configuration gives."""


def _pct(text: str) -> Decimal:
    return Decimal(text) / _HUNDRED


def _per_crore(text: str) -> Decimal:
    return Decimal(text) / _CRORE


_BUDGET_2024: Final = date(2024, 10, 1)
_NSE_2026: Final = date(2026, 3, 1)
_FINANCE_ACT_2026: Final = date(2026, 4, 1)

_STT_FUTURES: Final = (
    Row(_BUDGET_2024, _pct("0.02"), "market_rules.md 6.1"),
    Row(_FINANCE_ACT_2026, _pct("0.05"), "NSE circular of 31 March 2026, Finance Act 2026"),
)
_STT_OPTIONS: Final = (
    Row(_BUDGET_2024, _pct("0.1"), "market_rules.md 6.1"),
    Row(_FINANCE_ACT_2026, _pct("0.15"), "NSE circular of 31 March 2026, Finance Act 2026"),
)
_STT_EXERCISED: Final = (
    Row(_BUDGET_2024, _pct("0.125"), "market_rules.md 6.1"),
    Row(_FINANCE_ACT_2026, _pct("0.15"), "NSE circular of 31 March 2026, Finance Act 2026"),
)

# (transaction, investor protection fund), both per rupee.
_Fee = tuple[Decimal, Decimal]
_NSE_FUTURES: Final[tuple[Row[_Fee], ...]] = (
    Row(_BUDGET_2024, (_per_crore("173"), _per_crore("10")), "NSE/FA/64323"),
    Row(_NSE_2026, (_per_crore("182.99"), _per_crore("0.01")), "NSE/FA/73061"),
)
_NSE_OPTIONS: Final[tuple[Row[_Fee], ...]] = (
    Row(_BUDGET_2024, (_per_crore("3503"), _per_crore("50")), "NSE/FA/64323"),
    Row(_NSE_2026, (_per_crore("3552"), _per_crore("1")), "NSE/FA/73061"),
)
_BSE_FUTURES: Final[tuple[Row[_Fee], ...]] = (
    Row(_BUDGET_2024, (ZERO, ZERO), "market_rules.md 6.2"),
)
_BSE_INDEX_OPTIONS: Final[tuple[Row[_Fee], ...]] = (
    Row(_BUDGET_2024, (_per_crore("3250"), ZERO), "market_rules.md 6.2: SENSEX and BANKEX"),
)
_BSE_OTHER_OPTIONS: Final[tuple[Row[_Fee], ...]] = (
    Row(_BUDGET_2024, (_per_crore("500"), ZERO), "market_rules.md 6.2: other options"),
)
_BSE_DEARER: Final = frozenset({"SENSEX", "BANKEX"})

_STAMP_FUTURES: Final = _pct("0.002")
_STAMP_OPTIONS: Final = _pct("0.003")

_FUTURES: Final = frozenset({ContractClass.FUTIDX, ContractClass.FUTSTK})
_OPTIONS: Final = frozenset({ContractClass.OPTIDX, ContractClass.OPTSTK})


def rates(instrument: Instrument, day: date) -> Rates:
    """Return what trading ``instrument`` bears on ``day``.

    Raises ``FileError`` for a segment these tables do not cover, and before the first known day.
    """
    klass = contract_class(instrument)
    if klass in _FUTURES:
        stt, stamp = _STT_FUTURES, _STAMP_FUTURES
    elif klass in _OPTIONS:
        stt, stamp = _STT_OPTIONS, _STAMP_OPTIONS
    else:
        raise FileError(f"{instrument.symbol}: no charges are known for {klass}")
    what = f"charges of {klass} on {instrument.segment}"
    exchange, ipft = in_force(_exchange_rows(instrument, klass), day, what)
    return Rates(
        stt_sell=in_force(stt, day, what),
        exchange=exchange,
        ipft=ipft,
        sebi=_SEBI,
        stamp_buy=stamp,
    )


def _exchange_rows(instrument: Instrument, klass: ContractClass) -> tuple[Row[_Fee], ...]:
    is_option = klass in _OPTIONS
    if instrument.segment is Segment.NSE_FO:
        return _NSE_OPTIONS if is_option else _NSE_FUTURES
    if not is_option:
        return _BSE_FUTURES
    return _BSE_INDEX_OPTIONS if instrument.underlying in _BSE_DEARER else _BSE_OTHER_OPTIONS


def charge(at: Rates, side: Side, value: Decimal, brokerage: Decimal = ZERO) -> Charges:
    """Return the charges on ``value`` rupees traded at given rates.

    GST is 18 % of brokerage, exchange charge and SEBI fee, and not of the protection fund's part:
    so on two real contract notes (market_rules.md 6.6a).
    """
    exchange = value * at.exchange
    sebi = value * at.sebi
    return Charges(
        brokerage=brokerage,
        stt=value * at.stt_sell if side is Side.SELL else ZERO,
        exchange=exchange,
        ipft=value * at.ipft,
        sebi=sebi,
        gst=(brokerage + exchange + sebi) * GST,
        stamp=value * at.stamp_buy if side is Side.BUY else ZERO,
    )


def order_charges(
    instrument: Instrument,
    side: Side,
    value: Decimal,
    day: date,
    plan: BrokeragePlan = ANGEL_ONE,
) -> Charges:
    """Return what one executed order costs: ``value`` is the sum of its fills, in rupees.

    An order that traded nothing costs nothing. Raises as ``rates`` does.
    """
    if value == ZERO:
        return NO_CHARGES
    return charge(rates(instrument, day), side, value, plan.per_order[contract_class(instrument)])


def exercise_charges(intrinsic_value: Decimal, day: date) -> Charges:
    """Return the tax on an option that is exercised at expiry, borne by its holder.

    ``intrinsic_value`` is rupees for the whole position. Raises before the first known day.
    """
    return Charges(stt=intrinsic_value * in_force(_STT_EXERCISED, day, "tax on exercise"))


class DayNote(msgspec.Struct, frozen=True, kw_only=True):
    """A day's charges as a contract note shows them (market_rules.md 6.5).

    Transaction tax is rounded once, for the whole day, to the nearest rupee, halves up; all else
    to the paisa. (The statute would round stamp duty to the rupee too; notes show paise.)
    """

    charges: Charges

    @classmethod
    def of(cls, trades: Iterable[Charges]) -> DayNote:
        """Return the note for the unrounded charges of a day's orders."""
        day = sum(trades, start=NO_CHARGES)
        return cls(
            charges=Charges(
                brokerage=paise(day.brokerage),
                stt=day.stt.quantize(Decimal(1), ROUND_HALF_UP),
                exchange=paise(day.exchange),
                ipft=paise(day.ipft),
                sebi=paise(day.sebi),
                gst=paise(day.gst),
                stamp=paise(day.stamp),
            )
        )

    @property
    def total(self) -> Decimal:
        """What the client pays for the day, rupees."""
        return self.charges.total
