"""How the page writes figures: rupees in Indian grouping, clock times, a dash for the unknown."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine.model.money import inr
from engine.report.html import Html, tag
from engine.rules.clock_time import clock_text
from engine.runtime.story_words import price_text

NOT_KNOWN: Final = "\u2014"
"""Not known, or not defined: never 0."""


def money(amount: Decimal | float | None) -> str:
    """Return rupees to the paisa, ``1,23,456.78``."""
    return NOT_KNOWN if amount is None else inr(amount)


def profit(amount: Decimal | float | None) -> Html | str:
    """Return rupees with the sign of profit or loss, in its colour."""
    text = money(amount)
    if amount is None or not text.strip("-0.,"):
        return text.lstrip("-")
    return tag("span", text, class_="gain" if amount > 0 else "loss")


def cost(amount: Decimal | None) -> str:
    """Return what was paid as what it does to profit: with a minus."""
    return NOT_KNOWN if amount is None else inr(-amount)


def price(value: Decimal | float | None) -> str:
    """Return a price with two to four places."""
    if value is None:
        return NOT_KNOWN
    return price_text(value if isinstance(value, Decimal) else Decimal(repr(value)))


def clock(at: int | None, places: int = 3) -> str:
    """Return the Indian clock time of ``at`` (ns UTC)."""
    return NOT_KNOWN if at is None else clock_text(at, places)


def percent(value: float | None) -> str:
    """Return a share, ``27.36 %``."""
    return NOT_KNOWN if value is None else f"{value:g} %"


def ratio(value: float | None) -> str:
    """Return a ratio with two places."""
    return NOT_KNOWN if value is None else f"{value:.2f}"


def millis(value: float | None) -> str:
    """Return milliseconds, to the microsecond where there is one."""
    return NOT_KNOWN if value is None else f"{value:,.3f}".rstrip("0").rstrip(".")


def duration(seconds: float | None) -> str:
    """Return how long something took: ``0.240 s``, ``28 min 27 s``, ``1 h 02 min``."""
    if seconds is None:
        return NOT_KNOWN
    if seconds < 60:
        return f"{seconds:.3f} s"
    minutes, second = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {second:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
