"""SmartStream 2.0, bytes to records and back: packets, text frames, requests. No I/O.

Specified by the WebSocket Streaming 2.0 page (seed 001) and protocols/angelone.md section 3.
Records hold integers exactly as they are on the wire, for tests, exports and simulators; the
way from a frame to a ``Tick`` is ``brokers.angelone.normalize`` and does not pass through them.
"""

from __future__ import annotations

from brokers.angelone.wire.packet import (
    BEST_FIVE,
    DEPTH_20_ROWS,
    EMPTY_ROW,
    EXCHANGE_TYPES,
    PACKET_BYTES,
    SEGMENTS,
    TOKEN_BYTES,
    BookRow,
    Depth20,
    ExchangeType,
    Ltp,
    Mode,
    Packet,
    Quote,
    SnapQuote,
    decode_packet,
    divisor,
    encode_packet,
    five,
    instrument_key,
)
from brokers.angelone.wire.request import (
    DEPTH_20_QUOTA,
    QUOTA,
    TOKENS_PER_REQUEST,
    Action,
    Params,
    Request,
    TokenGroup,
    encode_request,
    parse_request,
    request,
    requests,
)
from brokers.angelone.wire.text import (
    ERROR_TEXTS,
    INVALID_PAYLOAD,
    LIMIT_EXCEEDED,
    PING,
    PONG,
    ErrorReply,
    Pong,
    Text,
    decode_text,
    encode_text,
)

Record = Packet | Text

__all__ = [
    "BEST_FIVE",
    "DEPTH_20_QUOTA",
    "DEPTH_20_ROWS",
    "EMPTY_ROW",
    "ERROR_TEXTS",
    "EXCHANGE_TYPES",
    "INVALID_PAYLOAD",
    "LIMIT_EXCEEDED",
    "PACKET_BYTES",
    "PING",
    "PONG",
    "QUOTA",
    "SEGMENTS",
    "TOKENS_PER_REQUEST",
    "TOKEN_BYTES",
    "Action",
    "BookRow",
    "Depth20",
    "ErrorReply",
    "ExchangeType",
    "Ltp",
    "Mode",
    "Packet",
    "Params",
    "Pong",
    "Quote",
    "Record",
    "Request",
    "SnapQuote",
    "Text",
    "TokenGroup",
    "decode",
    "decode_packet",
    "decode_text",
    "divisor",
    "encode",
    "encode_packet",
    "encode_request",
    "encode_text",
    "five",
    "instrument_key",
    "parse_request",
    "request",
    "requests",
]


def decode(frame: bytes | str) -> Record:
    """Return the record in one frame from the server.

    A recording keeps text frames as bytes; no mode byte is a printable character, so they tell
    themselves apart. Raises ``WireError`` on anything the protocol does not have.
    """
    if isinstance(frame, str) or frame[:1] >= b" ":
        return decode_text(frame)
    return decode_packet(frame)


def encode(record: Record) -> bytes:
    """Return ``record`` as the server would send it.

    Raises ``WireError`` where a field does not fit the wire.
    """
    if isinstance(record, Pong | ErrorReply):
        return encode_text(record)
    return encode_packet(record)
