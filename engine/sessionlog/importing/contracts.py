"""Whose prices a row holds: what a source writes, held against an instrument list or the rules."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple, Protocol

from engine.errors import FileError
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind, Right, Segment, canonical_key, plain
from engine.model.tokens import Listing
from engine.rules.contract_class import INDEX_UNDERLYINGS
from engine.rules.contracts import future_tick, index_terms
from engine.rules.dated import in_force
from engine.rules.freeze import FREEZE_QUANTITIES

INDEX_TICK: Final = Decimal("0.05")
_CASH_OF: Final = {Segment.NSE_FO: Segment.NSE_CM, Segment.BSE_FO: Segment.BSE_CM}


class Identity(NamedTuple):
    """What identifies a contract."""

    segment: Segment
    kind: Kind
    underlying: str
    expiry: date | None = None
    strike: Decimal | None = None
    right: Right | None = None

    @property
    def key(self) -> str:
        """The canonical key. Raises ``OffGrid`` for an identity that lacks a part."""
        return canonical_key(*self)


class UnknownContract(Exception):
    """The instrument list does not have it. ``nearest`` says what it has; it takes a search."""

    def __init__(self, what: str, nearest: Callable[[], str] = str) -> None:
        super().__init__(what)
        self.nearest = nearest


class Contracts(Protocol):
    """Where facts about contracts come from."""

    @property
    def described(self) -> str:
        """What it is, for the header of a recording."""

    def facts(self, identity: Identity, day: date, price: float) -> InstrumentFacts:
        """Return lot, tick and freeze quantity of a contract seen on ``day`` at ``price``.

        Raises ``UnknownContract``, and ``FileError`` where no rule is known.
        """

    def by_token(self, segment: Segment, token: str) -> InstrumentFacts:
        """Return what a token means. Raises ``UnknownContract``."""

    def by_symbol(self, symbol: str) -> InstrumentFacts:
        """Return what a broker's trading symbol means. Raises ``UnknownContract``."""

    def token(self, key: str) -> str | None:
        """Return the token of a contract, None where the list has none."""


@dataclass(slots=True)
class ListedContracts:
    """Contracts of an instrument list. ``described`` names it and its hash."""

    listings: Sequence[Listing]
    described: str
    _by_key: dict[str, Listing] = field(init=False)
    _by_token: dict[tuple[Segment, str], Listing] = field(init=False)
    _by_symbol: dict[str, Listing] = field(init=False)
    _by_underlying: dict[tuple[Segment, str], list[Listing]] = field(init=False)

    def __post_init__(self) -> None:
        self._by_key = {listing.facts.key: listing for listing in self.listings}
        self._by_token = {
            (listing.facts.segment, listing.token): listing
            for listing in self.listings
            if listing.token
        }
        self._by_symbol = {listing.symbol: listing for listing in self.listings if listing.symbol}
        self._by_underlying = {}
        for listing in self.listings:
            name = (listing.facts.segment, listing.facts.underlying)
            self._by_underlying.setdefault(name, []).append(listing)

    def facts(self, identity: Identity, day: date, price: float) -> InstrumentFacts:
        """See ``Contracts``; an index that is not listed is one all the same."""
        del day, price
        found = self._by_key.get(identity.key)
        if found is not None:
            return found.facts
        if identity.kind is Kind.INDEX:
            return index_facts(identity.segment, identity.underlying)
        raise UnknownContract(identity.key, lambda: self._nearest(identity))

    def by_token(self, segment: Segment, token: str) -> InstrumentFacts:
        """See ``Contracts``."""
        found = self._by_token.get((segment, token))
        if found is None:
            raise UnknownContract(f"token {token} on {segment}")
        return found.facts

    def by_symbol(self, symbol: str) -> InstrumentFacts:
        """See ``Contracts``."""
        found = self._by_symbol.get(symbol)
        if found is None:
            raise UnknownContract(f"symbol {symbol}", lambda: self._nearest_symbol(symbol))
        return found.facts

    def token(self, key: str) -> str | None:
        """See ``Contracts``."""
        found = self._by_key.get(key)
        return found.token or None if found is not None else None

    def _nearest_symbol(self, symbol: str) -> str:
        close = difflib.get_close_matches(symbol, self._by_symbol, n=1, cutoff=0.6)
        return f" (nearest: {close[0]})" if close else ""

    def _nearest(self, identity: Identity) -> str:
        segment, kind, underlying, expiry, strike, right = identity
        alike = [
            listing.facts
            for listing in self._by_underlying.get((segment, underlying), ())
            if listing.facts.kind is kind and listing.facts.right is right
        ]
        if not alike or expiry is None:
            return f" (no such {kind} of {underlying} is listed on {segment})"

        def distance(facts: InstrumentFacts) -> tuple[Decimal, int]:
            days = 0 if facts.expiry is None else abs((facts.expiry - expiry).days)
            return abs((facts.strike or Decimal(0)) - (strike or Decimal(0))), days

        return f" (nearest: {min(alike, key=distance).key})"


class DerivedContracts:
    """Contracts as the data name them, with lots and ticks of the rules in force that day.

    An expiry whose lot changed in between is a thing only a list can tell (market_rules.md
    section 3).
    """

    described = "derived: the data's own contracts, lots and ticks of the rules by date"

    def facts(self, identity: Identity, day: date, price: float) -> InstrumentFacts:
        """See ``Contracts``. ``price`` stands for the index in the tick of its future."""
        segment, kind, underlying, expiry, strike, right = identity
        if kind is Kind.INDEX:
            return index_facts(segment, underlying)
        if segment not in _CASH_OF or underlying not in INDEX_UNDERLYINGS:
            raise FileError(
                f"{identity.key}: `--instruments derive` knows options and futures on indices; "
                "give a list that has its lot_size and tick_size: --instruments FILE"
            )
        terms = index_terms(underlying, day)
        frozen = FREEZE_QUANTITIES.get(underlying)
        return InstrumentFacts(
            segment=segment,
            kind=kind,
            underlying=underlying,
            expiry=expiry,
            strike=strike,
            right=right,
            lot_size=terms.lot_size,
            tick_size=terms.option_tick
            if kind is Kind.OPTION
            else future_tick(Decimal(repr(float(price)))),
            freeze_quantity=None
            if frozen is None
            else in_force(frozen, day, f"freeze quantity of {underlying}"),
        )

    def by_token(self, segment: Segment, token: str) -> InstrumentFacts:
        """See ``Contracts``: only a list knows tokens."""
        raise FileError(
            f"the map names rows by token ({token} on {segment}); give the list that says what "
            "they mean: --instruments FILE"
        )

    def by_symbol(self, symbol: str) -> InstrumentFacts:
        """See ``Contracts``: only a list knows symbols."""
        raise FileError(
            f"the map names rows by trading symbol ({symbol}); give the list that says what they "
            "mean: --instruments FILE"
        )

    def token(self, key: str) -> str | None:
        """See ``Contracts``: it has none."""
        del key
        return None


def index_facts(segment: Segment, underlying: str) -> InstrumentFacts:
    """Return an index, which is not traded: its lot is 1."""
    return InstrumentFacts(
        segment=segment, kind=Kind.INDEX, underlying=underlying, tick_size=INDEX_TICK
    )


def underlying_of(identity: Identity) -> Identity:
    """Return the index or share that a derivative is on.

    Raises ``FileError`` for a segment whose underlyings are not priced on an exchange of shares.
    """
    cash = _CASH_OF.get(identity.segment)
    if cash is None:
        raise FileError(
            f"underlying_last: what {identity.key} is on has no segment of its own; leave the "
            "field out"
        )
    is_index = identity.underlying in INDEX_UNDERLYINGS
    return Identity(cash, Kind.INDEX if is_index else Kind.EQUITY, identity.underlying)


def read_identity(written: Mapping[str, str], read_expiry: Callable[[str], date]) -> Identity:
    """Return the contract that a source's words mean. Raises ``ValueError`` with what is wrong."""
    right_text = written.get("right", "").upper()
    expiry_text = written.get("expiry", "")
    kind_text = written.get("kind", "").lower()
    underlying = written.get("underlying", "").strip().upper()
    if not underlying:
        raise ValueError("no underlying")
    try:
        segment = Segment(written.get("segment", ""))
    except ValueError:
        known = ", ".join(Segment)
        raise ValueError(
            f"segment {written.get('segment', '')!r} is not one of {known}; map it, or "
            "--set segment=nse_fo"
        ) from None
    right = {"CE": Right.CALL, "C": Right.CALL, "CALL": Right.CALL,
             "PE": Right.PUT, "P": Right.PUT, "PUT": Right.PUT}.get(right_text)  # fmt: skip
    if kind_text:
        try:
            kind = Kind(kind_text)
        except ValueError:
            raise ValueError(f"kind {kind_text!r} is not one of {', '.join(Kind)}") from None
    elif right_text:
        kind = Kind.OPTION
    elif expiry_text:
        kind = Kind.FUTURE
    else:
        raise ValueError(
            "nothing says what it is; map kind, or --set kind=index (or equity, future, option)"
        )
    if kind in (Kind.INDEX, Kind.EQUITY):
        return Identity(segment, kind, underlying)
    if not expiry_text:
        raise ValueError(f"a {kind} needs an expiry; map it, or --set expiry=2026-08-25")
    try:
        expiry = read_expiry(expiry_text)
    except ValueError:
        raise ValueError(
            f"expiry {expiry_text!r} cannot be read; see `format:` of expiry"
        ) from None
    if kind is Kind.FUTURE:
        return Identity(segment, kind, underlying, expiry)
    if right is None:
        raise ValueError(f"right {right_text!r} is neither CE nor PE")
    try:
        strike = Decimal(written.get("strike", ""))
    except InvalidOperation:
        raise ValueError(f"strike {written.get('strike', '')!r} is no number") from None
    if not strike.is_finite() or strike <= 0:
        raise ValueError(f"strike {strike} is not above 0")
    return Identity(segment, kind, underlying, expiry, Decimal(plain(strike)), right)
