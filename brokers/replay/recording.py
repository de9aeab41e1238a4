"""A recording made ready to drive a run: what it holds, and how its frames are read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import RecordingError
from engine.model.catalogue import Catalogue
from engine.model.market import Depth
from engine.model.tokens import TokenRow
from engine.ports import Decoder
from engine.sessionlog.format import Header
from engine.sessionlog.reader import SessionLog, Through
from engine.sessionlog.row import FrameBatch

FindDecoder = Callable[[str, Catalogue, Sequence[TokenRow], str], Decoder]
"""``(broker, catalogue, tokens, source) -> Decoder``; the composition root knows the brokers."""


class BooklessDecoder:
    """Decodes frames whose empty book means *not known*: they were made from prints without one."""

    __slots__ = ("tick",)

    def __init__(self, decoder: Decoder) -> None:
        self.tick = decoder.tick

    def depth(self, frame: bytes, received_at: int) -> Depth | None:
        """Return None: nobody knows what stood in the book."""
        del frame, received_at
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording that was opened, checked and found whole."""

    log: SessionLog
    catalogue: Catalogue
    decoder: Decoder
    source: str
    content_sha256: str

    @property
    def header(self) -> Header:
        """What the recording says about itself."""
        return self.log.header

    def frames(self, *, through: Through = iter) -> Generator[FrameBatch]:
        """Yield the frames; raises ``RecordingError`` if they were changed (``frame_batches``)."""
        return self.log.frame_batches(checked=True, through=through)

    @classmethod
    def open(cls, path: Path, find_decoder: FindDecoder) -> Recording:
        """Open a recording.

        Raises ``RecordingError`` for one that cannot be used: foreign, newer, damaged, without
        frames, or of more than one socket. A live stream that a crash cut short opens up to its
        last whole batch; ``log.warning`` says so. The content of a closed one is held against its
        hash by ``frames``.
        """
        log = SessionLog.open(path)
        log.require_frames()
        header = log.header
        if len(header.sources) != 1:
            names = ", ".join(source.name for source in header.sources) or "none"
            raise RecordingError(
                f"{path}: a run takes frames of one socket, and this recording has {names}"
            )
        source = header.sources[0]
        summary = log.summary
        catalogue = header.catalogue()
        decoder = find_decoder(source.decoder, catalogue, source.tokens, source.name)
        return cls(
            log=log,
            catalogue=catalogue,
            decoder=decoder if header.shows_books else BooklessDecoder(decoder),
            source=source.name,
            content_sha256=log.content_hash() if summary is None else summary.content_sha256,
        )
