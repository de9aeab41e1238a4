"""The usual hours of every segment as dated data: the phases of a day, by class of contract.

Sources: market_rules.md section 1 and the circulars named in each row. Phases are in seconds after
midnight in India; only ``CONTINUOUS`` is trading as this engine knows it, the auctions around it
are facts to be shown.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from engine.model.instrument import Segment
from engine.rules.dated import Row
from engine.rules.holidays import FIRST_DAY


class HoursClass(StrEnum):
    """The contracts of a segment that keep the same hours."""

    CASH = "cash"
    CLOSING_AUCTION = "closing_auction"
    FUTURES = "futures"
    OPTIONS = "options"
    NON_AGRI = "non_agri"
    AGRI_INTERNATIONAL = "agri_international"
    AGRI = "agri"


class PhaseKind(StrEnum):
    """What a segment does between two clock times."""

    PRE_OPEN = "pre-open: limit and market orders"
    PRE_OPEN_LIMIT = "pre-open: limit orders only, market orders stand"
    PRE_OPEN_MATCH = "pre-open: matching"
    BUFFER = "buffer"
    CONTINUOUS = "continuous trading"
    REFERENCE_PRICE = "closing auction: reference price"
    AUCTION = "closing auction: limit and market orders"
    AUCTION_LIMIT = "closing auction: limit orders only"
    AUCTION_MATCH = "closing auction: matching"
    POST_CLOSE = "post-close at the closing price"


class Phase(NamedTuple):
    """``[opens_s, closes_s)`` after midnight in India.

    ``random_from_s``: from then on the exchange may end it at any second.
    """

    kind: PhaseKind
    opens_s: int
    closes_s: int
    random_from_s: int | None = None


Phases = tuple[Phase, ...]
Rows = tuple[Row[Phases], ...]


def _s(clock: str) -> int:
    hour, minute = clock.split(":")
    return (int(hour) * 60 + int(minute)) * 60


def _phase(kind: PhaseKind, opens: str, closes: str, random_from: str | None = None) -> Phase:
    return Phase(kind, _s(opens), _s(closes), None if random_from is None else _s(random_from))


COMMODITY_SPLIT_S: Final = _s("17:00")
"""Where a commodity day parts into morning and evening."""

_OPENING_TO_908: Phases = (
    _phase(PhaseKind.PRE_OPEN, "09:00", "09:08", "09:07"),
    _phase(PhaseKind.PRE_OPEN_MATCH, "09:08", "09:12"),
    _phase(PhaseKind.BUFFER, "09:12", "09:15"),
)
_OPENING_TO_910: Phases = (
    _phase(PhaseKind.PRE_OPEN, "09:00", "09:05"),
    _phase(PhaseKind.PRE_OPEN_LIMIT, "09:05", "09:10", "09:08"),
    _phase(PhaseKind.PRE_OPEN_MATCH, "09:10", "09:12"),
    _phase(PhaseKind.BUFFER, "09:12", "09:15"),
)
_UNTIL_1515 = _phase(PhaseKind.CONTINUOUS, "09:15", "15:15")
_UNTIL_1530 = _phase(PhaseKind.CONTINUOUS, "09:15", "15:30")
_UNTIL_1540 = _phase(PhaseKind.CONTINUOUS, "09:15", "15:40")
_AFTER_1530: Phases = (_phase(PhaseKind.POST_CLOSE, "15:40", "16:00"),)
_CLOSING_AUCTION: Phases = (
    _phase(PhaseKind.REFERENCE_PRICE, "15:15", "15:20"),
    _phase(PhaseKind.AUCTION, "15:20", "15:25"),
    _phase(PhaseKind.AUCTION_LIMIT, "15:25", "15:30", "15:28"),
    _phase(PhaseKind.AUCTION_MATCH, "15:30", "15:35"),
    _phase(PhaseKind.POST_CLOSE, "15:50", "16:00"),
)

CLOSING_AUCTION_FROM: Final = date(2026, 8, 3)
"""The first day of the closing auction, and of derivatives until 15:40."""

_RULES: Final = "market_rules.md 1"
_CAS: Final = "NSE/CMTR/74466 of 29 May 2026, BSE of 1 August 2026"
_PRE_OPEN_FAQ: Final = "NSE pre-open FAQ of 1 July 2026"

_CASH: Final[Rows] = (
    Row(FIRST_DAY, (*_OPENING_TO_908, _UNTIL_1530, *_AFTER_1530), _RULES),
    Row(date(2026, 9, 7), (*_OPENING_TO_910, _UNTIL_1530, *_AFTER_1530), _PRE_OPEN_FAQ),
)
_IN_AUCTION: Final[Rows] = (
    _CASH[0],
    Row(CLOSING_AUCTION_FROM, (*_OPENING_TO_908, _UNTIL_1515, *_CLOSING_AUCTION), _CAS),
    Row(
        date(2026, 9, 7),
        (*_OPENING_TO_910, _UNTIL_1515, *_CLOSING_AUCTION),
        f"{_CAS}; {_PRE_OPEN_FAQ}",
    ),
)
# Current-month futures, and in the last five days before expiry those of the next month.
_FUTURES: Final[Rows] = (
    Row(FIRST_DAY, (_UNTIL_1530,), _RULES),
    Row(date(2025, 12, 8), (*_OPENING_TO_908, _UNTIL_1530), "NSE/FAOP/71092"),
    Row(
        CLOSING_AUCTION_FROM,
        (*_OPENING_TO_908, _UNTIL_1540),
        "NSE/FAOP/74467 of 29 May 2026; NSE/FAOP/71092",
    ),
)
_OPTIONS: Final[Rows] = (
    Row(FIRST_DAY, (_UNTIL_1530,), _RULES),
    Row(CLOSING_AUCTION_FROM, (_UNTIL_1540,), "NSE/FAOP/74467 of 29 May 2026"),
)
# 23:30 while New York keeps summer time, else 23:55: see ``engine.rules.summer_time``.
_NON_AGRI: Final[Rows] = (
    Row(
        FIRST_DAY,
        (_phase(PhaseKind.CONTINUOUS, "09:00", "23:30"),),
        f"{_RULES}; NSE/COM/72699 of 9 February 2026",
    ),
)
_AGRI_INTERNATIONAL: Final[Rows] = (
    Row(FIRST_DAY, (_phase(PhaseKind.CONTINUOUS, "09:00", "21:00"),), _RULES),
)
_AGRI: Final[Rows] = (Row(FIRST_DAY, (_phase(PhaseKind.CONTINUOUS, "09:00", "17:00"),), _RULES),)

HOURS: Final[dict[Segment, dict[HoursClass, Rows]]] = {
    Segment.NSE_CM: {HoursClass.CASH: _CASH, HoursClass.CLOSING_AUCTION: _IN_AUCTION},
    Segment.BSE_CM: {HoursClass.CASH: _CASH, HoursClass.CLOSING_AUCTION: _IN_AUCTION},
    Segment.NSE_FO: {HoursClass.OPTIONS: _OPTIONS, HoursClass.FUTURES: _FUTURES},
    Segment.BSE_FO: {HoursClass.OPTIONS: _OPTIONS, HoursClass.FUTURES: _FUTURES},
    Segment.MCX_FO: {
        HoursClass.NON_AGRI: _NON_AGRI,
        HoursClass.AGRI_INTERNATIONAL: _AGRI_INTERNATIONAL,
        HoursClass.AGRI: _AGRI,
    },
}
"""Phases by segment and class, oldest first. The first class of a segment stands for it."""

WINTER_CLOSE_S: Final = _s("23:55")
"""When non-agricultural commodities close while New York keeps standard time."""

COMMODITY_CLASSES: Final[dict[str, HoursClass]] = {
    **dict.fromkeys(
        (
            "ALUMINI", "ALUMINIUM", "COPPER", "CRUDEOIL", "CRUDEOILM", "ELECDMBL", "GOLD",
            "GOLDGUINEA", "GOLDM", "GOLDPETAL", "GOLDTEN", "LEAD", "LEADMINI", "MCXBULLDEX",
            "MCXMETLDEX", "NATGASMINI", "NATURALGAS", "NICKEL", "SILVER", "SILVER100", "SILVERM",
            "SILVERMIC", "STEELREBAR", "ZINC", "ZINCMINI",
        ),
        HoursClass.NON_AGRI,
    ),
    **dict.fromkeys(("COTTON", "COTTONCNDY", "CPO", "KAPAS"), HoursClass.AGRI_INTERNATIONAL),
    **dict.fromkeys(("CARDAMOM", "COTTONOIL", "MENTHAOIL"), HoursClass.AGRI),
}  # fmt: skip
"""Which hours an MCX underlying keeps (market_rules.md section 1: cotton, CPO and kapas are
international). One that is not here is an error until a calendar file names it."""

STOCK_FUTURES_RESET: Final = Row(CLOSING_AUCTION_FROM, _s("15:15"), "NSE/FAOP/74467 of 29 May 2026")
"""About when the exchange sets the price range of stock futures anew and cancels every order
outside of it (market_rules.md section 1)."""
