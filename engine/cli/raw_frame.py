"""The raw frame behind a decision: its bytes as they came, and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from brokers.registry import BROKERS
from engine.cli import show
from engine.errors import FileError, LegworkError
from engine.model.market import Tick
from engine.rules.clock_time import clock_text
from engine.runtime.readmodel_schema import SessionRow
from engine.runtime.sessions_on_disk import SessionFolder
from engine.sessionlog.reader import SessionLog

_HEX_SHOWN_BYTES: Final = 24


class RawFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of the recording, or why it cannot be shown (``missing`` is set then).

    ``tick`` is what the broker's own decoder reads in ``hex``.
    """

    number: int | None
    missing: str = ""
    recording: str = ""
    source: str = ""
    received_at: int | None = None
    hex: str = ""
    tick: Tick | None = None

    def lines(self) -> list[str]:
        """Return it as a person reads it."""
        if self.number is None:
            return ["before the first frame of the recording"]
        if self.missing or self.received_at is None:
            return [f"frame {self.number}: {self.missing}"]
        data = bytes.fromhex(self.hex)
        shown = data[:_HEX_SHOWN_BYTES].hex(" ")
        more = " ..." if len(data) > _HEX_SHOWN_BYTES else ""
        at = clock_text(self.received_at)
        return [
            f"frame {self.number} of {self.source}, received {at}: {_tick_text(self.tick)}",
            f"  {len(data)} bytes: {shown}{more}",
        ]


def find_frame(folder: SessionFolder, session: SessionRow, number: int | None) -> RawFrame:
    """Return the frame of that number. Never raises: a frame that is not there says why."""
    if number is None:
        return RawFrame(number=None)
    try:
        path = _recording(folder, session)
        log = SessionLog.open(path)
        _require_same(log, session)
        frame = log.frame(number)
        source = next(s for s in log.header.sources if s.name == frame.source)
        decoder = BROKERS.decoder(
            source.decoder, log.header.catalogue(), source.tokens, source.name
        )
        tick = decoder.tick(frame.payload, frame.received_at)
    except LegworkError as error:
        return RawFrame(number=number, missing=str(error))
    return RawFrame(
        number=number,
        recording=str(path),
        source=frame.source,
        received_at=frame.received_at,
        hex=frame.payload.hex(),
        tick=tick,
    )


def _recording(folder: SessionFolder, session: SessionRow) -> Path:
    """Return where the recording is: where it was when it ran, or in the folder one stands in."""
    boot = SessionLog.open(folder.log).header.boot
    for path in (Path(str(boot.get("recording", session.recording))), Path(session.recording)):
        if path.is_file():
            return path
    raise FileError(f"the recording {session.recording} is not here, so its bytes cannot be shown")


def _require_same(log: SessionLog, session: SessionRow) -> None:
    written = log.summary.content_sha256 if log.summary is not None else None
    if written is not None and written != session.recording_hash:
        raise FileError(f"{log.path} is not the recording this session ran on; it was replaced")


def _tick_text(tick: Tick | None) -> str:
    if tick is None:
        return "no tick in it"
    parts = [f"{tick.instrument.symbol} last {show.price(tick.last)}"]
    if tick.bid is not None:
        parts.append(f"bid {show.price(tick.bid)}")
    if tick.ask is not None:
        parts.append(f"ask {show.price(tick.ask)}")
    return ", ".join(parts)
