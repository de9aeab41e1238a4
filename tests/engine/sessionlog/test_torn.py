from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from engine.errors import RecordingError
from engine.sessionlog.compact import compact
from engine.sessionlog.extent import measure_stream
from engine.sessionlog.format import encode_header
from engine.sessionlog.reader import SessionLog

Record = Callable[..., Path]


def test_a_stream_cut_at_every_byte_of_its_last_batch_opens_up_to_the_one_before(
    recorded: Record, bytes_of: Callable[[int], bytes]
) -> None:
    path = recorded(30, close=False)
    whole = path.read_bytes()
    before = recorded(20, name="before.arrow", close=False).stat().st_size
    assert before < len(whole)
    for length in range(before + 1, len(whole)):
        os.truncate(path, length)
        log = SessionLog.open(path)
        assert log.is_torn
        assert log.lost_bytes == length - before
        assert [frame.payload for frame in log.frames()] == [bytes_of(n) for n in range(20)]
        path.write_bytes(whole)
    log = SessionLog.open(path)
    assert (log.is_torn, log.lost_bytes, log.frame_count) == (False, 0, 30)


def test_a_stream_cut_between_two_batches_is_not_torn_and_not_closed(recorded: Record) -> None:
    log = SessionLog.open(recorded(20, close=False))
    assert not log.is_torn
    assert not log.is_closed
    assert "not closed in order" in log.warning


def test_a_torn_log_says_so(recorded: Record) -> None:
    path = recorded(30, close=False)
    os.truncate(path, path.stat().st_size - 1)
    warning = SessionLog.open(path).warning
    assert str(path) in warning
    assert "its writer was killed" in warning
    assert "bytes are of a batch that was not finished" in warning


@pytest.mark.parametrize("tail", [b"\x00", bytes(8), bytes(4096), b"\xff\xff\xff\xff", b"junk" * 9])
def test_what_a_power_cut_left_behind_the_last_batch_is_left_out(
    recorded: Record, tail: bytes
) -> None:
    path = recorded(20, close=False)
    with path.open("ab") as file:
        file.write(tail)
    log = SessionLog.open(path)
    assert log.lost_bytes == len(tail)
    assert log.frame_count == 20


def test_a_stream_cut_inside_its_header_is_refused_at_every_byte(recorded: Record) -> None:
    path = recorded(0, close=False)
    whole = path.read_bytes()
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.MessageReader.open_stream(source)
        assert reader.read_next_message().type == "schema"
        header_bytes = source.tell()
    for length in [*range(16), *range(16, header_bytes, 7), header_bytes - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(RecordingError, match=r"live\.arrow: "):
            SessionLog.open(path)
    path.write_bytes(whole[:header_bytes])
    assert SessionLog.open(path).frame_count == 0


def test_a_compacted_log_that_is_cut_anywhere_is_refused(recorded: Record) -> None:
    path = compact(recorded(30))
    whole = path.read_bytes()
    for length in [*range(1, 64), *range(64, len(whole), 41), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(RecordingError, match=r"live\.arrow: cut short"):
            SessionLog.open(path)


def test_a_closed_stream_is_whole_to_its_last_byte(recorded: Record) -> None:
    path = recorded(20)
    extent = measure_stream(path)
    assert extent.lost_bytes == 0
    assert SessionLog.open(path).is_closed


WRITER = """
import os, signal, sys
from pathlib import Path
from engine.runtime.disk import FileDisk
from engine.sessionlog.format import decode_header
from engine.sessionlog.writer import SessionLogWriter
header = decode_header(sys.stdin.buffer.read(), "stdin")
path = Path(sys.argv[1])
writer = SessionLogWriter(FileDisk.create(path), header, name=str(path))
for number in range(10_007):
    writer.frame("angel", number * 1_000_000, number.to_bytes(4, "little") * 90)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_loses_at_most_the_last_250_ms(header: object, tmp_path: Path) -> None:
    path = tmp_path / "killed.arrow"
    died = subprocess.run(
        [sys.executable, "-c", WRITER, str(path)],
        input=encode_header(header),
        cwd=Path(__file__).resolve().parents[3],
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    log = SessionLog.open(path)
    assert not log.is_closed
    frames = list(log.frames())
    assert [int.from_bytes(frame.payload[:4], "little") for frame in frames] == list(
        range(len(frames))
    )
    lost_ms = 10_006 - frames[-1].received_at // 1_000_000
    assert 0 <= lost_ms <= 250
