"""What the payloads of a log's own rows hold, and the rows as they are read back."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from engine.sessionlog.format import RowKind

_CHAIN_BYTES: Final = 16


class Connection(msgspec.Struct, frozen=True):
    """Something happened to a socket: ``state`` is a word of its protocol (``OPENED``, ...)."""

    state: str
    detail: str = ""


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """``count`` frames in a row were dispatched, each as ``parts`` events (tick, then depth)."""

    first_frame: int
    count: int
    parts: int = 1


class ChainedEffects(msgspec.Struct, frozen=True):
    """The effects of one event, and the chain hash up to and including them (hex)."""

    chain: str
    effects: msgspec.Raw


class Packed(msgspec.Struct, frozen=True):
    """What a compacted file has before its last batch: so many ``bytes``, and their hash (hex).

    The hash begins with the header and the summary, so that it covers those as well
    (``engine.sessionlog.packed``).
    """

    bytes: int
    sha256: str


class Summary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last row of a log that was closed in order.

    ``content_sha256`` covers header and rows and survives compaction. ``events`` counts dispatched
    events, ``effects`` the rows with effects. ``first_at`` and ``last_at`` are the receive times of
    the first and the last frame, None without one. ``packed`` is compaction's, None before it.
    """

    content_sha256: str
    frames: int
    texts: int
    connections: int
    events: int
    effects: int
    effects_chain: str
    first_at: int | None
    last_at: int | None
    reason: str
    packed: Packed | None = None


class Row(NamedTuple):
    """A row as it stands; ``RowKind`` says what ``seq``, ``at`` and ``payload`` mean."""

    kind: RowKind
    seq: int
    at: int
    source: str
    payload: bytes


class Frame(NamedTuple):
    """One binary frame of one socket."""

    number: int
    source: str
    received_at: int
    payload: bytes


class FrameBatch(NamedTuple):
    """Consecutive frames as parallel sequences; ``sources`` holds indices into the header's.

    >>> for received_at, payload in zip(batch.received_at, batch.payloads): ...
    """

    first_frame: int
    received_at: list[int]
    payloads: list[bytes]
    sources: bytes


class DispatchedFrames(NamedTuple):
    """Frames that became events ``first_kseq`` .. without a gap.

    In a run of more than one frame the time of each event is its frame's receive time; the event
    of a run of one was handled at ``first_at``.
    """

    first_kseq: int
    first_at: int
    first_frame: int
    frames: int
    parts: int


class DispatchedEvent(NamedTuple):
    """An event that came from no frame, as tagged JSON."""

    kseq: int
    now: int
    payload: bytes


class Effects(NamedTuple):
    """What the kernel answered to event ``kseq``, as JSON; an empty answer has no row."""

    kseq: int
    now: int
    payload: bytes


Decision = DispatchedFrames | DispatchedEvent | Effects


class Chain:
    """The running hash over a session's effects; it starts from the header."""

    def __init__(self, header_json: bytes) -> None:
        self._digest = blake2b(header_json, digest_size=_CHAIN_BYTES).digest()

    def add(self, kseq: int, payload: bytes) -> str:
        """Take in the effects of one event and return the chain so far, hex."""
        link = self._digest + kseq.to_bytes(8, "little", signed=True) + payload
        self._digest = blake2b(link, digest_size=_CHAIN_BYTES).digest()
        return self._digest.hex()

    @property
    def hex(self) -> str:
        """The chain so far."""
        return self._digest.hex()
