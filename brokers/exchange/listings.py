"""The contracts of a synthetic session: an index, its future, and options of two expiries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Final

from brokers.exchange.smile import FOLLOWING, NEAREST, SmileTerms
from engine.errors import FileError
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind, Right, Segment
from engine.rules.clock_time import at_ns, clock_text
from engine.rules.contracts import future_tick, index_terms, monthly_expiries, weekly_expiries
from engine.rules.dated import in_force
from engine.rules.freeze import FREEZE_QUANTITIES
from engine.rules.sessions import Session, Sessions

UNDERLYING: Final = "NIFTY"
_MOST_STRIKES: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """Everything a synthetic session is made from; the same terms make the same session.

    ``begins`` and ``ends`` are clock times in India: the session is always made from its open, and
    shown between them. ``strikes`` and ``next_strikes`` are how many strikes above and below the
    money the nearest and the next weekly expiry have. ``spot`` is the index at the open in points,
    ``annual_vol`` what it realises (of 252 days), ``carry`` the yearly rate between index and
    forward.
    """

    seed: int
    trading_date: date
    begins: time = time(9, 15)
    ends: time = time(11, 15)
    strikes: int = 10
    next_strikes: int = 2
    spot: float = 24_300.0
    annual_vol: float = 0.13
    carry: float = 0.055
    nearest: SmileTerms = NEAREST
    following: SmileTerms = FOLLOWING


def check_terms(terms: MarketTerms, sessions: Sessions) -> tuple[int, int]:
    """Return open and close of the session (ns, UTC) that ``terms`` fit into.

    Raises ``FileError`` that says which argument is wrong: a day without a session, with a break
    in it or without known rules, hours outside the session, no time between them, too many strikes.
    """
    day = terms.trading_date
    session = sessions.session(Segment.NSE_FO, day)
    if session is None:
        raise FileError(
            f"--date {day.isoformat()}: the exchange is closed on that {day:%A}; choose a trading "
            "day"
        )
    index_terms(UNDERLYING, day)
    if len(session.windows) > 1:
        raise FileError(
            f"--date {day.isoformat()}: {session.name}, a day with a break; choose another"
        )
    opens, closes = session.open_ns, session.close_ns
    begins, ends = at_ns(day, terms.begins), at_ns(day, terms.ends)
    if not opens <= begins < closes:
        raise FileError(f"--from {terms.begins:%H:%M:%S}: not within the session {_hours(session)}")
    if not opens < ends <= closes:
        raise FileError(f"--to {terms.ends:%H:%M:%S}: not within the session {_hours(session)}")
    if begins >= ends:
        raise FileError(f"--from {terms.begins:%H:%M:%S} must be before --to {terms.ends:%H:%M:%S}")
    for name, count in (("--strikes", terms.strikes), ("--next-strikes", terms.next_strikes)):
        if not 1 <= count <= _MOST_STRIKES:
            raise FileError(f"{name} {count}: from 1 to {_MOST_STRIKES} strikes on each side")
    return opens, closes


def list_contracts(terms: MarketTerms, sessions: Sessions) -> list[InstrumentFacts]:
    """Return the contracts in order: index, future of the month, options by expiry and strike.

    Raises ``FileError`` where the rules or the calendar do not cover ``terms``.
    """
    day = terms.trading_date
    rules = index_terms(UNDERLYING, day)
    freeze = in_force(FREEZE_QUANTITIES[UNDERLYING], day, f"freeze quantity of {UNDERLYING}")
    spot = Decimal(repr(terms.spot))
    (monthly,) = monthly_expiries(UNDERLYING, day, 1, sessions)
    made = [
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying=UNDERLYING),
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.FUTURE,
            underlying=UNDERLYING,
            expiry=monthly,
            lot_size=rules.lot_size,
            tick_size=future_tick(spot),
            freeze_quantity=freeze,
        ),
    ]
    money = round(spot / rules.strike_step) * rules.strike_step
    nearest, following = weekly_expiries(UNDERLYING, day, 2, sessions)
    for expiry, count in ((nearest, terms.strikes), (following, terms.next_strikes)):
        made += [
            InstrumentFacts(
                segment=Segment.NSE_FO,
                kind=Kind.OPTION,
                underlying=UNDERLYING,
                expiry=expiry,
                strike=money + step * rules.strike_step,
                right=right,
                lot_size=rules.lot_size,
                tick_size=rules.option_tick,
                freeze_quantity=freeze,
            )
            for step in range(-count, count + 1)
            for right in (Right.CALL, Right.PUT)
        ]
    return made


def _hours(session: Session) -> str:
    opens, closes = clock_text(session.open_ns, 0), clock_text(session.close_ns, 0)
    return f"of {session.day.isoformat()}, {opens} to {closes}"
