"""The raw frame behind a decision, shown with its bytes and what they say."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.model.legs import Leg
from engine.model.side import Side
from engine.model.tokens import TokenRow
from engine.rules import RULES_VERSION
from engine.runtime.disk import FileDisk
from engine.sessionlog.format import Header, Source
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.writer import SessionLogWriter
from engine.testing import TRADING_DATE

Engine = Callable[..., Any]


def record(history: Any, path: Path, frame: bytes) -> str:
    """Write a recording of one frame; return its content hash."""
    instrument = history.call(24_300)
    header = Header(
        created_by="the tests", trading_date=TRADING_DATE, cadence_s=1.0,
        instruments=tuple(history.catalogue.facts()), rules_version=RULES_VERSION,
        sources=(
            Source(
                name="angel", decoder="angelone",
                tokens=(TokenRow(instrument.segment, "43210", instrument.key),),
            ),
        ),
    )  # fmt: skip
    writer = SessionLogWriter(FileDisk.create(path), header, name=path.name)
    writer.frame("angel", history.at(-250), frame)
    writer.close(history.at(0), "the end")
    summary = SessionLog.open(path).summary
    assert summary is not None
    return summary.content_sha256


def ltp_packet(history: Any) -> bytes:
    """An LTP packet: mode 1, segment 2 (nse_fo), token, sequence, exchange ms, last in paise."""
    return struct.pack("<BB25sqqq", 1, 2, b"43210", 9, history.at(-300) // 1_000_000, 9_005)


def explain(engine: Engine, history: Any, folder: Path, *, frame: int = 0, **boot: str) -> str:
    history.boot(**boot)
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    at, planned = history.records[-1]
    cause = type(planned.cause)(kseq=1, hook="condor.open_wings", frame=frame)
    history.records[-1] = (at, type(planned)(planned.at, cause, planned.plan))
    answer = engine("explain", "condor.wings.1", "--session", history.write(folder).path)
    assert answer.code == 0
    text: str = answer.out
    return text


def test_the_frame_is_shown_decoded_and_raw(engine: Engine, history: Any, tmp_path: Path) -> None:
    path = tmp_path / "morning.arrow"
    digest = record(history, path, ltp_packet(history))
    out = explain(engine, history, tmp_path / "one", recording=str(path), recording_hash=digest)
    assert "frame 0 of angel, received 09:19:59.750: NIFTY 25AUG26 24300 CE last 90.05\n" in out
    assert "51 bytes: 01 02 34 33 32 31 30 00" in out


def test_a_recording_that_was_replaced_is_not_shown(
    engine: Engine, history: Any, tmp_path: Path
) -> None:
    path = tmp_path / "morning.arrow"
    record(history, path, ltp_packet(history))
    out = explain(engine, history, tmp_path / "one", recording=str(path), recording_hash="0" * 64)
    assert "morning.arrow is not the recording this session ran on; it was replaced" in out


def test_a_frame_number_that_is_not_there_is_said(
    engine: Engine, history: Any, tmp_path: Path
) -> None:
    path = tmp_path / "morning.arrow"
    digest = record(history, path, ltp_packet(history))
    boot = {"recording": str(path), "recording_hash": digest}
    out = explain(engine, history, tmp_path / "one", frame=5, **boot)
    assert "no frame 5; it has 1" in out


def test_a_frame_no_decoder_can_read_is_said(engine: Engine, history: Any, tmp_path: Path) -> None:
    path = tmp_path / "morning.arrow"
    digest = record(history, path, b"first")
    out = explain(engine, history, tmp_path / "one", recording=str(path), recording_hash=digest)
    assert "  frame 0: " in out
    assert "asked for by condor.open_wings" in out
