"""What the client sends: subscribe and unsubscribe (protocols/angelone.md section 3.3).

The server does not acknowledge; it answers only a request it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

import msgspec

from brokers.angelone.wire.packet import (
    EXCHANGE_TYPES,
    SEGMENTS,
    ExchangeType,
    Mode,
    instrument_key,
)
from engine.errors import FileError, WireError
from engine.model.instrument import Segment

QUOTA: Final = 1000
"""(token, mode) pairs one connection may hold."""

DEPTH_20_QUOTA: Final = 50
"""Tokens of mode 4 per client, all of nse_cm (section 3.5)."""

TOKENS_PER_REQUEST: Final = 50
"""Not a limit of the document: one refused request then costs fifty tokens, not a thousand."""

_CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9]{10}")
_CORRELATION_STEM: Final = re.compile(r"[A-Za-z0-9]{6}")


class Action(IntEnum):
    """What a request asks for."""

    UNSUBSCRIBE = 0
    SUBSCRIBE = 1


class TokenGroup(msgspec.Struct, frozen=True, rename="camel"):
    """Tokens of one exchange."""

    exchange_type: ExchangeType
    tokens: tuple[str, ...]


class Params(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a request."""

    mode: Mode
    token_list: tuple[TokenGroup, ...]


class Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"correlation_id": "correlationID"},
):
    """One request. ``correlation_id`` comes back in the error reply, if there is one."""

    correlation_id: str | None = None
    action: Action
    params: Params

    @property
    def tokens(self) -> list[tuple[Segment, str]]:
        """Every (segment, token) asked for, in order."""
        return [
            (SEGMENTS[group.exchange_type], token)
            for group in self.params.token_list
            for token in group.tokens
        ]


_DECODER: Final = msgspec.json.Decoder(Request)


def request(
    action: Action, mode: Mode, tokens: Iterable[tuple[Segment, str]], correlation_id: str
) -> Request:
    """Make one request; tokens keep their order within their exchange.

    Raises ``WireError`` for a token that cannot be sent, and for a ``correlation_id`` that is not
    ten letters and digits.
    """
    if not _CORRELATION_ID.fullmatch(correlation_id):
        raise WireError(f"correlation id {correlation_id!r} is not ten letters and digits")
    groups: dict[ExchangeType, list[str]] = {}
    for segment, token in tokens:
        exchange = EXCHANGE_TYPES[segment]
        instrument_key(exchange, token)
        groups.setdefault(exchange, []).append(token)
    if not groups:
        raise WireError("a request without tokens")
    listed = tuple(TokenGroup(exchange, tuple(found)) for exchange, found in groups.items())
    return Request(correlation_id=correlation_id, action=action, params=Params(mode, listed))


def requests(
    action: Action,
    mode: Mode,
    tokens: Iterable[tuple[Segment, str]],
    correlation_stem: str,
    *,
    held: int = 0,
) -> list[Request]:
    """Make as many requests as ``tokens`` need; a token named twice is sent once.

    ``held`` is how many (token, mode) pairs the connection has already. Each request is numbered
    behind the six letters and digits of ``correlation_stem``. Raises ``FileError`` when a
    subscription would exceed the connection's quota, or asks mode 4 of another segment than
    nse_cm; ``WireError`` as ``request`` does.
    """
    if not _CORRELATION_STEM.fullmatch(correlation_stem):
        raise WireError(f"correlation stem {correlation_stem!r} is not six letters and digits")
    wanted = list(dict.fromkeys(tokens))
    if action is Action.SUBSCRIBE:
        _check_quota(mode, wanted, held)
    return [
        request(
            action,
            mode,
            wanted[start : start + TOKENS_PER_REQUEST],
            f"{correlation_stem}{number:04d}",
        )
        for number, start in enumerate(range(0, len(wanted), TOKENS_PER_REQUEST), start=1)
    ]


def encode_request(asked: Request) -> bytes:
    """Return the JSON of a request."""
    return msgspec.json.encode(asked)


def parse_request(frame: bytes | str) -> Request:
    """Read a client's request, from a text or a binary frame, as the server does.

    Raises ``WireError`` where the server answers E1001: no JSON, an unknown action, mode or
    exchange, tokens that are not a list of strings, or no token at all.
    """
    try:
        found = _DECODER.decode(frame)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise WireError(f"not a request: {error}") from None
    for group in found.params.token_list:
        for token in group.tokens:
            instrument_key(group.exchange_type, token)
    if not found.tokens:
        raise WireError("a request without tokens")
    return found


def _check_quota(mode: Mode, wanted: Sequence[tuple[Segment, str]], held: int) -> None:
    if held + len(wanted) > QUOTA:
        raise FileError(
            f"{len(wanted)} instruments asked in mode {mode.name} with {held} held; a SmartStream "
            f"connection carries {QUOTA}: watch fewer, or open another (three per client)"
        )
    if mode is not Mode.DEPTH_20:
        return
    if len(wanted) > DEPTH_20_QUOTA:
        raise FileError(f"{len(wanted)} instruments asked in DEPTH_20; it carries {DEPTH_20_QUOTA}")
    for segment, token in wanted:
        if segment is not Segment.NSE_CM:
            raise FileError(f"token {token} on {segment}: DEPTH_20 exists on nse_cm only")
