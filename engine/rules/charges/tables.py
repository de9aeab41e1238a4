"""The dated rates of law and exchanges, each with where it comes from and how sure it is.

Every rate is a share of the traded value, which for options is the premium. Source:
market_rules.md section 6, whose marks H, M and L the rows carry. A row holds until the next one.
What a series does not cover is not known: looking it up raises.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.rules.charges.contract import Taxed
from engine.rules.dated import Row

Rates = tuple[Row[Decimal], ...]

_APRIL_2023: Final = date(2023, 4, 1)
_BUDGET_2024: Final = date(2024, 10, 1)
_NSE_2026: Final = date(2026, 3, 1)
_FINANCE_ACT_2026: Final = date(2026, 4, 1)
_MID_2026: Final = date(2026, 7, 1)

_STT: Final = "market_rules.md 6.1"
_ACT_2026: Final = "Finance Act 2026, NSE circular of 31 March 2026"
_CTT: Final = "market_rules.md 6.1"
_CTT_SINCE: Final = "market_rules.md 6.1, confirmed to mid-2026 only"
_STAMP: Final = "market_rules.md 6.3"


def _pct(text: str) -> Decimal:
    return Decimal(text) / Decimal(100)


def _per_crore(text: str) -> Decimal:
    return Decimal(text) / Decimal(10_000_000)


# -- transaction tax -----------------------------------------------------------------------------

STT_BUY: Final[dict[Taxed, Rates]] = {
    Taxed.DELIVERY: (Row(_APRIL_2023, _pct("0.1"), _STT),),
}
"""On the buyer; a class that is not here bears none on buys."""

STT_SELL: Final[dict[Taxed, Rates]] = {
    Taxed.DELIVERY: (Row(_APRIL_2023, _pct("0.1"), _STT),),
    Taxed.INTRADAY: (Row(_APRIL_2023, _pct("0.025"), _STT),),
    Taxed.ETF_DELIVERY: (Row(_APRIL_2023, _pct("0.001"), _STT),),
    # 6.1 has one rate for units and does not speak of units sold on the day they were bought;
    # the statute's item for sales without delivery names units beside shares.
    Taxed.ETF_INTRADAY: (
        Row(_APRIL_2023, _pct("0.025"), "market_rules.md 6.1, the row of intraday", "M"),
    ),
    Taxed.FUTURE: (
        Row(_APRIL_2023, _pct("0.0125"), _STT),
        Row(_BUDGET_2024, _pct("0.02"), _STT),
        Row(_FINANCE_ACT_2026, _pct("0.05"), _ACT_2026),
    ),
    Taxed.OPTION: (
        Row(_APRIL_2023, _pct("0.0625"), _STT),
        Row(_BUDGET_2024, _pct("0.1"), _STT),
        Row(_FINANCE_ACT_2026, _pct("0.15"), _ACT_2026),
    ),
    Taxed.COMMODITY_FUTURE: (
        Row(_BUDGET_2024, _pct("0.01"), _CTT),
        Row(_MID_2026, _pct("0.01"), _CTT_SINCE, "M"),
    ),
    Taxed.COMMODITY_OPTION: (
        Row(_BUDGET_2024, _pct("0.05"), _CTT),
        Row(_MID_2026, _pct("0.05"), _CTT_SINCE, "M"),
    ),
    Taxed.AGRI_FUTURE: (
        Row(_BUDGET_2024, Decimal(0), _CTT),
        Row(_MID_2026, Decimal(0), _CTT_SINCE, "M"),
    ),
    Taxed.AGRI_OPTION: (
        Row(_BUDGET_2024, Decimal(0), _CTT),
        Row(_MID_2026, Decimal(0), _CTT_SINCE, "M"),
    ),
}
"""On the seller; for commodities it is CTT."""

STT_EXERCISED: Final[Rates] = (
    Row(_APRIL_2023, _pct("0.125"), _STT),
    Row(_FINANCE_ACT_2026, _pct("0.15"), _ACT_2026),
)
"""On the holder of an option on NSE or BSE that is exercised, of what it is in the money by."""


# -- what exchanges take -------------------------------------------------------------------------


class Venue(StrEnum):
    """What exchanges price apart (market_rules.md 6.2)."""

    NSE_CASH = "NSE cash"
    NSE_FUTURES = "NSE futures"
    NSE_OPTIONS = "NSE options"
    BSE_CASH_AB = "BSE cash, groups A and B"
    BSE_CASH_XZ = "BSE cash, groups X and Z"
    BSE_CASH_RS = "BSE cash, groups R, SS and ST"
    BSE_FUTURES = "BSE futures"
    BSE_INDEX_OPTIONS = "BSE options on SENSEX and BANKEX"
    BSE_OTHER_OPTIONS = "BSE other options"
    MCX_FUTURES = "MCX futures"
    MCX_OPTIONS = "MCX options"


BSE_GROUPS: Final = {
    "A": Venue.BSE_CASH_AB,
    "B": Venue.BSE_CASH_AB,
    "X": Venue.BSE_CASH_XZ,
    "Z": Venue.BSE_CASH_XZ,
    "R": Venue.BSE_CASH_RS,
    "SS": Venue.BSE_CASH_RS,
    "ST": Venue.BSE_CASH_RS,
}
"""A share's group on BSE to its price; no other group's is known."""
BSE_DEARER_OPTIONS: Final = frozenset({"SENSEX", "BANKEX"})

# NSE's charge before October 2024 was in slabs; what clients paid from April 2023 is on real notes
# (6.6a). How long it held no source says: it is taken to the end of that financial year.
_NOTES_2023: Final = "contract notes of 2023, market_rules.md 6.6a"
_LAST_OF_2023: Final = date(2024, 3, 31)
_2024: Final = "NSE/FA/64323"
_2026: Final = "NSE/FA/73061 of 27 February 2026"
_BSE: Final = "market_rules.md 6.2"
_BSE_SINCE: Final = "market_rules.md 6.2, confirmed for 2024-25 only"
_BSE_UNSURE: Final = date(2025, 4, 1)
_MCX: Final = "market_rules.md 6.2, MCX from 1 October 2024"


def _bse(share: Decimal) -> Rates:
    return (Row(_BUDGET_2024, share, _BSE), Row(_BSE_UNSURE, share, _BSE_SINCE, "M"))


EXCHANGE: Final[dict[Venue, Rates]] = {
    Venue.NSE_CASH: (
        Row(_APRIL_2023, _per_crore("325"), _NOTES_2023, "M", _LAST_OF_2023),
        Row(_BUDGET_2024, _per_crore("297"), _2024),
        Row(_NSE_2026, _per_crore("306.99"), _2026),
    ),
    Venue.NSE_FUTURES: (
        Row(_BUDGET_2024, _per_crore("173"), _2024),
        Row(_NSE_2026, _per_crore("182.99"), _2026),
    ),
    Venue.NSE_OPTIONS: (
        Row(_APRIL_2023, _per_crore("5000"), _NOTES_2023, "M", _LAST_OF_2023),
        Row(_BUDGET_2024, _per_crore("3503"), _2024),
        Row(_NSE_2026, _per_crore("3552"), _2026),
    ),
    Venue.BSE_CASH_AB: _bse(_pct("0.00375")),
    Venue.BSE_CASH_XZ: _bse(_pct("0.1")),
    Venue.BSE_CASH_RS: _bse(_pct("1")),
    Venue.BSE_FUTURES: _bse(Decimal(0)),
    Venue.BSE_INDEX_OPTIONS: _bse(_per_crore("3250")),
    Venue.BSE_OTHER_OPTIONS: _bse(_per_crore("500")),
    Venue.MCX_FUTURES: (Row(_BUDGET_2024, _pct("0.0021"), _MCX),),
    Venue.MCX_OPTIONS: (Row(_BUDGET_2024, _pct("0.0418"), _MCX),),
}
"""The transaction charge, on both sides."""

IPFT: Final[dict[Venue, Rates]] = {
    Venue.NSE_CASH: (
        Row(_APRIL_2023, _per_crore("10"), _NOTES_2023, "M", _LAST_OF_2023),
        Row(_BUDGET_2024, _per_crore("10"), _2024),
        Row(_NSE_2026, _per_crore("0.01"), _2026),
    ),
    Venue.NSE_FUTURES: (
        Row(_BUDGET_2024, _per_crore("10"), _2024),
        Row(_NSE_2026, _per_crore("0.01"), _2026),
    ),
    Venue.NSE_OPTIONS: (
        Row(_APRIL_2023, _per_crore("50"), _NOTES_2023, "M", _LAST_OF_2023),
        Row(_BUDGET_2024, _per_crore("50"), _2024),
        Row(_NSE_2026, _per_crore("1"), _2026),
    ),
}
"""The investor protection fund's part, on both sides. Only NSE bills one of its own."""


# -- everywhere ----------------------------------------------------------------------------------

SEBI: Final[Rates] = (Row(_APRIL_2023, _per_crore("10"), "market_rules.md 6.3"),)
"""The regulator's fee, on both sides."""

GST: Final[Rates] = (
    Row(_APRIL_2023, _pct("18"), "market_rules.md 6.3, verified on contract notes"),
)
"""On brokerage, exchange charge without the protection fund's part, SEBI's fee and the broker's
other services."""

STAMP_BUY: Final[dict[Taxed, Rates]] = {
    Taxed.DELIVERY: (Row(_APRIL_2023, _pct("0.015"), _STAMP),),
    Taxed.INTRADAY: (Row(_APRIL_2023, _pct("0.003"), _STAMP),),
    Taxed.ETF_DELIVERY: (Row(_APRIL_2023, _pct("0.015"), _STAMP),),
    Taxed.ETF_INTRADAY: (Row(_APRIL_2023, _pct("0.003"), _STAMP),),
    Taxed.FUTURE: (Row(_APRIL_2023, _pct("0.002"), _STAMP),),
    Taxed.OPTION: (Row(_APRIL_2023, _pct("0.003"), _STAMP),),
    Taxed.COMMODITY_FUTURE: (Row(_APRIL_2023, _pct("0.002"), _STAMP),),
    Taxed.COMMODITY_OPTION: (Row(_APRIL_2023, _pct("0.003"), _STAMP),),
    Taxed.AGRI_FUTURE: (Row(_APRIL_2023, _pct("0.002"), _STAMP),),
    Taxed.AGRI_OPTION: (Row(_APRIL_2023, _pct("0.003"), _STAMP),),
}
"""Stamp duty, on the buyer only."""
