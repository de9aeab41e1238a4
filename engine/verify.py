"""Verification: a session's log drives a new kernel, and every decision must come out again.

Nothing is recomputed from outside: frames are decoded again, every other event is fed as it was
written, and what the kernel wants is compared byte by byte (DESIGN.md section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brokers.replay.recording import Recording
from engine.app import (
    Parts,
    engine_sha256,
    join,
    load_kept,
    open_recording,
)
from engine.errors import FileError, RecordingError, VerificationFailed
from engine.model.codec import Codec, encode
from engine.model.effect import RunBackground, Say
from engine.model.event import Event, FrameDepth, InlineEvent
from engine.ports import Decoder
from engine.runtime.effects import sort_out
from engine.runtime.journal_reader import read_journal
from engine.runtime.sessions_on_disk import SessionFolder
from engine.runtime.tasks import read_ahead
from engine.sessionlog.decisions import as_logged
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.row import DispatchedEvent, DispatchedFrames, Effects

SHOWN_BYTES_MAX = 600
_EFFECTS = "of its effects"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was verified: how many events, effects and journal records came out again.

    ``notes`` says what has changed since the session, and where a torn log ends.
    """

    session: str
    events: int
    effects: int
    records: int
    notes: tuple[str, ...]


class _Nowhere:
    """A journal and a log that keep nothing: verification writes no files."""

    def append_all(self, *_: object) -> int:
        """Keep nothing."""
        return 0

    def dispatched_frames(self, *_: int) -> None:
        """Keep nothing."""

    def dispatched_event(self, *_: object) -> None:
        """Keep nothing."""

    def effects(self, *_: object) -> None:
        """Keep nothing."""


class _Frames:
    """The recording's frames in order, each asked for once or again while it is the newest."""

    def __init__(self, log: SessionLog) -> None:
        self._batches = log.frame_batches(through=read_ahead)
        self._batch = next(self._batches)

    def get(self, number: int) -> tuple[int, bytes]:
        """Return (received_at, payload) of a frame not before those asked for so far."""
        while number >= self._batch.first_frame + len(self._batch.payloads):
            following = next(self._batches, None)
            if following is None:
                raise RecordingError(f"the session speaks of frame {number}, past the recording")
            self._batch = following
        place = number - self._batch.first_frame
        return self._batch.received_at[place], self._batch.payloads[place]


def verify(session: SessionFolder) -> Verified:
    """Replay every decision of a session.

    Raises ``VerificationFailed`` with the first divergence: event, what was wanted, what came.
    Raises ``FileError`` when the session, its recording or its strategies cannot be read.
    """
    log = SessionLog.open(session.log)
    log.require_intact()
    boot = log.header.boot
    if "recording" not in boot:
        raise RecordingError(
            f"{session.log}: a recording, not a session: nothing was decided in it"
        )
    loaded = load_kept(session.path, Path(boot["folder"]))
    recording = open_recording(Path(boot["recording"]))
    if recording.content_sha256 != log.header.hashes["recording"]:
        raise VerificationFailed(
            f"{recording.log.path}: not the recording this session ran on "
            f"(content {recording.content_sha256[:12]}, wanted "
            f"{log.header.hashes['recording'][:12]})"
        )
    recording.log.require_intact()
    nowhere = _Nowhere()
    parts = join(loaded, recording, nowhere, nowhere, _say_nothing)
    current = {f"strategy {s.settings.strategy_id}": s.source_sha256 for s in loaded.strategies}
    current["configuration"] = loaded.configuration.sha256
    if loaded.configuration.calendar is not None:
        current["calendar"] = loaded.configuration.calendar.sha256
    current["engine"] = engine_sha256()
    notes = [
        f"{name} has changed since the session"
        for name, wanted in log.header.hashes.items()
        if name in current and current[name] != wanted
    ]
    # As they stand: a record that was decoded is not always written the same (150 and 150.0). The
    # first one is the boot, which the kernel does not make.
    journal = read_journal(session.journal, recording.catalogue).raw[1:]
    replay = _Replay(parts, recording, log, [entry.payload for entry in journal])
    try:
        events, effects = replay.run()
        records = replay.require_as_many(is_whole=log.is_closed)
    except VerificationFailed as failed:
        # What has changed is the first place to look.
        raise VerificationFailed(
            "\n".join([f"{session.name}: {failed}", *(f"  note: {note}" for note in notes)])
        ) from failed
    if not log.is_closed:
        notes.append(
            "the log ends in the middle of the session: what was not flushed is missing; "
            "verified to its last whole row"
        )
    if replay.missing:
        notes.append(
            f"the journal ends {replay.missing} records before the log: what they said was not "
            "compared"
        )
    return Verified(
        session=session.name, events=events, effects=effects, records=records, notes=tuple(notes)
    )


class _Replay:
    """Feeds the rows of a log to a kernel, and compares what it wants with them and the journal."""

    def __init__(
        self, parts: Parts, recording: Recording, log: SessionLog, journal: list[bytes]
    ) -> None:
        self._kernel = parts.kernel
        self._runner = parts.runner
        self._journal = journal
        self._records = self._counted = 0
        self._decoder: Decoder = recording.decoder
        self._frames = _Frames(recording.log)
        self._codec = Codec(recording.catalogue)
        self._log = log
        self._answer: bytes | None = None
        self._kseq = 0
        self._events = 0
        self._effects = 0

    def run(self) -> tuple[int, int]:
        """Replay everything. Return (events, effects)."""
        for decision in self._log.decisions():
            if isinstance(decision, Effects):
                self._compare(decision.kseq, decision.payload)
                continue
            self._require_answered()
            if isinstance(decision, DispatchedFrames):
                self._feed_frames(decision)
            else:
                self._feed_event(decision)
        if self._log.is_closed:
            self._require_answered()  # One that was cut short may end between event and answer.
        return self._events, self._effects

    def _feed_frames(self, run: DispatchedFrames) -> None:
        for offset in range(run.frames):
            self._require_answered()
            number = run.first_frame + offset
            received_at, payload = self._frames.get(number)
            tick = self._decoder.tick(payload, received_at)
            if tick is None:
                raise VerificationFailed(
                    _differs(run.first_kseq + offset, f"a tick from frame {number}", "none")
                )
            self._runner.frame = number
            now = run.first_at if run.frames == 1 else received_at
            self._feed(run.first_kseq + offset, tick, now)

    def _feed_event(self, row: DispatchedEvent) -> None:
        try:
            event = self._codec.decode(row.payload, InlineEvent)
        except FileError as error:
            why = f"event {row.kseq} is none that this engine knows ({error})"
            raise VerificationFailed(why) from error
        if isinstance(event, FrameDepth):
            received_at, payload = self._frames.get(event.frame)
            depth = self._decoder.depth(payload, received_at)
            if depth is None:
                raise VerificationFailed(
                    _differs(row.kseq, f"a book from frame {event.frame}", "none")
                )
            self._feed(row.kseq, depth, row.now)
            return
        self._feed(row.kseq, event, row.now)

    def _feed(self, kseq: int, event: Event, now: int) -> None:
        expected = self._kernel.desk.kseq + 1
        if kseq != expected:
            raise VerificationFailed(_differs(expected, "its row in the log", f"event {kseq}"))
        effects = self._kernel.handle(event, now)
        self._events += 1
        self._kseq = kseq
        if effects:
            records, others = sort_out(effects)
            self._answer = as_logged(records, others)
            for record in records:
                self._compare_record(encode(record))
            for effect in others:
                if isinstance(effect, RunBackground):
                    effect.work.close()

    def _compare_record(self, got: bytes) -> None:
        """Hold the next record of the journal against the one the kernel made again.

        Of a session that was cut short the journal may have more, written before the log was, or
        fewer: the machine lost what its operating system had not written.
        """
        place, journal = self._records, self._journal
        self._records += 1
        if place < len(journal) and journal[place] != got:
            where = f"of journal record {place + 2}"
            raise VerificationFailed(_divergence(self._kseq, where, journal[place], got))

    @property
    def missing(self) -> int:
        """How many records the log counts that the journal has not."""
        return max(0, self._counted - len(self._journal))

    def require_as_many(self, *, is_whole: bool) -> int:
        """Return how many records were compared; of a whole session that must be all."""
        made, written = self._records, len(self._journal)
        if is_whole and written != made:
            raise VerificationFailed(
                f"the journal has not as many records as were decided\n"
                f"  wanted {written + 1}\n  got    {made + 1}"
            )
        return min(made, written)

    def _compare(self, kseq: int, wanted: bytes) -> None:
        got, self._answer = self._answer, None
        self._effects += 1
        if kseq != self._kseq or got != wanted:
            raise VerificationFailed(_divergence(kseq, _EFFECTS, wanted, got))
        self._counted = self._records

    def _require_answered(self) -> None:
        """The event before led to effects now, and to none in the session."""
        if self._answer is not None:
            raise VerificationFailed(_divergence(self._kseq, _EFFECTS, b"[]", self._answer))


def _differs(kseq: int, wanted: str, got: str) -> str:
    return f"event {kseq} is the first that differs\n  wanted {wanted}\n  got    {got}"


def _divergence(kseq: int, where: str, wanted: bytes, got: bytes | None) -> str:
    """Return the first difference of two answers, with a little of what stands before it."""
    came = b"[]" if got is None else got
    place = next(
        (i for i, (a, b) in enumerate(zip(wanted, came, strict=False)) if a != b),
        min(len(wanted), len(came)),
    )
    start = max(0, place - 80)
    return (
        f"event {kseq} is the first that differs, at byte {place} {where}\n"
        f"  wanted {_short(wanted[start:])}\n  got    {_short(came[start:])}"
    )


def _short(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return text if len(text) <= SHOWN_BYTES_MAX else f"{text[:SHOWN_BYTES_MAX]}..."


def _say_nothing(line: Say) -> None:
    """Take a line and forget it."""
