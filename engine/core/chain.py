"""The option chain of one expiry, as a strategy sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from engine.core import chain_greeks
from engine.core.book import Book
from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.chain import ChainSpec
from engine.model.greeks import ChainGreeks
from engine.model.instrument import Instrument, Right
from engine.rules import black76
from engine.rules.clock_time import ist_date
from engine.rules.greeks import expires_at
from engine.rules.parity import ParityForward
from engine.rules.sessions import Sessions


def resolve_expiry(catalogue: Catalogue, underlying: str, expiry: str | date, today: date) -> date:
    """Return the expiry meant: a date, or ``nearest``, ``weekly``, ``next``, ``monthly``.

    ``nearest`` and ``weekly`` are the first that has not passed, ``next`` the one after it,
    ``monthly`` the last of its month: what the instruments say, never a weekday rule. Raises
    ``FileError`` when there is no such expiry.
    """
    known = [e for e in catalogue.expiries(underlying) if e >= today]
    if not known:
        raise FileError(
            f"{underlying} has no options on or after {today}; "
            f"underlyings known: {', '.join(catalogue.underlyings())}"
        )
    if isinstance(expiry, date):
        if expiry not in known:
            days = ", ".join(str(e) for e in known)
            raise FileError(f"{underlying} has no expiry {expiry}; it has {days}")
        return expiry
    if expiry in ("nearest", "weekly"):
        return known[0]
    if expiry == "next":
        if len(known) < 2:
            raise FileError(f"{underlying} has one expiry only ({known[0]}), so no next one")
        return known[1]
    if expiry == "monthly":
        month = [e for e in known if (e.year, e.month) == (known[0].year, known[0].month)]
        return month[-1]
    raise FileError(f"expiry {expiry!r} is not one of nearest, weekly, next, monthly, or a date")


class OptionChain:
    """Strikes of one underlying and expiry; see ``engine.author.Chain``."""

    def __init__(
        self,
        catalogue: Catalogue,
        book: Book,
        sessions: Sessions,
        underlying: str,
        expiry: date,
        now: int,
    ) -> None:
        self._book = book
        self._sessions = sessions
        self._now = now
        self.underlying = underlying
        self.expiry = expiry
        self._listed = catalogue.strikes(underlying, expiry)
        self.strikes: Sequence[Decimal] = self._listed.strikes
        self.reference = catalogue.reference(underlying)

    @property
    def spot(self) -> float | None:
        """The underlying's last price, None while it is unwatched or unseen."""
        return self._book.last(self.reference)

    @property
    def forward(self) -> float | None:
        """The price the options are worth against: put-call parity near the money, else the spot.

        Parity needs both options of one strike to have a price: ``engine.rules.parity``.
        """
        parity = self._parity()
        return self.spot if parity is None else parity.price

    @property
    def years(self) -> float:
        """Time to expiry in years of 365 days, to the close of trading on the expiry day."""
        return black76.years_between(self._now, expires_at(self._sessions, self._listed.options[0]))

    def greeks(self, rate: float = 0.0) -> ChainGreeks:
        """Return implied volatility and greeks of every option; see ``engine.model.greeks``.

        ``rate`` is annual, continuously compounded interest (0.065 means 6.5 %). Raises
        ``ValueError`` where it is no number.
        """
        return chain_greeks.of_chain(
            self._listed, self._book, rate=rate, now=self._now, years=self.years, spot=self.spot
        )

    def at_the_money(self) -> tuple[Instrument, Instrument]:
        """Return (call, put) at the strike nearest the underlying."""
        return self.call(), self.put()

    def call(self, offset: int = 0) -> Instrument:
        """Return the call ``offset`` strikes from at the money (positive: higher strikes)."""
        return self._at(offset, Right.CALL)

    def put(self, offset: int = 0) -> Instrument:
        """Return the put ``offset`` strikes from at the money (positive: higher strikes)."""
        return self._at(offset, Right.PUT)

    def strike(self, strike: float | Decimal, right: Right | str) -> Instrument:
        """Return the option at a strike. Raises ``FileError`` with the nearest strikes."""
        wanted = strike if isinstance(strike, Decimal) else Decimal(repr(float(strike)))
        if not wanted.is_finite():
            raise FileError(f"{strike} is not a strike of {self.underlying}")
        for known in self.strikes:
            if known == wanted:
                return self._option(known, Right(right))
        near = sorted(self.strikes, key=lambda k: abs(k - wanted))[:3]
        raise FileError(
            f"{self.underlying} {self.expiry} has no strike {strike}; nearest: "
            f"{', '.join(str(k) for k in sorted(near))}"
        )

    def further(self, option: Instrument, strikes: int) -> Instrument:
        """Return the option ``strikes`` strikes further out of the money than ``option``.

        That is higher for a call and lower for a put; a negative number goes the other way. Raises
        ``FileError`` where the chain ends before that.
        """
        if option.strike is None or option.right is None or option.strike not in self.strikes:
            raise FileError(f"{option.symbol} is not in the chain {self.underlying} {self.expiry}")
        way = 1 if option.right is Right.CALL else -1
        place = self.strikes.index(option.strike)
        return self._pick(place, way * strikes, option.right)

    def around(self, strikes: int) -> list[Instrument]:
        """Return calls and puts of ``strikes`` strikes each side of at the money, low first."""
        spot = self._spot()
        middle = self.strikes.index(self._at_the_money_strike(spot))
        chosen = self.strikes[max(0, middle - strikes) : middle + strikes + 1]
        found = (self._listed.get(strike, right) for strike in chosen for right in Right)
        return [option for option in found if option is not None]

    def by_delta(self, delta: float, right: Right | str) -> Instrument:
        """Return the watched option whose absolute delta is nearest ``delta`` (0.20: 20-delta).

        Deltas are Black-76 on the chain's own forward, each with the implied volatility of its own
        mid price. Raises ``FileError`` when no option of that right has a price.
        """
        wanted_right = Right(right)
        if not 0 < abs(delta) < 1:
            raise FileError(f"a delta lies between 0 and 1 (0.20 is a 20-delta), not {delta}")
        forward, years = self.forward, self.years
        best: tuple[float, Instrument] | None = None
        for strike in self.strikes:
            option = self._listed.get(strike, wanted_right)
            if option is None or forward is None:
                continue
            found = self._delta(option, forward, years)
            if found is None:
                continue
            distance = abs(abs(found) - abs(delta))
            if best is None or distance < best[0]:
                best = (distance, option)
        if best is None:
            raise FileError(
                f"no {wanted_right} of {self.underlying} {self.expiry} has a price yet; "
                "watch the chain first: self.watch(chain(...))"
            )
        return best[1]

    def delta(self, option: Instrument) -> float | None:
        """Return the option's delta, None while it or the underlying has no price."""
        forward = self.forward
        return None if forward is None else self._delta(option, forward, self.years)

    def implied_volatility(self, option: Instrument) -> float | None:
        """Return the annual volatility in the option's mid price, None where there is none."""
        forward = self.forward
        return None if forward is None else self._volatility(option, forward, self.years)

    def _volatility(self, option: Instrument, forward: float, years: float) -> float | None:
        price = self._book.fair(option)
        if price is None or option.strike is None or option.right is None:
            return None
        return black76.implied_vol(option.right, forward, float(option.strike), years, price)

    def _delta(self, option: Instrument, forward: float, years: float) -> float | None:
        volatility = self._volatility(option, forward, years)
        if volatility is None or option.strike is None or option.right is None:
            return None
        return black76.delta(option.right, forward, float(option.strike), years, volatility)

    def _parity(self) -> ParityForward | None:
        quotes = chain_greeks.quotes_of(self._listed, self._book)
        return chain_greeks.parity(self._listed, quotes, self.spot)

    def _at(self, offset: int, right: Right) -> Instrument:
        middle = self.strikes.index(self._at_the_money_strike(self._spot()))
        return self._pick(middle, offset, right)

    def _pick(self, start: int, offset: int, right: Right) -> Instrument:
        place = start + offset
        if not 0 <= place < len(self.strikes):
            raise FileError(
                f"{self.underlying} {self.expiry}: {offset:+d} strikes from {self.strikes[start]} "
                f"lies outside the chain ({self.strikes[0]} to {self.strikes[-1]})"
            )
        return self._option(self.strikes[place], right)

    def _option(self, strike: Decimal, right: Right) -> Instrument:
        option = self._listed.get(strike, right)
        if option is None:
            raise FileError(f"{self.underlying} {self.expiry} has no {strike} {right}")
        return option

    def _at_the_money_strike(self, spot: float) -> Decimal:
        return min(self.strikes, key=lambda strike: abs(float(strike) - spot))

    def _spot(self) -> float:
        spot = self.spot
        if spot is None:
            raise FileError(
                f"{self.underlying} has no price yet, so no strike is at the money; "
                f"watch it first: self.watch({self.underlying!r})"
            )
        return spot


def chain_for(
    catalogue: Catalogue, book: Book, sessions: Sessions, spec: ChainSpec, now: int
) -> OptionChain:
    """Return the chain ``spec`` means at ``now``."""
    today = ist_date(now)
    expiry = resolve_expiry(catalogue, spec.underlying, spec.expiry, today)
    return OptionChain(catalogue, book, sessions, spec.underlying, expiry, now)
