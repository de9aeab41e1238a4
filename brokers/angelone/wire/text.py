"""Text frames: the heartbeat and the error reply (protocols/angelone.md sections 3.2 and 3.3)."""

from __future__ import annotations

from typing import Final

import msgspec

from engine.errors import WireError

PING: Final = "ping"
PONG: Final = "pong"

INVALID_PAYLOAD: Final = "E1001"
LIMIT_EXCEEDED: Final = "E1002"
ERROR_TEXTS: Final = {
    INVALID_PAYLOAD: "Invalid Request Payload.",
    LIMIT_EXCEEDED: "Invalid Request. Subscription Limit Exceeded",
}
"""The server's words per code, as in the document's sample."""


class Pong(msgspec.Struct, frozen=True):
    """The answer to ``ping``."""


class ErrorReply(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={
        "correlation_id": "correlationID",
        "code": "errorCode",
        "message": "errorMessage",
    },
):
    """A request was refused; what was subscribed before stays. ``correlation_id`` names which."""

    correlation_id: str | None
    code: str
    message: str


Text = Pong | ErrorReply


class _Frame(msgspec.Struct):
    """An error reply as it may come: the id is absent or null when the request had none."""

    code: str = msgspec.field(name="errorCode")
    message: str = msgspec.field(name="errorMessage")
    correlation_id: str | None = msgspec.field(name="correlationID", default=None)


_DECODER: Final = msgspec.json.Decoder(_Frame)


def decode_text(frame: bytes | str) -> Text:
    """Return the record in a text frame. Raises ``WireError`` on any other text or bytes."""
    if frame in (PONG, b"pong"):
        return Pong()
    try:
        found = _DECODER.decode(frame)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        shown = frame[:80]
        raise WireError(f"text {shown!r} is neither pong nor an error reply: {error}") from None
    return ErrorReply(found.correlation_id, found.code, found.message)


def encode_text(record: Text) -> bytes:
    """Return the frame's text as UTF-8. Raises ``WireError`` for text that has no UTF-8."""
    if isinstance(record, Pong):
        return PONG.encode()
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError as error:
        raise WireError(f"error reply {record.code!r}: {error}") from None
