"""SmartStream frames to ticks and books, in one step each (DESIGN.md decision 5).

A frame whose fields are all present, of an instrument priced in paise, is read by one precompiled
``Struct`` and becomes a ``Tick`` directly. Whatever is out of the ordinary (an absent field, a
book in another order, a currency, an index, an unknown token, a text frame) goes through the wire
records, which check everything. Both ways give the same tick for the same frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from brokers.angelone import wire
from engine.errors import FileError, WireError
from engine.model.catalogue import Catalogue
from engine.model.instrument import Instrument, Kind
from engine.model.market import Depth, Level, Tick
from engine.model.tokens import TokenRow, TokenTable

if TYPE_CHECKING:
    from brokers.angelone.normalize.compiled import CompiledDecoder

# Mode, exchange and token are one 27-byte key: looking it up also proves that the mode is the one
# this length belongs to.
_KEY_BYTES: Final = 27
_LTP_BYTES: Final = wire.PACKET_BYTES[wire.Mode.LTP]
_QUOTE_BYTES: Final = wire.PACKET_BYTES[wire.Mode.QUOTE]
_SNAP_BYTES: Final = wire.PACKET_BYTES[wire.Mode.SNAP_QUOTE]

_unpack_ltp: Final = struct.Struct("<27s 8x qq").unpack
_unpack_quote: Final = struct.Struct("<27s 8x qqqqq 16x qqqq").unpack
# Of the best five: the first row, the flags of the next four, the sixth row. Five buys and then a
# sell make rows one and six the best of their sides, whatever stands behind them.
_unpack_snap: Final = struct.Struct(
    "<27s 8x qqqqq 16x qqqq 8x q 8x hqq2x h18x h18x h18x h18x hqq2x 80x 32x"
).unpack
# The time, the ten rows of the best five (flag, quantity, price, orders) and the circuits.
_unpack_book: Final = struct.Struct(f"<27x 8x q 104x {10 * 'hqqh'} qq 16x").unpack
_BUYS_THEN_SELLS: Final = [1] * 5 + [0] * 5

# The bytes behind a token's NUL are the server's business. A frame that carries some is read the
# long way once, and its key remembered, up to this many.
_ALIASES_KEPT: Final = 4096

# What the short way divides by: paise. Everything else goes the long way.
_FAST_SCALE: Final = 100


class _Listing(NamedTuple):
    """What the long way needs to know of an instrument: ``scale`` wire units make a rupee."""

    instrument: Instrument
    scale: int
    is_index: bool
    is_derivative: bool


class AngelDecoder:
    """Decodes one feed's frames for the instruments of one session (``engine.ports.Decoder``)."""

    __slots__ = (
        "_aliases",
        "_listings",
        "_ltp",
        "_quote",
        "_snap",
        "_source",
        "_time_ms",
        "_time_ns",
    )

    def __init__(self, catalogue: Catalogue, tokens: Iterable[TokenRow], source: str) -> None:
        """Know the instruments of ``tokens``; ``source`` is what every tick is marked with.

        Raises ``FileError`` for a token no packet can carry, and for what ``TokenTable`` refuses.
        """
        self._source = source
        self._aliases = 0
        # The exchange stamps whole seconds, so one product serves every frame of a second.
        self._time_ms = self._time_ns = 0
        self._listings: dict[tuple[int, str], _Listing] = {}
        self._ltp: dict[bytes, Instrument] = {}
        self._quote: dict[bytes, Instrument] = {}
        self._snap: dict[bytes, Instrument] = {}
        for segment, token, instrument in TokenTable.of(catalogue, tokens):
            exchange = wire.EXCHANGE_TYPES[segment]
            try:
                key = wire.instrument_key(exchange, token)
            except WireError as error:
                raise FileError(f"{instrument.symbol} on {segment}: {error}") from error
            listing = _Listing(
                instrument,
                wire.divisor(segment),
                instrument.kind is Kind.INDEX,
                instrument.is_derivative,
            )
            self._listings[exchange, token] = listing
            for mode in (wire.Mode.LTP, wire.Mode.QUOTE, wire.Mode.SNAP_QUOTE):
                self._remember(bytes([mode]) + key, listing)

    def compiled(self, twin: type[CompiledDecoder]) -> CompiledDecoder:
        """Return this decoder with the short way of its ``tick`` compiled; it goes on asking us."""
        return twin(self, Tick, self._source, self._ltp, self._quote, self._snap)

    def tick(self, frame: bytes, received_at: int) -> Tick | None:
        """Return the tick of ``frame``; ``received_at`` is ns UTC.

        None for a text frame, for DEPTH_20 (which has no last price) and for a contract without a
        last price. Index packets have no quantities, volume or book; a zero price or quantity is
        absent, except the day's volume and a derivative's open interest, where 0 is a fact. Cash
        packets name the open interest of the share's futures and options (protocols/angelone.md
        section 3.4). Best bid and ask are the first rows flagged so that are not empty.

        Raises ``WireError`` on a frame the protocol does not have, and for an unknown token. Where
        five buys stand before a sell the four flags behind it decide nothing and are not read here;
        ``depth`` reads them all.
        """
        try:
            length = len(frame)
            if length == _LTP_BYTES:
                key, time_ms, last = _unpack_ltp(frame)
                if last:
                    last /= 100
                    if time_ms != self._time_ms:
                        self._time_ms = time_ms
                        self._time_ns = time_ms * 1_000_000
                    return Tick(
                        self._ltp[key],
                        self._source,
                        last,
                        self._time_ns,
                        received_at,
                    )
            elif length == _QUOTE_BYTES:
                key, time_ms, last, last_qty, average, volume, open_, high, low, close = (
                    _unpack_quote(frame)
                )
                if last and last_qty and average and open_ and high and low and close:
                    last /= 100
                    if time_ms != self._time_ms:
                        self._time_ms = time_ms
                        self._time_ns = time_ms * 1_000_000
                    return Tick(
                        self._quote[key],
                        self._source,
                        last,
                        self._time_ns,
                        received_at,
                        last_qty,
                        volume,
                        average / 100,
                        open_ / 100,
                        high / 100,
                        low / 100,
                        close / 100,
                    )
            else:
                (
                    key,
                    time_ms,
                    last,
                    last_qty,
                    average,
                    volume,
                    open_,
                    high,
                    low,
                    close,
                    open_interest,
                    flag_1,
                    bid_qty,
                    bid,
                    flag_2,
                    flag_3,
                    flag_4,
                    flag_5,
                    flag_6,
                    ask_qty,
                    ask,
                ) = _unpack_snap(frame)
                if (
                    bid_qty
                    and ask_qty
                    and bid
                    and ask
                    and last
                    and last_qty
                    and average
                    and open_interest
                    and open_
                    and high
                    and low
                    and close
                    and flag_1 == flag_2 == flag_3 == flag_4 == flag_5 == 1
                    and flag_6 == 0
                ):
                    last /= 100
                    if time_ms != self._time_ms:
                        self._time_ms = time_ms
                        self._time_ns = time_ms * 1_000_000
                    return Tick(
                        self._snap[key],
                        self._source,
                        last,
                        self._time_ns,
                        received_at,
                        last_qty,
                        volume,
                        average / 100,
                        open_ / 100,
                        high / 100,
                        low / 100,
                        close / 100,
                        open_interest,
                        bid / 100,
                        ask / 100,
                        bid_qty,
                        ask_qty,
                    )
        except (KeyError, struct.error):
            pass
        return self._tick_of_record(frame, received_at)

    def depth(self, frame: bytes, received_at: int) -> Depth | None:
        """Return every level in ``frame`` that is not empty; None where its kind carries no book.

        A book may be one-sided, empty or crossed: what that means is the reader's business. A
        circuit limit of 0 is absent. Raises ``WireError`` as ``tick`` does, and for a row of the
        best five that is flagged neither buy nor sell.
        """
        instrument = self._snap.get(frame[:_KEY_BYTES]) if len(frame) == _SNAP_BYTES else None
        if instrument is None:
            return self._depth_of_record(frame, received_at)
        time_ms, *rows, upper, lower = _unpack_book(frame)
        if rows[::4] != _BUYS_THEN_SELLS:
            return self._depth_of_record(frame, received_at)
        return Depth(
            instrument,
            self._source,
            _side(rows[:20]),
            _side(rows[20:]),
            upper / _FAST_SCALE if upper else None,
            lower / _FAST_SCALE if lower else None,
            time_ms * 1_000_000,
            received_at,
        )

    def _depth_of_record(self, frame: bytes, received_at: int) -> Depth | None:
        record = wire.decode(frame)
        if isinstance(record, wire.SnapQuote):
            listing = self._listing(record)
            upper = _rupees(record.upper_circuit, listing.scale)
            lower = _rupees(record.lower_circuit, listing.scale)
        elif isinstance(record, wire.Depth20):
            listing = self._listing(record)
            upper = lower = None
        else:
            return None
        if listing.is_index:
            return None
        return Depth(
            listing.instrument,
            self._source,
            _levels(record.bids, listing.scale),
            _levels(record.asks, listing.scale),
            upper,
            lower,
            record.exchange_time_ms * 1_000_000,
            received_at,
        )

    def _tick_of_record(self, frame: bytes, received_at: int) -> Tick | None:
        record = wire.decode(frame)
        if not isinstance(record, wire.Ltp):
            return None
        listing = self._listing(record)
        self._learn_alias(frame[:_KEY_BYTES], listing)
        if not record.last:
            return None
        instrument, scale, is_index, is_derivative = listing
        last = record.last / scale
        quote = record if isinstance(record, wire.Quote) else None
        traded = None if is_index else quote
        snap = traded if isinstance(traded, wire.SnapQuote) else None
        bid = _best(snap.bids) if snap else wire.EMPTY_ROW
        ask = _best(snap.asks) if snap else wire.EMPTY_ROW
        open_interest = snap.open_interest if snap else None
        return Tick(
            instrument,
            self._source,
            last,
            record.exchange_time_ms * 1_000_000,
            received_at,
            last_qty=(traded.last_quantity or None) if traded else None,
            volume=traded.volume if traded else None,
            average_price=_rupees(traded.average_price, scale) if traded else None,
            open=_rupees(quote.open, scale) if quote else None,
            high=_rupees(quote.high, scale) if quote else None,
            low=_rupees(quote.low, scale) if quote else None,
            previous_close=_rupees(quote.close, scale) if quote else None,
            open_interest=open_interest if is_derivative else open_interest or None,
            bid=_rupees(bid.price, scale),
            ask=_rupees(ask.price, scale),
            bid_qty=bid.quantity or None,
            ask_qty=ask.quantity or None,
        )

    def _listing(self, record: wire.Ltp | wire.Depth20) -> _Listing:
        try:
            return self._listings[record.exchange, record.token]
        except KeyError:
            raise WireError(f"token {record.token} on {record.segment} is unknown") from None

    def _remember(self, key: bytes, listing: _Listing) -> None:
        if listing.scale != _FAST_SCALE:
            return
        if key[0] == wire.Mode.LTP:
            self._ltp[key] = listing.instrument
        elif not listing.is_index:
            known = self._quote if key[0] == wire.Mode.QUOTE else self._snap
            known[key] = listing.instrument

    def _learn_alias(self, key: bytes, listing: _Listing) -> None:
        _, _, rest = key[2:].partition(b"\0")
        if rest.strip(b"\0") and self._aliases < _ALIASES_KEPT:
            self._aliases += 1
            self._remember(key, listing)


def _rupees(raw: int, scale: int) -> float | None:
    return raw / scale if raw else None


def _best(rows: tuple[wire.BookRow, ...]) -> wire.BookRow:
    for row in rows:
        if row.price and row.quantity:
            return row
    return wire.EMPTY_ROW


def _side(rows: list[int]) -> tuple[Level, ...]:
    """Return the levels in the rows of one side, given one behind the other."""
    quantities, prices = rows[1::4], rows[2::4]
    levels = map(Level, [price / _FAST_SCALE for price in prices], quantities, rows[3::4])
    if all(prices) and all(quantities):
        return tuple(levels)
    return tuple([level for level in levels if level.price and level.quantity])


def _levels(rows: tuple[wire.BookRow, ...], scale: int) -> tuple[Level, ...]:
    return tuple(
        Level(row.price / scale, row.quantity, row.orders)
        for row in rows
        if row.price and row.quantity
    )
