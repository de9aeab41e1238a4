"""Binary packets: one per frame, little endian, packed (protocols/angelone.md section 3.4).

A packet of a higher mode is the one of the mode below with more behind it, and so are the records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

import msgspec

from engine.errors import WireError
from engine.model.instrument import Segment

TOKEN_BYTES: Final = 25
BEST_FIVE: Final = 5
DEPTH_20_ROWS: Final = 20

_BUY: Final = 1
_SELL: Final = 0


class Mode(IntEnum):
    """What is subscribed to, and the first byte of every packet.

    ``DEPTH_20`` was discontinued on 25 April 2025 (protocols/angelone.md section 3.5).
    """

    LTP = 1
    QUOTE = 2
    SNAP_QUOTE = 3
    DEPTH_20 = 4


class ExchangeType(IntEnum):
    """The second byte of every packet, and ``exchangeType`` of a request."""

    NSE_CM = 1
    NSE_FO = 2
    BSE_CM = 3
    BSE_FO = 4
    MCX_FO = 5
    NCX_FO = 7
    CDE_FO = 13


SEGMENTS: Final[dict[ExchangeType, Segment]] = {
    ExchangeType.NSE_CM: Segment.NSE_CM,
    ExchangeType.NSE_FO: Segment.NSE_FO,
    ExchangeType.BSE_CM: Segment.BSE_CM,
    ExchangeType.BSE_FO: Segment.BSE_FO,
    ExchangeType.MCX_FO: Segment.MCX_FO,
    ExchangeType.NCX_FO: Segment.NCX_FO,
    ExchangeType.CDE_FO: Segment.CDE_FO,
}
EXCHANGE_TYPES: Final[dict[Segment, ExchangeType]] = {s: e for e, s in SEGMENTS.items()}

PACKET_BYTES: Final[dict[Mode, int]] = {
    Mode.LTP: 51,
    Mode.QUOTE: 123,
    Mode.SNAP_QUOTE: 379,
    Mode.DEPTH_20: 443,
}

_ROW: Final = struct.Struct("<hqqh")
_DEEP_ROW: Final = struct.Struct("<iih")
_ROW_BLOCK: Final = f"{2 * BEST_FIVE * _ROW.size}s"
_DEEP_ROW_BLOCK: Final = f"{2 * DEPTH_20_ROWS * _DEEP_ROW.size}s"

_HEAD: Final = f"<BB{TOKEN_BYTES}s"
_LTP: Final = struct.Struct(_HEAD + "qqq")
_QUOTE: Final = struct.Struct(_HEAD + "qqq" + "qqqddqqqq")
_SNAP_QUOTE: Final = struct.Struct(_HEAD + "qqq" + "qqqddqqqq" + "qqq" + _ROW_BLOCK + "qqqq")
_DEPTH_20: Final = struct.Struct(_HEAD + "qq" + _DEEP_ROW_BLOCK)
_KEY: Final = struct.Struct(f"<B{TOKEN_BYTES}s")


class BookRow(msgspec.Struct, frozen=True, gc=False):
    """One row of a book as on the wire: ``price`` in paise (or 1e-7 rupees)."""

    quantity: int
    price: int
    orders: int


EMPTY_ROW: Final = BookRow(0, 0, 0)


class Ltp(msgspec.Struct, frozen=True):
    """Mode 1, 51 bytes. ``last`` and every other price: paise, or 1e-7 rupees on cde_fo.

    ``sequence`` means nothing on index packets. ``exchange_time_ms`` is milliseconds since the
    epoch, in whole seconds wherever it was observed.
    """

    exchange: ExchangeType
    token: str
    sequence: int
    exchange_time_ms: int
    last: int

    @property
    def segment(self) -> Segment:
        """The segment ``exchange`` stands for."""
        return SEGMENTS[self.exchange]


class Quote(Ltp, frozen=True):
    """Mode 2, 123 bytes. ``close`` is the previous day's while the market is open."""

    last_quantity: int
    average_price: int
    volume: int
    total_buy_quantity: float
    total_sell_quantity: float
    open: int
    high: int
    low: int
    close: int


class SnapQuote(Quote, frozen=True):
    """Mode 3, 379 bytes. ``bids`` and ``asks`` together are always ten rows, empty ones included.

    ``open_interest_change_bits`` is the field the document calls garbage, as the 64 bits it is:
    never traded on, and kept as an integer so that a NaN in it cannot spoil a comparison.
    """

    last_trade_time_s: int
    open_interest: int
    open_interest_change_bits: int
    bids: tuple[BookRow, ...]
    asks: tuple[BookRow, ...]
    upper_circuit: int
    lower_circuit: int
    year_high: int
    year_low: int

    @property
    def untrusted_open_interest_change_pct(self) -> float:
        """The same 64 bits read as the float64 they really are (section 3.4)."""
        bits = struct.pack("<q", self.open_interest_change_bits)
        return float(struct.unpack("<d", bits)[0])


class Depth20(msgspec.Struct, frozen=True):
    """Mode 4, 443 bytes: twenty rows a side, buys first, with neither a sequence nor a last price.

    ``packet_time_ms`` is the document's dummy "packet received time".
    """

    exchange: ExchangeType
    token: str
    exchange_time_ms: int
    packet_time_ms: int
    bids: tuple[BookRow, ...]
    asks: tuple[BookRow, ...]

    @property
    def segment(self) -> Segment:
        """The segment ``exchange`` stands for."""
        return SEGMENTS[self.exchange]


Packet = Ltp | Quote | SnapQuote | Depth20


def divisor(segment: Segment) -> int:
    """Return how many wire units make a rupee: 10,000,000 for currencies, 100 for the rest."""
    return 10_000_000 if segment is Segment.CDE_FO else 100


def five(rows: Iterable[BookRow]) -> tuple[BookRow, ...]:
    """Return the best five of ``rows``, filled up with empty rows."""
    best = tuple(rows)[:BEST_FIVE]
    return best + (EMPTY_ROW,) * (BEST_FIVE - len(best))


def instrument_key(exchange: ExchangeType, token: str) -> bytes:
    """Return bytes 1 to 26 of a packet for this token, padded with NUL.

    Raises ``WireError`` for a token that is empty, longer than 25 or not printable ASCII.
    """
    if not token or not token.isascii() or not token.isprintable() or len(token) > TOKEN_BYTES:
        raise WireError(f"token {token!r} is not 1 to {TOKEN_BYTES} printable ASCII characters")
    return _KEY.pack(exchange, token.encode("ascii"))


def decode_packet(frame: bytes) -> Packet:
    """Return the record in a binary frame.

    Raises ``WireError`` for an unknown mode or exchange, a length that is not the mode's, a token
    that is empty or not printable ASCII, and a best-five flag other than 1 (buy) and 0 (sell).
    """
    if not frame:
        raise WireError("an empty frame")
    mode = _MODES.get(frame[0])
    if mode is None:
        raise WireError(f"mode {frame[0]} in a frame of {len(frame)} bytes; known: 1-4")
    if len(frame) != PACKET_BYTES[mode]:
        raise WireError(
            f"a {mode.name} frame of {len(frame)} bytes; the mode has {PACKET_BYTES[mode]}"
        )
    exchange = _EXCHANGES.get(frame[1])
    if exchange is None:
        raise WireError(f"exchange type {frame[1]} is unknown")
    token = _token(frame[2 : 2 + TOKEN_BYTES])
    if mode is Mode.SNAP_QUOTE:
        *before, rows, upper, lower, year_high, year_low = _SNAP_QUOTE.unpack(frame)
        bids, asks = _best_five(rows, token)
        limits = (upper, lower, year_high, year_low)
        return SnapQuote(exchange, token, *(*before[3:], bids, asks, *limits))
    if mode is Mode.QUOTE:
        return Quote(exchange, token, *_QUOTE.unpack(frame)[3:])
    if mode is Mode.LTP:
        return Ltp(exchange, token, *_LTP.unpack(frame)[3:])
    *_, time_ms, packet_time_ms, rows = _DEPTH_20.unpack(frame)
    book = tuple(BookRow(*row) for row in _DEEP_ROW.iter_unpack(rows))
    bids, asks = book[:DEPTH_20_ROWS], book[DEPTH_20_ROWS:]
    return Depth20(exchange, token, time_ms, packet_time_ms, bids, asks)


def encode_packet(packet: Packet) -> bytes:
    """Return the frame of ``packet``: buys first, the token padded with NUL.

    Raises ``WireError`` where a value does not fit its field or a book has a wrong number of rows.
    """
    key = instrument_key(packet.exchange, packet.token)
    exchange, token = key[0], key[1:]
    try:
        if isinstance(packet, SnapQuote):
            fields = msgspec.structs.astuple(packet)
            at = packet.__struct_fields__.index("bids")
            rows = _pack_best_five(packet)
            head = (Mode.SNAP_QUOTE, exchange, token)
            return _SNAP_QUOTE.pack(*head, *fields[2:at], rows, *fields[at + 2 :])
        if isinstance(packet, Quote):
            return _QUOTE.pack(Mode.QUOTE, exchange, token, *msgspec.structs.astuple(packet)[2:])
        if isinstance(packet, Ltp):
            return _LTP.pack(Mode.LTP, exchange, token, *msgspec.structs.astuple(packet)[2:])
        times = (packet.exchange_time_ms, packet.packet_time_ms)
        return _DEPTH_20.pack(Mode.DEPTH_20, exchange, token, *times, _pack_twenty(packet))
    except struct.error as error:
        raise WireError(f"{type(packet).__name__} of token {packet.token}: {error}") from error


_MODES: Final = {mode.value: mode for mode in Mode}
_EXCHANGES: Final = {exchange.value: exchange for exchange in ExchangeType}


def _token(field: bytes) -> str:
    raw = field.partition(b"\0")[0]
    if not raw or not raw.isascii() or not (token := raw.decode("ascii")).isprintable():
        raise WireError(f"token {raw!r} is not printable ASCII")
    return token


def _best_five(block: bytes, token: str) -> tuple[tuple[BookRow, ...], tuple[BookRow, ...]]:
    bids: list[BookRow] = []
    asks: list[BookRow] = []
    for flag, quantity, price, orders in _ROW.iter_unpack(block):
        if flag == _BUY:
            bids.append(BookRow(quantity, price, orders))
        elif flag == _SELL:
            asks.append(BookRow(quantity, price, orders))
        else:
            raise WireError(f"best-five flag {flag} of token {token} is neither buy nor sell")
    return tuple(bids), tuple(asks)


def _pack_best_five(packet: SnapQuote) -> bytes:
    if len(packet.bids) + len(packet.asks) != 2 * BEST_FIVE:
        raise WireError(
            f"token {packet.token}: {len(packet.bids)} bids and {len(packet.asks)} asks; "
            "a SNAP_QUOTE packet has ten rows"
        )
    bids = [_ROW.pack(_BUY, row.quantity, row.price, row.orders) for row in packet.bids]
    asks = [_ROW.pack(_SELL, row.quantity, row.price, row.orders) for row in packet.asks]
    return b"".join(bids + asks)


def _pack_twenty(packet: Depth20) -> bytes:
    if len(packet.bids) != DEPTH_20_ROWS or len(packet.asks) != DEPTH_20_ROWS:
        raise WireError(
            f"token {packet.token}: {len(packet.bids)} bids and {len(packet.asks)} asks; "
            "a DEPTH_20 packet has twenty of each"
        )
    book = (*packet.bids, *packet.asks)
    return b"".join(_DEEP_ROW.pack(row.quantity, row.price, row.orders) for row in book)
