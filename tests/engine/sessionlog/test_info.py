from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.errors import RecordingError
from engine.runtime.disk import FileDisk
from engine.sessionlog.compact import compact
from engine.sessionlog.format import Header
from engine.sessionlog.info import describe
from engine.sessionlog.writer import SessionLogWriter

Record = Callable[..., Path]
OPEN = 1_787_111_100_000_000_000


def test_a_recording_is_described_in_full(recorded: Record) -> None:
    path = compact(recorded(30))
    info = describe(path)
    assert info.path == str(path)
    assert info.is_synthetic
    assert info.synthetic is not None
    assert (info.synthetic.generator, info.synthetic.seed) == ("legwork-market/1", 7)
    assert not info.is_session
    assert [(s.name, s.decoder, s.tokens, s.frames) for s in info.sources] == [
        ("angel", "angelone", 2, 20),
        ("alice", "aliceblue", 0, 10),
    ]
    assert info.instruments == {"index": 1, "option": 1}
    assert info.underlyings == ("NIFTY",)
    assert info.rows["frame"] == info.frames == 30
    assert info.rows["closed"] == 1
    assert (info.first_at, info.last_at) == (OPEN, OPEN + 29_000_000)
    assert info.file_bytes == path.stat().st_size
    assert info.bytes_per_frame == info.file_bytes / 30
    assert info.is_compacted
    assert info.is_closed
    assert info.closed_because == "end of day"
    assert info.is_intact is True
    assert info.warning == ""


def test_a_session_is_told_from_a_recording_by_its_boot(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "session.arrow"
    boot = {"seed": 7, "recording": "nifty.arrow"}
    session = msgspec.structs.replace(header, boot=boot)
    writer = SessionLogWriter(FileDisk.create(path), session, name="x")
    writer.dispatched_frames(1, 0, 40, 5)
    writer.close(9, "done")
    info = describe(path)
    assert info.is_session
    assert info.boot == boot
    assert (info.events, info.frames, info.bytes_per_frame) == (40, 0, None)
    assert (info.first_at, info.last_at) == (None, None)


def test_a_torn_log_is_described_as_torn(recorded: Record) -> None:
    path = recorded(30, close=False)
    os.truncate(path, path.stat().st_size - 5)
    info = describe(path)
    assert info.is_torn
    assert info.lost_bytes > 0
    assert (info.is_closed, info.is_intact, info.frames) == (False, None, 20)
    assert "writer was killed" in info.warning


def test_what_is_no_log_is_not_described(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    path.write_text("hello, this is text")
    with pytest.raises(RecordingError, match="not a recording"):
        describe(path)
