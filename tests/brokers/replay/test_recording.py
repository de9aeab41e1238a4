"""A recording is opened, checked and given its decoder; what cannot drive a run is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from brokers.registry import BROKERS
from brokers.replay.recording import Recording
from engine.errors import FileError, RecordingError
from engine.model.catalogue import Catalogue
from engine.model.tokens import TokenRow
from engine.runtime.disk import FileDisk
from engine.sessionlog.format import Source
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.writer import SessionLogWriter


def test_it_knows_its_instruments_its_socket_and_its_content(morning: Path) -> None:
    recording = Recording.open(morning, BROKERS.decoder)
    assert recording.source == "angel"
    assert len(recording.catalogue) == 12
    assert recording.header.is_synthetic
    assert recording.content_sha256 == SessionLog.open(morning).content_hash()
    ticks = [
        recording.decoder.tick(payload, at)
        for batch in recording.frames()
        for at, payload in zip(batch.received_at, batch.payloads, strict=True)
    ]
    assert len(ticks) == recording.log.frame_count
    assert all(tick is not None and tick.source == "angel" for tick in ticks)
    assert {tick.instrument for tick in ticks if tick} == set(recording.catalogue)


def test_the_decoder_is_the_one_the_recording_names(new_tape: Any, tmp_path: Path) -> None:
    tape = new_tape()
    tape.print_all()
    asked: list[tuple[str, int, str]] = []

    def find(broker: str, _: Catalogue, tokens: Sequence[TokenRow], source: str) -> Any:
        asked.append((broker, len(tokens), source))
        return None

    Recording.open(tape.write(tmp_path / "x.arrow"), find)
    assert asked == [("angelone", 12, "angel")]


def test_the_live_stream_and_its_compacted_file_are_the_same_recording(
    new_tape: Any, tmp_path: Path
) -> None:
    tape = new_tape()
    tape.walk("09:15:10")
    stream = Recording.open(tape.write(tmp_path / "a", stream=True), BROKERS.decoder)
    compacted = Recording.open(tape.write(tmp_path / "b"), BROKERS.decoder)
    assert stream.content_sha256 == compacted.content_sha256
    assert not stream.log.warning
    assert next(stream.frames()).payloads == next(compacted.frames()).payloads


def _write(path: Path, tape: Any, *, sources: tuple[Source, ...]) -> Path:
    header = msgspec.structs.replace(tape.header(), sources=sources)
    writer = SessionLogWriter(FileDisk.create(path), header, name=str(path))
    for received_at, frame in tape.frames:
        writer.frame(sources[0].name, received_at, frame)
    writer.close(tape.now, "the end")
    return path


def test_two_sockets_are_refused(new_tape: Any, tmp_path: Path) -> None:
    tape = new_tape()
    tape.print_all()
    (angel,) = tape.header().sources
    two = (angel, msgspec.structs.replace(angel, name="alice"))
    path = _write(tmp_path / "two.arrow", tape, sources=two)
    with pytest.raises(
        RecordingError, match="frames of one socket, and this recording has angel, alice"
    ):
        Recording.open(path, BROKERS.decoder)


def test_a_decoder_nobody_has_is_refused(new_tape: Any, tmp_path: Path) -> None:
    tape = new_tape()
    tape.print_all()
    (angel,) = tape.header().sources
    other = (msgspec.structs.replace(angel, decoder="zerodha"),)
    path = _write(tmp_path / "other.arrow", tape, sources=other)
    with pytest.raises(FileError, match="zerodha"):
        Recording.open(path, BROKERS.decoder)


def test_a_recording_without_frames_is_refused(new_tape: Any, tmp_path: Path) -> None:
    path = new_tape().write(tmp_path / "none.arrow")
    with pytest.raises(RecordingError, match="holds no market data"):
        Recording.open(path, BROKERS.decoder)


def test_a_torn_stream_opens_with_a_warning(new_tape: Any, tmp_path: Path) -> None:
    tape = new_tape()
    tape.walk("09:15:10")
    path = tape.write(tmp_path / "torn.arrow", stream=True, flush_rows=30)
    path.write_bytes(path.read_bytes()[:-1_000])
    recording = Recording.open(path, BROKERS.decoder)
    assert "was killed" in recording.log.warning or "not closed" in recording.log.warning
