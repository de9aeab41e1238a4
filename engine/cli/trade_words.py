"""A trade in the words a trader would type: ``SELL 65 NIFTY 24000 CE @ 120``.

No instrument list is needed: what is not said and cannot be known is asked for by an error that
has an example.
"""

from __future__ import annotations

import difflib
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, NamedTuple

from engine.errors import FileError
from engine.model.instrument import Kind, Right, Segment, plain
from engine.model.side import Side
from engine.rules.charges import Contract
from engine.rules.contract_class import INDEX_UNDERLYINGS, ContractClass
from engine.rules.grid import lot_size
from engine.rules.hours import COMMODITY_CLASSES

EXAMPLE: Final = 'e.g. "SELL 65 NIFTY 24000 CE @ 120", "BUY 2 lots NIFTY FUT @ 24350"'


class Exchange(StrEnum):
    """The exchanges whose charges are known."""

    NSE = "NSE"
    BSE = "BSE"
    MCX = "MCX"


class Verb(StrEnum):
    """What was done. An option that is exercised is not sold, but taxed all the same."""

    BUY = "BUY"
    SELL = "SELL"
    EXERCISE = "EXERCISE"


class TradeWords(NamedTuple):
    """A trade as it was typed. ``price`` is rupees, for EXERCISE what the underlying settled at.

    ``odd_lot`` is the lot size that ``quantity`` is no multiple of, None where there is no fault.
    """

    verb: Verb
    quantity: int
    contract: Contract
    strike: Decimal | None
    right: Right | None
    price: Decimal
    odd_lot: int | None

    @property
    def side(self) -> Side:
        """Which way it trades; whoever exercises gives the option up."""
        return Side.BUY if self.verb is Verb.BUY else Side.SELL

    @property
    def text(self) -> str:
        """The trade as the engine writes it."""
        return f"{self.verb} {self.quantity} {self.contract.symbol} @ {plain(self.price)}"


class _Named(NamedTuple):
    """A contract's words: what it is on, what kind, until when."""

    underlying: str
    kind: Kind
    symbol: str
    strike: Decimal | None = None
    right: Right | None = None


_BSE_INDICES: Final = frozenset({"SENSEX", "BANKEX", "SENSEX50"})
_VERBS: Final = "|".join(Verb)
_BETWEEN: Final = re.compile(rf"\s*[,;\n]\s*(?=(?:{_VERBS})\b)|\s*[;\n]\s*", re.IGNORECASE)
_TRADE: Final = re.compile(
    r"(?P<verb>\S+)\s+(?P<quantity>\S+?)\s*(?P<lots>lots?)?\s+(?P<words>\S.*?)\s*"
    r"(?:@|\bat\b)\s*(?P<price>\S+)",
    re.IGNORECASE,
)
_GLUED: Final = re.compile(r"(\d+(?:\.\d+)?)(CE|PE|CALL|PUT)")
_ONE_WORD: Final = re.compile(r".+\d(?:CE|PE|CALL|PUT|FUT)")
"""A contract as brokers' symbols have it, NIFTY25AUG2624000CE: no share is called so."""
_MOST: Final = 10**10
"""Units, and rupees a unit: more is a slip, and beyond what amounts are exact in."""
_STRIKE: Final = re.compile(r"\d+(?:\.\d+)?")
_DAY: Final = re.compile(r"\d{1,2}[A-Z]{3}(?:\d{2}|\d{4})")
_RIGHTS: Final = {"CE": Right.CALL, "CALL": Right.CALL, "PE": Right.PUT, "PUT": Right.PUT}
_FUTURE_WORDS: Final = frozenset({"FUT", "FUTURE", "FUTURES"})
_SEGMENTS: Final = {
    (Exchange.NSE, False): Segment.NSE_CM,
    (Exchange.NSE, True): Segment.NSE_FO,
    (Exchange.BSE, False): Segment.BSE_CM,
    (Exchange.BSE, True): Segment.BSE_FO,
    (Exchange.MCX, True): Segment.MCX_FO,
}
# So alike that a slip is likelier than a share of that name.
_SLIP: Final = 0.8


def parse_trades(
    text: str, day: date, *, exchange: Exchange | None = None, units_in_lot: int | None = None
) -> list[TradeWords]:
    """Return the trades in ``text``, separated by ``,`` or ``;``.

    ``exchange`` None means the one that an index or a commodity trades on, NSE for shares.
    ``units_in_lot`` is what ``lots`` are counted by where the person says so. Raises ``FileError``
    with what is wrong and an example.
    """
    pieces = [piece for piece in _BETWEEN.split(text.strip()) if piece]
    if not pieces:
        raise FileError(f"no trade given; {EXAMPLE}")
    return [_trade(piece, day, exchange, units_in_lot) for piece in pieces]


def _trade(text: str, day: date, exchange: Exchange | None, units: int | None) -> TradeWords:
    found = _TRADE.fullmatch(text)
    if found is None:
        wanted = "side, quantity, contract, @ and price"
        missing = "" if re.search(r"@|\bat\b", text, re.IGNORECASE) else "; it has no price after @"
        raise FileError(f"{text!r} is not a trade: {wanted} are wanted{missing}; {EXAMPLE}")
    word = found["verb"].upper()
    if word not in Verb.__members__:
        raise FileError(f"{text!r}: {found['verb']!r} is neither BUY nor SELL; {EXAMPLE}")
    verb = Verb(word)
    named = _named(found["words"], text, day)
    contract = _contract(named, exchange, text)
    lot = units or (
        lot_size(named.underlying, day) if named.kind in (Kind.FUTURE, Kind.OPTION) else None
    )
    quantity = _quantity(found["quantity"], text)
    if found["lots"]:
        if lot is None:
            raise FileError(
                f"{text!r}: how many units are in a lot of {named.underlying} on "
                f"{day.isoformat()} is not known; write units, or give --lot-size"
            )
        quantity *= lot
    if verb is Verb.EXERCISE and contract.klass is not ContractClass.OPTIDX:
        raise FileError(
            f"{text!r}: only options on indices can be exercised here: one on a share is settled "
            "by delivery, one on a commodity by its future; "
            'e.g. "EXERCISE 65 NIFTY 24000 CE @ 24120", with what the index settled at'
        )
    return TradeWords(
        verb=verb,
        quantity=quantity,
        contract=contract,
        strike=named.strike,
        right=named.right,
        price=_price(found["price"], text),
        odd_lot=lot if lot is not None and quantity % lot else None,
    )


def _quantity(word: str, text: str) -> int:
    digits = word.replace(",", "")
    if not digits.isascii() or not digits.isdigit() or not digits.strip("0"):
        raise FileError(f"{text!r}: the quantity {word!r} is not a whole number above 0; {EXAMPLE}")
    if len(digits) > len(str(_MOST)) or int(digits) > _MOST:
        raise FileError(f"{text!r}: a quantity above {_MOST:,} is a slip")
    return int(digits)


def _price(word: str, text: str) -> Decimal:
    try:
        price = Decimal(word.replace(",", ""))
    except InvalidOperation:
        price = Decimal(0)
    if not price.is_finite() or price <= 0:
        raise FileError(f"{text!r}: {word!r} is not a price above 0; {EXAMPLE}")
    if price > _MOST:
        raise FileError(f"{text!r}: a price above Rs {_MOST:,} is a slip")
    return price


def _named(words: str, text: str, day: date) -> _Named:
    """Read a contract's words; where its expiry stands among them, that has to be a date."""
    first, *rest = words.upper().split()
    last = rest[-1] if rest else ""
    glued = _GLUED.fullmatch(last)
    if glued:
        rest = [*rest[:-1], glued[1], glued[2]]
        last = glued[2]
    if not rest:
        if _ONE_WORD.fullmatch(first):
            raise FileError(
                f"{text!r}: {first} is no share; write the contract's words apart, such as "
                "NIFTY 25AUG26 24000 CE or NIFTY FUT"
            )
        return _Named(first, Kind.EQUITY, first)
    if last in _FUTURE_WORDS:
        expiry = _expiry(rest[:-1], text, day)
        return _Named(first, Kind.FUTURE, " ".join([first, *expiry, "FUT"]))
    if last in _RIGHTS:
        if len(rest) < 2 or not _STRIKE.fullmatch(rest[-2]):
            raise FileError(f"{text!r}: no strike before {last}; {EXAMPLE}")
        expiry = _expiry(rest[:-2], text, day)
        strike, right = Decimal(rest[-2]), _RIGHTS[last]
        symbol = " ".join([first, *expiry, plain(strike), right])
        return _Named(first, Kind.OPTION, symbol, strike, right)
    raise FileError(
        f"{text!r}: {' '.join(rest)!r} says neither a future (FUT) nor an option (a strike, then "
        f"CE or PE); a share is its symbol alone; {EXAMPLE}"
    )


def _expiry(words: list[str], text: str, day: date) -> list[str]:
    """Return the expiry as symbols have it, or nothing where it was left out."""
    if not words:
        return []
    word = "".join(words)
    form = "%d%b%y" if len(word) < 8 or not word[-4:].isdigit() else "%d%b%Y"
    try:
        expiry = (
            datetime.strptime(word, form).date()  # noqa: DTZ007 - a date has no zone
            if _DAY.fullmatch(word)
            else date.fromisoformat(word)
        )
    except ValueError:
        raise FileError(
            f"{text!r}: {' '.join(words)!r} is not an expiry like 25AUG26 or 2026-08-25; it may "
            "also be left out, charges do not depend on it"
        ) from None
    if expiry < day:
        raise FileError(
            f"{text!r}: this contract expired on {expiry.isoformat()}, before {day.isoformat()}; "
            "--on takes the day of the trade"
        )
    return [f"{expiry:%d%b%y}".upper()]


def _contract(named: _Named, exchange: Exchange | None, text: str) -> Contract:
    underlying = named.underlying
    is_index = underlying in INDEX_UNDERLYINGS
    is_commodity = underlying in COMMODITY_CLASSES and exchange in (None, Exchange.MCX)
    if exchange is None and not is_index and not is_commodity:
        known = [*sorted(INDEX_UNDERLYINGS), *COMMODITY_CLASSES]
        close = difflib.get_close_matches(underlying, known, n=1, cutoff=_SLIP)
        if close:
            raise FileError(
                f"{text!r}: {underlying} looks like {close[0]} misspelled; if it is a share, say "
                "so with --exchange NSE"
            )
    if named.kind is Kind.EQUITY and (is_index or is_commodity):
        thing = "an index" if is_index else "a commodity"
        raise FileError(
            f"{text!r}: {underlying} is {thing} and cannot be traded itself; name a contract on "
            f'it: "{underlying} FUT", "{underlying} <strike> CE"'
        )
    where = exchange or _exchange_of(underlying, is_commodity=is_commodity)
    segment = _SEGMENTS.get((where, named.kind is not Kind.EQUITY))
    if segment is None:
        raise FileError(f"{text!r}: {where} has no shares; name a contract: {underlying} FUT")
    if segment is Segment.MCX_FO:
        future, option = ContractClass.FUTCOM, ContractClass.OPTFUT
    elif is_index:
        future, option = ContractClass.FUTIDX, ContractClass.OPTIDX
    else:
        future, option = ContractClass.FUTSTK, ContractClass.OPTSTK
    klass = {Kind.EQUITY: ContractClass.CASH, Kind.FUTURE: future, Kind.OPTION: option}[named.kind]
    return Contract(segment, klass, underlying, named.symbol)


def _exchange_of(underlying: str, *, is_commodity: bool) -> Exchange:
    if is_commodity:
        return Exchange.MCX
    return Exchange.BSE if underlying in _BSE_INDICES else Exchange.NSE
